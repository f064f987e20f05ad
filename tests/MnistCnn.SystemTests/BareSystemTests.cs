using System.Xml.Linq;
using MnistCnn.Tests;
using SkiaSharp;

namespace MnistCnn.SystemTests;

/// <summary>Plots on a system without fonts, such as a container of the .NET SDK.</summary>
public sealed class BareSystemTests : IDisposable
{
    private const string Small = "--train-limit 320 --test-limit 100 --threads 1";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Plots_are_the_same_with_and_without_system_fonts()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "only root can hide the system's fonts");
        Run($"train --arch plain --epochs 2 --out run {Small}");
        AssertTitle("run/accuracy.png", 800, 500);
        Run($"train --arch plain --epochs 1 --out second --plot accuracy.svg {Small}");
        string[] texts =
        [
            .. from element in XDocument.Load(folder["accuracy.svg"]).Descendants()
               where element.Name.LocalName == "text"
               select element.Value.Trim(),
        ];
        Assert.Contains(texts, text => text.StartsWith("Plain: best ", StringComparison.Ordinal));
        Assert.Contains("Epoch", texts);

        Run("evaluate run --test-limit 100");
        AssertTitle("run/best-confusion.png", 910, 800);
        AssertTitle("run/best-mistakes.png", 900, null);
        Run("compare run second");
        AssertTitle("compare.png", 1600, 500);
        Run($"experiment views --quick --seeds 1 --epochs 1 --out views {Small}");
        AssertTitle("views/plot.png", null, null);
        AssertTitle("views/maps.png", null, null);
        Run($"sweep seed=1,2 --arch plain --epochs 1 --out sweep {Small}");
        AssertTitle("sweep/plot.png", 800, 550);
        Assert.Matches(@"(?m)^ *Plots +ok +text in DejaVu Sans; system font families for other characters: 0 *$", Run("doctor").Output);

        Assert.Equal(0, ProgramRun.Of(folder.FullPath, "compare", "run", "second", "--plot", "with-fonts.png").ExitCode);
        Assert.Equal(File.ReadAllBytes(folder["with-fonts.png"]), File.ReadAllBytes(folder["compare.png"]));
    }

    // A mount namespace hides the fonts from this process only.
    private ProgramRun Run(string arguments)
    {
        File.WriteAllText(folder["bare.sh"], $"""
            for fonts in /usr/share/fonts /usr/local/share/fonts; do
                [ ! -d $fonts ] || mount -t tmpfs none $fonts
            done
            HOME=/nonexistent {ProgramRun.Command} {arguments}
            """);
        var run = ProgramRun.OfShell(folder.FullPath, "unshare --mount sh bare.sh");
        Assert.True(run.ExitCode == 0, $"{arguments}: {run.Error}");
        Assert.DoesNotContain("warning: ", run.Error);
        return run;
    }

    // A title has letters: dark pixels in the top 40 rows, in many separate columns.
    private void AssertTitle(string path, int? width, int? height)
    {
        using var bitmap = SKBitmap.Decode(folder[path]);
        Assert.Equal((width ?? bitmap.Width, height ?? bitmap.Height), (bitmap.Width, bitmap.Height));
        var isDark = Enumerable.Range(0, bitmap.Width)
            .Select(x => Enumerable.Range(0, 40).Any(y => bitmap.GetPixel(x, y).Red < 100)).ToArray();
        Assert.True(isDark.Zip(isDark.Skip(1)).Count(pair => pair is (false, true)) >= 8, $"{path} has no title");
    }
}
