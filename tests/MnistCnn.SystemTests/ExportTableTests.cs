using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using static System.FormattableString;
using static TorchSharp.torch;

namespace MnistCnn.SystemTests;

/// <summary>
/// The table of docs/developers/export-table.md, and the rows of it that docs/guides/export-onnx.md shows. If the environment variable
/// MNIST_CNN_EXPORT_TABLE is "write", the test measures the table again and replaces both, which takes some minutes on an idle machine.
/// </summary>
public sealed partial class ExportTableTests : IDisposable
{
    private const int Threads = 2;
    private const int Turns = 9;

    private static readonly string Page = Path.Combine(RepositoryRoot.FullPath, "docs", "developers", "export-table.md");
    private static readonly string Guide = Path.Combine(RepositoryRoot.FullPath, "docs", "guides", "export-onnx.md");

    private readonly OnnxFolder folder = new();

    static ExportTableTests() => NativeLibraries.Load();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_page_has_one_row_per_network_with_the_size_of_its_file()
    {
        if (Environment.GetEnvironmentVariable("MNIST_CNN_EXPORT_TABLE") == "write")
        {
            Write(Page, [.. Architecture.All.Select(architecture => Measure(architecture.Name))]);
            Write(Guide, RowsOfTheGuide());
        }

        var rows = Row().Matches(File.ReadAllText(Page));
        Assert.Equal(Architecture.All.Select(architecture => architecture.Name), rows.Select(row => row.Groups["name"].Value));
        foreach (var row in rows.Cast<Match>())
        {
            var path = folder.Export(folder.SaveRandom(row.Groups["name"].Value, NetworkShape.Mnist));
            Assert.Equal(Size(path), row.Groups["size"].Value);
            Assert.InRange(double.Parse(row.Groups["difference"].Value, CultureInfo.InvariantCulture), 0, 1e-4);
        }
    }

    [Fact]
    public void The_guide_shows_four_of_the_rows_as_speedups() =>
        Assert.Equal(RowsOfTheGuide(), File.ReadLines(Guide).Where(line => line.Contains(" MB | ", StringComparison.Ordinal)));

    private static string[] RowsOfTheGuide()
    {
        var rows = Row().Matches(File.ReadAllText(Page)).ToDictionary(row => row.Groups["name"].Value, row => row.Groups);
        string[] names = ["residual", "resnet18", "resnet50", "googlenet"];
        return
        [
            .. names.Select(name => rows[name]).Select(
                row => $"| `{row["name"]}` | {row["size"]} | {Speedup(row["one"])} | {Speedup(row["many"])} |"),
        ];

        static string Speedup(Group ratio)
        {
            var factor = 1 / double.Parse(ratio.Value, CultureInfo.InvariantCulture);
            return Invariant($"{Math.Round(factor, factor < 10 ? 1 : 0)} times");
        }
    }

    // Trained weights and all test images for the article's two networks, random weights and 64 random images for the others.
    private string Measure(string name)
    {
        set_num_threads(Threads);
        Assert.Equal(Threads, get_num_threads());
        var isTrained = name is "residual" or "inception";
        var weights = isTrained ? folder.Trained(name) : folder.SaveRandom(name, NetworkShape.Mnist);
        using var model = TrainedNetwork.Load(weights, Architecture.Find(name));
        MemoryLayout.ChannelsLast(model.Network).eval();
        var path = folder.Export(weights);
        using var session = new OnnxSession(path, Threads);
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1);
        var images = isTrained ? model.Normalization.Apply(data.Test.Images) : randn(64, 1, 28, 28);
        var difference = OnnxFolder.Difference(OnnxFolder.Logits(model, images), cat([.. images.split(250).Select(session.Run)]));
        string[] times = [.. new[] { 1, 64 }.SelectMany(count => Times(model, session, images[..count].contiguous()))];
        return Invariant($"| `{name}` | {Size(path)} | {difference:0E0} | {string.Join(" | ", times)} |");
    }

    // Alternates both libraries. The first run of each turn is a warm-up, because threads of the other library may still spin.
    private static string[] Times(TrainedNetwork model, OnnxSession session, Tensor images)
    {
        using var noGradient = no_grad();
        var theirs = session.Repeat(images);
        var ours = () =>
        {
            using var scope = NewDisposeScope();
            model.Network.call(images);
        };
        List<double> onnx = [], here = [], ratios = [];
        for (var turn = 0; turn <= Turns; turn++)
        {
            var (one, other) = (Milliseconds(theirs), Milliseconds(ours));
            if (turn == 0)
                continue;
            onnx.Add(one);
            here.Add(other);
            ratios.Add(one / other);
        }

        return [$"{Text(Median(onnx))} ms", $"{Text(Median(here))} ms", Text(Median(ratios))];
    }

    private static double Milliseconds(Action run)
    {
        run();
        return Median(Enumerable.Range(0, 5).Select(_ =>
        {
            var clock = Stopwatch.StartNew();
            run();
            return clock.Elapsed.TotalMilliseconds;
        }));
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);

    private static string Text(double number) => number.ToString(number < 10 ? "0.00" : "0", CultureInfo.InvariantCulture);

    private static string Size(string path) => Invariant($"{new FileInfo(path).Length / 1e6:N2} MB");

    // Replaces the rows of the table that begins with the heading "network".
    private static void Write(string page, string[] rows)
    {
        var lines = File.ReadAllLines(page).ToList();
        var first = lines.FindIndex(line => line.StartsWith("| network |", StringComparison.Ordinal)) + 2;
        var last = lines.FindIndex(first, line => !line.StartsWith('|'));
        lines.RemoveRange(first, last - first);
        lines.InsertRange(first, rows);
        File.WriteAllText(page, string.Join('\n', lines) + "\n");
    }

    [GeneratedRegex(
        @"^\| `(?<name>[\w-]+)` \| (?<size>[\d.,]+ MB) \| (?<difference>\dE-\d+) \| [\d.]+ ms \| [\d.]+ ms \| (?<one>[\d.]+) "
        + @"\| [\d.]+ ms \| [\d.]+ ms \| (?<many>[\d.]+) \|$",
        RegexOptions.Multiline)]
    private static partial Regex Row();
}
