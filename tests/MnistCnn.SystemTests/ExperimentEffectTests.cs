using System.Text.RegularExpressions;
using MnistCnn.Tests;
using SkiaSharp;

namespace MnistCnn.SystemTests;

/// <summary>Every experiment shows its effect with --quick on real images.</summary>
public sealed class ExperimentEffectTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Gradients_vanish_in_a_deep_plain_network_but_not_in_a_residual_one()
    {
        var rows = Measure("gradients", "--quick", "--seeds", "1");
        double First(string network, bool trained) => rows
            .Where(row => row["network"] == network && row["blocks"] == "32" && row["layer"] == "1" && (row["step"] != "0") == trained)
            .Select(row => Number(row["gradient_norm"])).Single();
        double Accuracy(string network, string blocks) => rows
            .Where(row => row["network"] == network && row["blocks"] == blocks && row["test_accuracy"] != "")
            .Max(row => Number(row["test_accuracy"]));

        Assert.True(First("residual", trained: false) > 1000 * First("plain", trained: false));
        Assert.True(First("residual", trained: true) > 1000 * First("plain", trained: true));
        var start = rows.Where(row => row["network"] == "plain" && row["blocks"] == "32" && row["step"] == "0");
        Assert.Equal(64, start.Select(row => row["layer"]).Distinct().Count());
        Assert.InRange(Accuracy("plain", "32"), 0, 30);
        Assert.InRange(Accuracy("residual", "32"), 60, 100);
    }

    [Fact]
    public void Shortcuts_speed_up_training_at_equal_parameters()
    {
        var rows = Measure("convergence", "--quick", "--seeds", "1");
        string[] Of(string network, string column) => [.. rows.Where(row => row["network"] == network).Select(row => row[column])];
        double Accuracy(string network, int epoch) => Number(Of(network, "test_accuracy")[epoch - 1]);

        Assert.Equal("41514", Of("Residual", "parameters")[0]);
        Assert.Equal("41514", Of("Residual's plain twin", "parameters")[0]);
        Assert.Equal(["1", "2"], Of("Plain-18", "epoch"));
        Assert.True(Accuracy("Residual", 2) > Accuracy("Residual's plain twin", 2) + 30);
        Assert.True(Accuracy("ResNet-18", 1) > Accuracy("Plain-18", 1) + 10);
    }

    [Fact]
    public void A_bottleneck_saves_multiply_adds_and_time()
    {
        var rows = Measure("bottleneck", "--quick", "--seeds", "1");
        Assert.Equal(["120422400", "3110912", "12443648", "49774592"], rows.Select(row => row["multiply_adds"]));
        Assert.Equal(["", "4", "16", "64"], rows.Select(row => row["width"]));
        Assert.True(Number(rows[2]["milliseconds"]) < 0.5 * Number(rows[2]["direct_milliseconds"]));
        Assert.All(rows, row => Assert.InRange(Number(row["test_accuracy"]), 25, 100));
    }

    [Fact]
    public void Inception_is_compared_with_each_of_its_branches_at_equal_parameters()
    {
        var rows = Measure("views", "--quick", "--seeds", "1", "--train-limit", "10000");
        string[] networks = ["Inception", "only 1x1", "only 5x5", "only 3x3 twice", "only pooling"];
        Assert.Equal(networks, rows.Select(row => row["network"]).Distinct());
        Assert.All(rows, row => Assert.InRange(Number(row["parameters"]), 0.98 * 97_298, 1.02 * 97_298));
        double Last(string network) => Number(rows.Last(row => row["network"] == network)["test_accuracy"]);
        Assert.True(Last("Inception") > Last("only 3x3 twice") + 1.5);
        Assert.True(Last("Inception") > Last("only pooling") + 1.5);
        using var maps = SKBitmap.Decode(folder["out/maps.png"]);
        Assert.True(maps.Width > 1000 && maps.Pixels.Distinct().Count() > 100);
    }

    // The article's listing leaves these layers out of the computation; in "half frozen" they are frozen.
    [Fact]
    public void The_first_convolutions_of_the_printed_blocks_get_no_gradient()
    {
        var rows = Measure("listing", "--quick", "--seeds", "1", "--epochs", "1");
        string[] networks = ["Residual as printed", "Residual", "Residual half frozen", "Residual with larger weights"];
        Assert.Equal(
            networks.SelectMany(network => new[] { (network, "0"), (network, "1") }), rows.Select(row => (row["network"], row["epoch"])));
        foreach (var row in rows)
        {
            var isUnused = row["network"] is "Residual as printed" or "Residual half frozen";
            foreach (var first in new[] { "block1_conv1_gradient", "block2_conv1_gradient" })
                Assert.True(isUnused ? row[first] == "" : Number(row[first]) > 0, row["network"]);
            string[] others = ["conv1_gradient", "block1_conv2_gradient", "conv2_gradient", "block2_conv2_gradient", "linear_gradient"];
            foreach (var other in others)
                Assert.True(Number(row[other]) > 0, row["network"]);
            Assert.Equal(isUnused ? "29946" : "41514", row["learnt"]);
            Assert.Equal(row["epoch"] == "0", row["test_accuracy"] == "");
        }

        // The same seed gives the same first convolution; larger weights after it give it larger gradients.
        double Start(string network, string layer) => Number(rows.First(row => row["network"] == network)[layer]);
        Assert.Equal(Start("Residual", "conv1_gradient"), Start("Residual half frozen", "conv1_gradient"), 1e-5);
        Assert.True(Start("Residual with larger weights", "block1_conv2_gradient") > 1.5 * Start("Residual", "block1_conv2_gradient"));
        Assert.True(Start("Residual as printed", "block1_conv2_gradient") > 1.5 * Start("Residual", "block1_conv2_gradient"));
    }

    // One seed suffices: the deeper plain network misclassifies 15 % more of the training images, the deeper residual one far fewer.
    [Fact]
    public void Depth_raises_the_training_error_of_plain_networks_but_not_of_residual_ones()
    {
        var rows = Measure("degradation", "--quick", "--seeds", "1", "--train-limit", "600");
        string[] networks = ["Plain-20", "ResNet-20", "Plain-56", "ResNet-56"];
        Assert.Equal(networks, rows.Select(row => row["network"]).Distinct());
        Assert.Equal(["269434", "852730"], rows.Select(row => row["parameters"]).Distinct());
        double Last(string network, string error) => Number(rows.Last(row => row["network"] == network)[error]);

        Assert.All(rows, row => Assert.InRange(Number(row["train_error"]), 0, 100));
        Assert.True(Last("Plain-56", "train_error") > Last("Plain-20", "train_error") + 5);
        Assert.True(Last("ResNet-56", "train_error") < Last("Plain-56", "train_error") - 15);
        Assert.True(Last("ResNet-20", "train_error") < Last("Plain-20", "train_error"));
    }

    // Two seeds fill the columns of means and deviations. The other experiments have tests above.
    [Theory]
    [InlineData("blocks", "--seeds", "2", "--epochs", "1")]
    [InlineData("normalization", "--seeds", "2")]
    [InlineData("ablation")]
    public void Sentences_and_tables_fit_into_80_columns(string name, params string[] options)
    {
        string[] size = name == "ablation" ? [] : ["--train-limit", "64"];
        Assert.NotEmpty(Measure(name, ["--quick", .. options, .. size, "--test-limit", "100"]));
    }

    // Runs an experiment, checks the output that all experiments share, and returns the rows of its CSV file.
    private Dictionary<string, string>[] Measure(string name, params string[] options)
    {
        var run = ProgramRun.Of(folder.FullPath, ["experiment", name, .. options, "--out", "out"]);
        Assert.Equal(0, run.ExitCode);
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.Contains(folder.FullPath)).ToArray();
        const string Verdict = "^(Supported|Not supported|Inconclusive)( for [^:]+)?: .* (points|times)";
        var isOfParts = name is "convergence" or "views" or "blocks" or "normalization" or "ablation";
        var verdicts = lines.Reverse().TakeWhile(line => Regex.IsMatch(line, Verdict)).Count();
        Assert.Equal(isOfParts, verdicts > 1);
        Assert.True(verdicts > 0, lines[^1]);
        Assert.All(lines[..^verdicts], line => Assert.InRange(line.TrimEnd().Length, 0, 80));
        var progress = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(progress, line => Assert.Matches(@"^\[\d+/\d+\] .*: \d+\.\d s, \d+:\d\d left$", line));
        using var plot = SKBitmap.Decode(folder["out/plot.png"]);
        Assert.True(plot.Width >= 1600);
        var rows = File.ReadAllLines(folder["out/measurements.csv"]).Select(row => row.Split(',')).ToArray();
        return [.. rows.Skip(1).Select(row => rows[0].Zip(row).ToDictionary(pair => pair.First, pair => pair.Second))];
    }

    private static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
