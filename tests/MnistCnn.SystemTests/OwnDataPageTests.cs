using System.Text.RegularExpressions;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>The commands of docs/guides/own-data.md.</summary>
public sealed class OwnDataPageTests : IDisposable
{
    private static readonly string Page = Path.Combine(RepositoryRoot.FullPath, "docs", "guides", "own-data.md");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // The page creates images of the letters A to J in the fonts of this system, as in notMNIST.
    [Fact]
    public void The_commands_of_the_page_work()
    {
        Assert.SkipUnless(
            SkiaSharp.SKFontManager.Default.FontFamilies.Any(family => family.Length > 0), "this system has no font to draw letters in");
        string[] commands =
        [
            .. File.ReadLines(Page).Where(line => line.StartsWith("    dotnet run ", StringComparison.Ordinal)).Select(line => line.Trim()),
        ];
        Assert.Equal(4, commands.Length);
        var output = new List<string>();
        foreach (var command in commands)
        {
            var arguments = command.Replace("../../", $"{RepositoryRoot.FullPath}/").Split(' ')[2..];
            var run = arguments[0] == "--file" // where the page has it run, into the folder of the test
                ? ProgramRun.OfDotnet(
                    Path.Combine(RepositoryRoot.FullPath, "src", "MnistCnn"), ["run", .. arguments[..^1], folder[arguments[^1]]])
                : ProgramRun.Of(folder.FullPath, arguments);
            Assert.True(run.ExitCode == 0, $"{command}: {run.Output}{run.Error}");
            output.Add(run.Output + run.Found);
        }

        Assert.Matches(@"Data: [\d,]+ grey images of 32x32 in 10 classes, 80 % to train on", output[1]);
        Assert.Matches(@"Residual: accuracy 9\d\.\d\d %", output[2]);
        var predictions = output[3].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.InRange(predictions.Count(line => Regex.IsMatch(line, @"\.png +C +\d")), 0.9 * predictions.Length, predictions.Length);
    }
}
