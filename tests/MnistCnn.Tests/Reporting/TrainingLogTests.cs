using MnistCnn.Reporting;
using MnistCnn.Training;

namespace MnistCnn.Tests.Reporting;

public sealed class TrainingLogTests
{
    [Fact]
    public void Each_line_has_the_mean_loss_since_the_previous_line()
    {
        var output = new StringWriter { NewLine = "\n" };
        var report = new TrainingLog(output, logInterval: 2);
        foreach (var (step, loss) in new[] { 1.0, 2.0, 3.0, 4.0, 9.0 }.Index())
            report.OnStepEnd(new StepMetrics(1, step + 1, 5, loss, 64, 0.01));
        report.OnEpochEnd(new EpochMetrics(1, 3.8, 0.25, 97.126, 2.5, 0.25, 24000));
        report.OnStepEnd(new StepMetrics(2, 1, 5, 1, 64, 0.01));
        report.OnStepEnd(new StepMetrics(2, 2, 5, 0.5, 64, 0.01));
        Assert.Equal(
            """
            [1     2] loss: 1.500
            [1     4] loss: 3.500
            Epoch  1: accuracy 97.13 %, loss 3.8000 training, 0.2500 test, 2.8 s
            [2     2] loss: 0.750

            """.ReplaceLineEndings("\n"),
            output.ToString());
    }

    [Fact]
    public void The_first_line_of_a_resumed_run_has_the_mean_loss_of_its_own_steps()
    {
        var output = new StringWriter { NewLine = "\n" };
        var report = new TrainingLog(output, logInterval: 4);
        report.OnStepEnd(new StepMetrics(1, 3, 8, 2, 64, 0.01));
        report.OnStepEnd(new StepMetrics(1, 4, 8, 1, 64, 0.01));
        Assert.Equal("[1     4] loss: 1.500\n", output.ToString());
    }
}
