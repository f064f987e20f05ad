using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using MnistCnn.Experiments;
using SkiaSharp;

namespace MnistCnn.Tests.Commands;

/// <summary><c>experiment all</c> on little data: its report, and a stopped suite that continues.</summary>
[Trait("Speed", "Slow")]
public sealed partial class ArticleTests : IDisposable
{
    private static readonly string[] Small =
        "experiment all --quick --data data --seeds 1 --epochs 1 --train-limit 32 --test-limit 20 --threads 1 --out out".Split(' ');

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task All_experiments_write_one_report_and_resume_after_a_stop()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals to send on Windows");
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 40, test: 20);
        var stopped = await StopIn("convergence");
        Assert.Equal(130, stopped.ExitCode);
        Assert.Contains("Stopped. The results so far are in the files.", stopped.Error);
        Assert.Contains($"To continue, start it again with --out {folder["out"]}", stopped.Error);
        var before = File.ReadAllText(folder["out/report.html"]);
        Assert.Contains("Not measured yet", before);
        Assert.Contains("Not finished:", before);
        File.WriteAllText(folder["out/report.md.123.tmp"], "half");

        var run = Run([.. Small, "--json"]);
        Assert.Equal(0, run.ExitCode);
        Assert.DoesNotContain("blocks, seed", run.Error);
        Assert.Equal(
            Experiment.All.Select(experiment => experiment.Name).Concat(["report.html", "report.md"]).Order(StringComparer.Ordinal),
            Directory.GetFileSystemEntries(folder["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var all = JsonDocument.Parse(run.Output).RootElement;
        var experiments = all.GetProperty("experiments").EnumerateArray();
        var names = experiments.Select(one => one.GetProperty("experiment").GetString());
        Assert.Equal(Experiment.All.Select(experiment => experiment.Name), names);
        var files = all.GetProperty("files").EnumerateArray().Select(file => file.GetString());
        Assert.Equal([folder["out/report.html"], folder["out/report.md"]], files);
        AssertPage(File.ReadAllText(folder["out/report.html"]), File.ReadAllText(folder["out/report.md"]), all);

        // The same as one that was never stopped, on its own.
        Assert.Equal(0, Run([.. Small.Select(word => word switch { "all" => "convergence", "out" => "alone", _ => word })]).ExitCode);
        Assert.Equal(File.ReadAllText(folder["alone/measurements.csv"]), File.ReadAllText(folder["out/convergence/measurements.csv"]));

        // With nothing left to measure, the page is written again, and tells a person too.
        File.Delete(folder["out/report.md"]);
        var again = Run(Small);
        Assert.Equal(0, again.ExitCode);
        Assert.True(File.Exists(folder["out/report.md"]));
        Assert.All(Experiment.All, experiment => Assert.Contains(experiment.Claim, Regex.Replace(again.Output, @"\s+", " ")));
        Assert.EndsWith($"{folder["out/report.html"]}\n{folder["out/report.md"]}\n", again.Output);
        Run([.. Small, "--epochs", "2"]).AssertFailed(2);
        var other = Run([.. Small.Select(word => word == "32" ? "31" : word)]);
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("train_limit was 32, now 31", other.Error);
    }

    [Fact]
    public void An_experiment_that_cannot_be_measured_is_reported_and_the_others_continue()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 40, test: 20, height: 8, width: 8);
        var run = Run(Small);
        Assert.Equal(1, run.ExitCode);
        var problem = "images of 16x16 pixels or more, not of 8x8";
        string[] measured = ["bottleneck", "degradation"];
        Assert.Contains("error: ablation: The bundled networks take images of 1x28x28 and 10 classes, not of 1x8x8", run.Error);
        var errors = run.Error.Split('\n').Where(line => line.StartsWith("error: ", StringComparison.Ordinal) && line.Contains(problem));
        Assert.Equal(Experiment.All.Count - measured.Length - 1, errors.Count());
        var page = File.ReadAllText(folder["out/report.md"]);
        Assert.Equal(2 * (Experiment.All.Count - measured.Length), page.Split("Cannot be measured").Length - 1);
        Assert.Contains(problem, page);
        Assert.All(measured, name => Assert.Contains($"]({name}/plot.png)", page));
        Assert.DoesNotContain("](gradients/plot.png)", page);
    }

    [Fact]
    public void A_folder_with_other_files_stays_unchanged()
    {
        Directory.CreateDirectory(folder["out/gradients"]);
        File.WriteAllText(folder["out/thesis.txt"], "mine");
        Run("experiment", "all", "--quick", "--out", "out").AssertFailed(1, folder["out"], "not empty", "--out");
        Assert.Equal(["out", "out/gradients", "out/thesis.txt"], folder.Contents);
    }

    private void AssertPage(string html, string markdown, JsonElement all)
    {
        var text = WebUtility.HtmlDecode(html);
        var plain = Escaped().Replace(markdown, "$1");
        foreach (var one in all.GetProperty("experiments").EnumerateArray())
        {
            var reasons = one.GetProperty("verdicts").EnumerateArray()
                .Select(verdict => verdict.GetProperty("text").GetString()!.Split(": ", 2)[1]);
            string[] parts =
            [
                one.GetProperty("claim").GetString()!,
                .. reasons,
                .. one.GetProperty("notes").EnumerateArray().Select(note => note.GetString()!),
                .. one.GetProperty("rows").EnumerateArray().SelectMany(row => row.EnumerateArray()).Select(cell => cell.GetString()!),
            ];
            Assert.All(parts, part => Assert.Contains(part, text));
            Assert.All(parts, part => Assert.Contains(part, plain));
        }

        // Nothing comes from elsewhere, and the pictures in the one are those beside the other.
        Assert.DoesNotContain("http://", html);
        Assert.DoesNotContain("https://", html);
        Assert.DoesNotContain("<script", html);
        Assert.All(Source().Matches(html), source => Assert.StartsWith("data:image/png;base64,", source.Groups[1].Value));
        var linked = Link().Matches(markdown).Select(link => File.ReadAllBytes(folder[$"out/{link.Groups[1].Value}"])).ToArray();
        Assert.Equal(Experiment.All.Count + 1, linked.Length);
        Assert.Equal(linked, Source().Matches(html).Select(source => Convert.FromBase64String(source.Groups[1].Value.Split(',')[1])));
        Assert.All(linked, picture =>
        {
            using var bitmap = SKBitmap.Decode(picture);
            Assert.True(bitmap.Width > 800);
        });
        Assert.Contains("SHA-256 of", text);
        Assert.Contains("torchsharp", text);
    }

    // Runs it until that experiment has measured something, and sends a signal.
    private async Task<ProgramRun> StopIn(string name)
    {
        using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. Small]);
        while (!File.Exists(folder[$"out/{name}/trials.jsonl"]))
        {
            Assert.False(process.HasExited, "it ended before it could be stopped");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        using (var kill = System.Diagnostics.Process.Start("kill", ["-TERM", $"{process.Id}"]))
            kill.WaitForExit();
        return ProgramRun.Finish(process);
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);

    [GeneratedRegex("src=\"([^\"]*)\"")]
    private static partial Regex Source();

    [GeneratedRegex(@"!\[[^\n]*\]\(([^)]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\\(.)")]
    private static partial Regex Escaped();
}
