using System.Text.RegularExpressions;

namespace MnistCnn.Tests.Commands;

/// <summary>
/// Exact output of the program in a terminal of 80 columns, or redirected. The expected output is in the folder Golden; the environment
/// variable MNIST_CNN_GOLDEN=write rewrites it. Read the difference before you commit it.
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
    public void Help_is_not_wrapped_in_a_file(string name, params string[] arguments) =>
        AssertGolden(name, ProgramRun.OfProcess(folder.FullPath, arguments).Output.Replace($"1 to {Environment.ProcessorCount}", "1 to N"));

    [Fact]
    public void Summary_in_80_columns() => AssertGolden("summary", InTerminal("summary --arch inception"));

    [Fact]
    public void Evaluate_in_80_columns() => AssertGolden("evaluate", InTerminal($"evaluate '{Trained}' --test-limit 200 --out ."));

    [Fact]
    public void Compare_in_80_columns()
    {
        WriteRun("inception-20260101-120000", 96.5, 97.75, 98.25);
        WriteRun("residual-20260101-120100", 97.5, 98.5);
        AssertGolden("compare", InTerminal("compare inception-20260101-120000 residual-20260101-120100"));
    }

    // All digits become 0: they depend on chance and time.
    [Fact]
    public void Train_redirected_to_a_file()
    {
        string[] limits = ["--epochs", "2", "--train-limit", "640", "--test-limit", "100", "--validation", "64"];
        var run = ProgramRun.OfProcess(folder.FullPath, ["train", "--arch", "plain", .. limits, "--log-interval", "5", "--out", "out"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        AssertGolden("train", Digits().Replace(run.Output.Replace(folder.FullPath, "FOLDER"), "0"));
    }

    private void WriteRun(string name, params double[] accuracies)
    {
        const string Rest = """ "train_loss":0.1,"test_loss":0.1,"train_seconds":20,"test_seconds":2.5,"images_per_second":3000}""";
        Directory.CreateDirectory(folder[name]);
        File.WriteAllLines(
            folder[$"{name}/metrics.jsonl"],
            accuracies.Select((accuracy, index) => $$"""{"epoch":{{index + 1}},"test_accuracy":{{accuracy}},{{Rest}}"""));
    }

    private string InTerminal(string arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no script, or another one");
        var command = $"TERM=xterm; export TERM; stty cols 80 rows 24; {ProgramRun.Command} {arguments}";
        var run = ProgramRun.OfShell(folder.FullPath, $"script --quiet --return --command \"{command}\" /dev/null");
        Assert.Equal(0, run.ExitCode);

        // .NET first switches the arrow keys to application mode.
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
