using System.Xml.Linq;
using MnistCnn.Runtime;

namespace MnistCnn.Tests.Commands;

/// <summary>Names of files, folders and classes that would break lines, send escape sequences to the terminal or reorder text.</summary>
public sealed class UnsafeNamesTests : IDisposable
{
    private const string Name = "x\nspoof\u001b[2J\u0007\u0085\u202ey";

    private static readonly string[] Small = ["--epochs", "1", "--threads", "1"];

    private readonly TemporaryFolder folder = new();

    public UnsafeNamesTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "files of Windows have no such names");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void All_commands_escape_them()
    {
        SmallPictures.Write(folder[$"data {Name}"], [$"a {Name}", $"b {Name}"], count: 12, side: 28);
        Directory.CreateDirectory(folder[Name]);
        string[] data = ["--data", $"../data {Name}"];
        AssertSafe(0, ["train", "--arch", "residual", "--recipe", "article", "--out", $"run {Name}", .. Small, .. data]);
        AssertSafe(0, ["train", "--resume", $"run {Name}", "--epochs", "2", "--threads", "1"]);
        AssertSafe(0, ["evaluate", $"run {Name}", .. data]);
        AssertSafe(0, ["predict", $"run {Name}", $"../data {Name}/a {Name}", "--top", "2"]);
        AssertSafe(0, ["compare", $"run {Name}", "--plot", $"{Name}.svg"]);
        AssertSafe(0, ["export", $"run {Name}", "--overwrite"]);
        AssertSafe(0, ["summary", "--arch", "residual", .. data]);
        AssertSafe(0, ["doctor"]);
        AssertSafe(0, ["sweep", "seed=1,2", "--arch", "residual", "--out", $"sweep {Name}", .. Small, .. data]);
        AssertSafe(0, ["experiment", "gradients", "--quick", "--seeds", "1", "--threads", "1", "--out", $"experiment {Name}", .. data]);
        XDocument.Parse(File.ReadAllText(folder[$"{Name}/{Name}.svg"])); // XML forbids control characters
    }

    [Fact]
    public void Error_messages_escape_them()
    {
        Directory.CreateDirectory(folder[Name]);
        Directory.CreateDirectory(folder[$"{Name}/{Name}"]);
        File.WriteAllText(folder[$"{Name}/{Name}.png"], "nonsense");
        AssertSafe(1, ["train", "--data", Name]);
        AssertSafe(1, ["train", "--resume", Name]);
        AssertSafe(1, ["evaluate", Name]);
        AssertSafe(1, ["predict", $"{Name}.png"]);
        AssertSafe(2, ["predict", "residual", $"{Name}.safetensors"]);
        AssertSafe(1, ["compare", Name]);
        AssertSafe(1, ["serve", $"{Name}.safetensors"]);
        AssertSafe(2, [Name]);
        AssertSafe(2, ["train", $"--{Name}"]);
        AssertSafe(2, ["train", "--lr", Name]);
        Assert.DoesNotContain('\u001b', ProgramRun.Of(folder[Name], "evaluate", Name, "--verbose").Error);
    }

    // Both as text and as JSON.
    private void AssertSafe(int exitCode, string[] arguments)
    {
        AssertLines(arguments);
        if (exitCode == 0 && arguments[0] is "evaluate" or "predict" or "compare" or "doctor")
            AssertLines([.. arguments, "--json"]);

        void AssertLines(string[] all)
        {
            var run = ProgramRun.Of(folder[Name], all);
            Assert.True(run.ExitCode == exitCode, $"{all[0]}: exit code {run.ExitCode}: {run.RawError}");
            foreach (var line in $"{run.RawOutput}\n{run.RawError}".ReplaceLineEndings("\n").Split('\n'))
            {
                Assert.Equal(PrintableText.Escape(line), line);
                Assert.False(line.StartsWith("spoof", StringComparison.Ordinal), $"{all[0]}: {line}");
            }
        }
    }
}
