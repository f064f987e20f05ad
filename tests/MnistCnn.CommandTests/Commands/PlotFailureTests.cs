namespace MnistCnn.Tests.Commands;

/// <summary>Commands whose plots cannot be drawn because the program's font is damaged.</summary>
public sealed class PlotFailureTests : IDisposable
{
    private static readonly string[] Small = ["--train-limit", "64", "--test-limit", "50", "--threads", "1"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_plot_that_fails_is_one_warning_and_does_not_stop_the_command()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the copy is made of links");
        var program = DamagedProgram.Create(folder["program"], "data/fonts/DejaVuSans.ttf");

        var train = Run(["train", "--arch", "plain", "--epochs", "2", "--out", "run", .. Small]);
        Assert.Equal(["accuracy.png"], NotDrawn(train));
        Assert.Contains("Best accuracy", train.Output);
        Assert.Equal(2, File.ReadAllLines(folder["run/metrics.jsonl"]).Length);
        Assert.DoesNotContain("accuracy.png", train.Output);

        var evaluate = Run("evaluate", "run", "--test-limit", "50");
        Assert.Equal(["best-confusion.png", "best-mistakes.png"], NotDrawn(evaluate));
        Assert.Contains("Plain: accuracy ", evaluate.Output);

        var experiment = Run(["experiment", "gradients", "--quick", "--seeds", "1", "--out", "gradients", .. Small]);
        Assert.Equal(["plot.png"], NotDrawn(experiment));
        Assert.True(File.Exists(folder["gradients/measurements.csv"]));
        Assert.Contains("seed", experiment.Output);

        ProgramRun Run(params string[] arguments) => ProgramRun.OfDotnet(folder.FullPath, ["exec", program, .. arguments]);
    }

    // Names of the files that a successful command warns about.
    private static string[] NotDrawn(ProgramRun run)
    {
        Assert.True(run.ExitCode == 0, run.Error);
        var warnings = run.Error.Split('\n').Where(line => line.StartsWith("warning: ", StringComparison.Ordinal)).ToArray();
        const string reason = "DejaVuSans.ttf, the font of all plots, is missing or damaged: install the program again.";
        Assert.All(warnings, line => Assert.EndsWith(reason, line));
        return [.. warnings.Select(line => Path.GetFileName(line.Split(" was not drawn: ")[0]))];
    }
}
