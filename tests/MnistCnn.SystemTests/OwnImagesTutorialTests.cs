using System.Text.RegularExpressions;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>The first commands of docs/tutorials/own-images.md draw letters in the fonts of this system, train, and evaluate.</summary>
public sealed class OwnImagesTutorialTests : IDisposable
{
    private const string Program = "dotnet run --project src/MnistCnn ";

    private static readonly string Page = Path.Combine(RepositoryRoot.FullPath, "docs", "tutorials", "own-images.md");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_network_of_the_tutorial_classifies_nine_of_ten_letters_correctly()
    {
        Assert.SkipUnless(
            SkiaSharp.SKFontManager.Default.FontFamilies.Any(family => family.Length > 0), "this system has no font to draw letters in");
        string[] commands = [.. File.ReadLines(Page).Where(line => line.StartsWith("    dotnet run ", StringComparison.Ordinal))];
        Assert.Equal("    dotnet run docs/letters.cs letters", commands[0]);
        var drawn = ProgramRun.OfDotnet(folder.FullPath, "run", Path.Combine(RepositoryRoot.FullPath, "docs", "letters.cs"), "letters");
        Assert.Equal(0, drawn.ExitCode);

        Assert.Matches(@"Data: [\d,]+ grey images of 32x32 in 10 classes, 80 % to train on", Run(commands[1].Trim()));
        Assert.Matches(@"Residual: accuracy 9\d\.\d\d %", Run(commands[2].Trim()));
        var predictions = Run($"{Program}predict runs/letters letters/C").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.InRange(predictions.Count(line => Regex.IsMatch(line, @"\.png +C +\d")), 0.9 * predictions.Length, predictions.Length);
    }

    private string Run(string command)
    {
        Assert.StartsWith(Program, command);
        var run = ProgramRun.Of(folder.FullPath, command[Program.Length..].Split(' '));
        Assert.True(run.ExitCode == 0, $"{command}: {run.Output}{run.Error}");
        return run.Output + run.Found;
    }
}
