using MathNet.Numerics.Statistics;
using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Experiments;

/// <summary>
/// Compares the article's 5x5 convolution from 192 to 32 channels with the same one behind a 1x1 convolution to fewer channels. Feature
/// maps are as large as the images: 28x28 for MNIST, as in the article.
/// </summary>
internal sealed class Bottleneck() : Experiment<BottleneckRow>(
    "bottleneck",
    "A 1x1 convolution in front of a 5x5 one saves most of its computation.",
    full: new ExperimentSettings(Seeds: 5, Epochs: 1, TrainLimit: 6_000),
    quick: new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 1_000, TestLimit: 500, Quick: true))
{
    private const int InChannels = 192, OutChannels = 32;
    private const int Pooling = 4;
    private const int TimedImages = 16, TimedRounds = 31;
    private const int ArticleWidth = 16;

    // The claim's "most" is read as more than half.
    private const double Most = 2;

    public override bool MeasuresTime => true;

    /// <summary>Creates the convolution, (N, 192, H, W) to (N, 32, H, W).</summary>
    /// <param name="width">Channels of the bottleneck; null for the direct convolution.</param>
    public static Module<Tensor, Tensor> Convolution(int? width) => width is { } channels
        ? Sequential(Conv2d(InChannels, channels, kernel_size: 1), Conv2d(channels, OutChannels, kernel_size: 5, padding: 2))
        : Sequential(Conv2d(InChannels, OutChannels, kernel_size: 5, padding: 2));

    public override IEnumerable<Trial<BottleneckRow>> Trials(ExperimentSettings settings, NetworkShape shape) =>
        Math.Min(shape.Height, shape.Width) < Pooling
            ? throw new UserException(
                $"This experiment takes images of {Pooling}x{Pooling} pixels or more, not of {shape.Height}x{shape.Width}.")
            : from seed in Enumerable.Range(1, settings.Seeds)
              from width in settings.Quick ? new int?[] { null, 4, 16, 64 } : [null, 2, 4, 8, 16, 32, 64, 128]
              select CreateTrial(width, seed, shape);

    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<BottleneckRow> rows) =>
    [
        new(
        [
            Effect.Ratio(
                "The direct convolution needs", $"the multiply-adds of the one {NameOf(ArticleWidth)}",
                Values(rows, null, row => row.MultiplyAdds), Values(rows, ArticleWidth, row => row.MultiplyAdds), Most),
            Effect.Ratio(
                "The direct convolution takes", $"the time of the one {NameOf(ArticleWidth)}",
                Values(rows, ArticleWidth, row => row.DirectMilliseconds), Values(rows, ArticleWidth, row => row.Milliseconds), Most),
        ]),
    ];

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<BottleneckRow> rows)
    {
        var direct = rows.Where(row => row.Width is null).ToArray();
        var narrow = rows.Where(row => row.Width is not null).ToArray();
        if (narrow.Length == 0)
            narrow = direct;
        var through = Curve.MeanWithRange("through a bottleneck", narrow.Select(row => (X(row), row.TestAccuracy)));
        if (direct.Length == 0) // all of its trainings diverged
            return [[OverWidths("A small network, trained", Chart.AccuracyLabel, [through])]];

        var ends = new[] { narrow.Min(X), narrow.Max(X) };
        var multiplyAdds = Curve.GeometricMeanWithRange(
            "multiply-adds", narrow.Select(row => (X(row), 100.0 * row.MultiplyAdds / direct[0].MultiplyAdds)));
        var time = Curve.GeometricMeanWithRange("time", narrow.Select(row => (X(row), 100 * row.Milliseconds / row.DirectMilliseconds)));
        var without = Curve.MeanWithRange("direct", ends.SelectMany(end => direct.Select(row => (end, row.TestAccuracy))));
        var accuracy = Effect.Difference(
            $"Through {ArticleWidth} channels, a small network ends", "the direct one",
            Values(rows, ArticleWidth, row => row.TestAccuracy), Values(rows, null, row => row.TestAccuracy));
        Curve[] costs = [multiplyAdds, time, new Curve("direct", ends, [100, 100])];
        return
        [
            [
                OverWidths(Verdicts(rows)[0].Effects[1].Finding, "Percentage of the direct convolution, geometric mean", costs),
                OverWidths(accuracy.Finding, Chart.AccuracyLabel, [through, without]),
            ],
        ];

        static double X(BottleneckRow row) => row.Width ?? 1;
    }

    protected override ResultTable Table(IReadOnlyList<BottleneckRow> rows) => ResultTable.OverTestImages(
        ["5x5 convolution", "Multiply-adds", "Time (ms)", "Time ratio"],
        "Accuracy",
        from row in rows
        group row by row.Width into width
        select (
            new[]
            {
                NameOf(width.Key),
                Number(width.First().MultiplyAdds),
                $"{width.Select(row => row.Milliseconds).Median():F1}",
                $"{width.Select(row => row.Milliseconds / row.DirectMilliseconds).GeometricMean():F2}",
            },
            width.Select(row => row.TestAccuracy)));

    private static IEnumerable<(long Seed, double Value)> Values(
        IReadOnlyList<BottleneckRow> rows, int? width, Func<BottleneckRow, double> value) =>
        rows.Where(row => row.Width == width).Select(row => (row.Seed, value(row)));

    private static Chart OverWidths(string title, string yLabel, Curve[] curves) =>
        new(title, "Channels between the 1x1 and the 5x5 convolution", yLabel, curves, LogX: true);

    private Trial<BottleneckRow> CreateTrial(int? width, long seed, NetworkShape shape)
    {
        var name = NameOf(width);
        var convolution = new Architecture(name, name, Claim, _ => Convolution(width));
        var network = new Architecture(name, name, Claim, images => CreateNetwork(images, width));
        var multiplyAdds = NetworkSummary.Summarize(convolution, shape with { Channels = InChannels }).MultiplyAdds;
        return new Trial<BottleneckRow>($"{name}, seed {seed}", multiplyAdds, context =>
        {
            manual_seed(seed);
            var (milliseconds, direct) = Time(width, context);
            using var run = context.Train(network, seed);
            return [new BottleneckRow(width, seed, multiplyAdds, milliseconds, direct, run.Folder.Epochs[^1].TestAccuracy)];
        });
    }

    private static string NameOf(int? width) => width is null ? "direct" : $"through {width} channels";

    // The smallest network with the convolution between image and class.
    private static Module<Tensor, Tensor> CreateNetwork(NetworkShape shape, int? width) => Sequential(
        Conv2d(shape.Channels, InChannels, kernel_size: 3, padding: 1),
        ReLU(),
        Convolution(width),
        ReLU(),
        MaxPool2d(Pooling),
        Flatten(),
        Linear((long)OutChannels * (shape.Height / Pooling) * (shape.Width / Pooling), shape.Classes));

    // Alternates both convolutions, so that other load on the machine affects both. The first round is the warm-up.
    private static (double Milliseconds, double DirectMilliseconds) Time(int? width, TrialContext context)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var convolution = MemoryLayout.ChannelsLast(Convolution(width).to(context.Device));
        using var direct = MemoryLayout.ChannelsLast(Convolution(null).to(context.Device));
        var maps = rand(TimedImages, context.Data.Height, context.Data.Width, InChannels, device: context.Device).permute(0, 3, 1, 2);
        List<double> times = [], directTimes = [];
        for (var round = 0; round <= TimedRounds; round++)
        {
            times.Add(Milliseconds(convolution));
            directTimes.Add(Milliseconds(direct));
        }

        return (times.Skip(1).Median(), directTimes.Skip(1).Median());

        double Milliseconds(Module<Tensor, Tensor> module)
        {
            var clock = Stopwatch.StartNew();
            using var result = module.call(maps);
            result.sum().item<float>(); // waits for the GPU
            return clock.Elapsed.TotalMilliseconds;
        }
    }
}

/// <summary>A 5x5 convolution, direct or through a bottleneck.</summary>
/// <param name="Width">Channels of the bottleneck; null for the direct convolution.</param>
/// <param name="MultiplyAdds">Multiply-adds for one image.</param>
/// <param name="Milliseconds">Median time of a forward pass with 16 images.</param>
/// <param name="DirectMilliseconds">Median time of the direct convolution, measured alternately.</param>
/// <param name="TestAccuracy">Accuracy in percent of a small trained network with this convolution.</param>
internal sealed record BottleneckRow(
    int? Width, long Seed, long MultiplyAdds, double Milliseconds, double DirectMilliseconds, double TestAccuracy) : IMeasuredRow;
