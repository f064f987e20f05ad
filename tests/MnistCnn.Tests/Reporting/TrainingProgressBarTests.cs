using MnistCnn.Reporting;
using MnistCnn.Training;
using Spectre.Console.Testing;

namespace MnistCnn.Tests.Reporting;

public sealed class TrainingProgressBarTests
{
    [Fact]
    public void A_run_resumed_in_the_middle_of_an_epoch_shows_that_epoch()
    {
        var console = new TestConsole().Width(120).Interactive();
        ProgressBar.Show(console, bar =>
        {
            var report = new TrainingProgressBar(bar, epochs: 3);
            report.OnStepEnd(new StepMetrics(2, 301, 400, 0.5, 64, 0.01));
            report.OnStepEnd(new StepMetrics(2, 302, 400, 0.25, 64, 0.01));
        });
        var text = console.Output;
        Assert.Contains("Epoch 2/3", text);
        Assert.DoesNotContain("Epoch 1/3", text);
        Assert.Contains("loss 0.3750", text);
    }

    // Otherwise the rest of the bar would stay visible behind a shorter line.
    [Fact]
    public void A_line_above_the_bar_fills_its_row()
    {
        using var console = new TestConsole();
        console.Profile.Width = 40;
        Terminal.WithProgress(console, () => Terminal.WriteErrorLine("a line"));
        Assert.Equal(["a line".PadRight(40)], console.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
