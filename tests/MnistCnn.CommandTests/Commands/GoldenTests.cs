using System.Text.RegularExpressions;

namespace MnistCnn.Tests.Commands;

/// <summary>
/// What the program prints, to the letter: in a terminal of 80 columns, or redirected. The files are in the folder Golden; with the
/// variable MNIST_CNN_GOLDEN set to "write", they are written anew, to be read before they are committed.
/// </summary>
public sealed partial class GoldenTests : IDisposable
{
    private static readonly string Trained = Fixture.PathOf("residual-trained.safetensors");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("help", "--help")]
    [InlineData("help-train", "train", "--help")]
    [InlineData("help-experiment", "experiment", "--help")]
    public void Help_is_as_wide_as_it_takes(string name, params string[] arguments) =>
        AssertGolden(name, ProgramRun.OfProcess(folder.FullPath, arguments).Output.Replace($"1 to {Environment.ProcessorCount}", "1 to N"));

    [Fact]
    public void Summary_in_80_columns() => AssertGolden("summary", InTerminal("summary --arch inception"));

    [Fact]
    public void Evaluate_in_80_columns() => AssertGolden("evaluate", InTerminal($"evaluate '{Trained}' --test-limit 200 --out ."));

    [Fact]
    public void Compare_in_80_columns()
    {
        foreach (var (name, accuracies) in new[] { ("inception-20260101-120000", new[] { 96.5, 97.75, 98.25 }), ("residual-20260101-120100", [97.5, 98.5]) })
        {
            Directory.CreateDirectory(folder[name]);
            File.WriteAllLines(folder[$"{name}/metrics.jsonl"], accuracies.Select((accuracy, index) => FormattableString.Invariant(
                $$"""{"epoch":{{index + 1}},"train_loss":0.1,"test_loss":0.1,"test_accuracy":{{accuracy}},"train_seconds":20,"test_seconds":2.5,"images_per_second":3000}""")));
        }

        AssertGolden("compare", InTerminal("compare inception-20260101-120000 residual-20260101-120100"));
    }

    // The digits are chance and time.
    [Fact]
    public void Train_redirected_to_a_file()
    {
        var run = ProgramRun.OfProcess(
            folder.FullPath, "train", "--arch", "plain", "--epochs", "2", "--train-limit", "640", "--test-limit", "100", "--log-interval", "5", "--validation", "64", "--out", "out");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        AssertGolden("train", Digits().Replace(run.Output.Replace(folder.FullPath, "FOLDER"), "0"));
    }

    private string InTerminal(string arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no script, or another one");
        var run = ProgramRun.OfShell(
            folder.FullPath, $"script --quiet --return --command \"TERM=xterm; export TERM; stty cols 80 rows 24; {ProgramRun.Command} {arguments}\" /dev/null");
        Assert.Equal(0, run.ExitCode);

        // What .NET says to the terminal before anything else: that arrow keys shall send what applications expect.
        return run.Output.Replace("\u001b[?1h\u001b=", "");
    }

    private void AssertGolden(string name, string output)
    {
        output = string.Join('\n', output.Replace(folder.FullPath, "FOLDER").Split('\n').Select(line => line.TrimEnd()));
        var path = Path.Combine(RepositoryRoot.FullPath, "tests", "MnistCnn.CommandTests", "Golden", $"{name}.txt");
        if (Environment.GetEnvironmentVariable("MNIST_CNN_GOLDEN") == "write")
            File.WriteAllText(path, output);
        Assert.Equal(File.ReadAllText(path).ReplaceLineEndings("\n"), output);
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();
}
