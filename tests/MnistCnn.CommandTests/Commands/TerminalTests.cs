namespace MnistCnn.Tests.Commands;

/// <summary>Output in a terminal, which is util-linux's <c>script</c>.</summary>
[Trait("Speed", "Slow")]
public sealed class TerminalTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Train_shows_a_progress_bar_and_one_line_per_epoch()
    {
        var run = Run("train --arch plain --epochs 2 --train-limit 640 --test-limit 100 --out out");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Epoch 2/2", run.Output);
        Assert.Contains("images/s", run.Output);
        Assert.Contains("Epoch  2: accuracy ", run.Output);
        Assert.DoesNotContain("[1 ", run.Output);
    }

    [Fact]
    public void Experiment_shows_a_progress_bar()
    {
        var run = Run("experiment gradients --quick --seeds 1 --train-limit 64 --test-limit 50 --out out");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("6/6 32 plain blocks, seed 1", run.Output);
        Assert.Contains(" left", run.Output);
    }

    // The terminal joins standard output and standard error.
    private ProgramRun Run(string arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no script, or another one");
        return ProgramRun.OfShell(folder.FullPath, $"script --quiet --return --command \"{ProgramRun.Command} {arguments}\" /dev/null");
    }
}
