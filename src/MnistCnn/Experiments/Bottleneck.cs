using System.Diagnostics;
using MathNet.Numerics.Statistics;
using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Experiments;

/// <summary>
/// The article's 5x5 convolution from 192 to 32 channels, direct and behind a 1x1 convolution, on maps as large as the images: 28x28 as
/// the article's, of MNIST.
/// </summary>
internal static class Bottleneck
{
    private const int InChannels = 192;
    private const int OutChannels = 32;
    private const int Pooling = 4;
    private const int ImagesOfTiming = 16;
    private const int Rounds = 31;

    // The article's.
    private const int WidthOfClaim = 16;

    // "Most" is more than a half.
    private const double Most = 2;

    private const string Claim = "A 1x1 convolution in front of a 5x5 one saves most of its computation.";

    /// <summary>The experiment.</summary>
    public static Experiment Experiment { get; } = new(
        "bottleneck",
        Claim,
        new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 6_000),
        new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 1_000, TestLimit: 500, Quick: true),
        Trials,
        Experiment.From<BottleneckRow>(Effects, Table, Charts));

    /// <summary>The convolution: (N, 192, H, W) to (N, 32, H, W), float32.</summary>
    /// <param name="width">Channels of the bottleneck, or null for none.</param>
    public static Module<Tensor, Tensor> Convolution(int? width) => width is { } channels
        ? Sequential(Conv2d(InChannels, channels, kernel_size: 1), Conv2d(channels, OutChannels, kernel_size: 5, padding: 2))
        : Sequential(Conv2d(InChannels, OutChannels, kernel_size: 5, padding: 2));

    private static IEnumerable<Trial> Trials(ExperimentSettings settings, NetworkShape shape) =>
        Math.Min(shape.Height, shape.Width) < Pooling
            ? throw new UserException($"This experiment takes images of {Pooling}x{Pooling} pixels or more, not of {shape.Height}x{shape.Width}.")
            : from seed in Enumerable.Range(1, settings.Seeds)
              from width in settings.Quick ? new int?[] { null, 4, 16, 64 } : [null, 2, 4, 8, 16, 32, 64, 128]
              let name = NameOf(width)
              let maps = shape with { Channels = InChannels }
              let multiplyAdds = NetworkSummary.Summarize(new Architecture(name, name, Claim, _ => Convolution(width)), maps).MultiplyAdds
              let network = new Architecture(name, name, Claim, images => Network(images, width))
              select new Trial($"{name}, seed {seed}", multiplyAdds, context =>
              {
                  manual_seed(seed);
                  var (milliseconds, direct) = Time(width, context);
                  using var run = context.Train(network, seed);
                  return [new BottleneckRow(width, seed, multiplyAdds, milliseconds, direct, run.Folder.Epochs[^1].TestAccuracy)];
              });

    private static IReadOnlyList<Effect> Effects(IReadOnlyList<BottleneckRow> rows)
    {
        return
        [
            Effect.Ratio($"Multiply-adds of the direct convolution over those {NameOf(WidthOfClaim)}", Of(null, row => row.MultiplyAdds), Of(WidthOfClaim, row => row.MultiplyAdds), Most),
            Effect.Ratio($"Time of the direct convolution over that {NameOf(WidthOfClaim)}", Of(WidthOfClaim, row => row.DirectMilliseconds), Of(WidthOfClaim, row => row.Milliseconds), Most),
        ];

        IEnumerable<(long, double)> Of(int? width, Func<BottleneckRow, double> figure) =>
            rows.Where(row => row.Width == width).Select(row => (row.Seed, figure(row)));
    }

    private static IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<BottleneckRow> rows)
    {
        var direct = rows.Where(row => row.Width is null).ToArray();
        var narrow = rows.Where(row => row.Width is not null).ToArray();
        if (narrow.Length == 0)
            narrow = direct;
        var through = Curve.MeanWithRange("through a bottleneck", narrow.Select(row => (Place(row), row.TestAccuracy)));
        if (direct.Length == 0) // all its trainings diverged
            return [[OverWidths("A small network, trained", Chart.AccuracyLabel, [through])]];
        var ends = new[] { narrow.Min(Place), narrow.Max(Place) };
        var multiplyAdds = Curve.GeometricMeanWithRange(
            "multiply-adds", narrow.Select(row => (Place(row), 100.0 * row.MultiplyAdds / direct[0].MultiplyAdds)));
        var time = Curve.GeometricMeanWithRange("time", narrow.Select(row => (Place(row), 100 * row.Milliseconds / row.DirectMilliseconds)));
        var without = Curve.MeanWithRange("direct", ends.SelectMany(end => direct.Select(row => (end, row.TestAccuracy))));
        return
        [
            [
                OverWidths(
                    multiplyAdds.ValueAt(WidthOfClaim) is { } share ? $"{NameOf(WidthOfClaim)}: {share:F0} % of the multiply-adds, {time.ValueAt(WidthOfClaim):F0} % of the time" : "What is left of the work",
                    "Share of the direct convolution's (%), geometric mean",
                    [multiplyAdds, time, new Curve("direct", ends, [100, 100])]),
                OverWidths(
                    through.ValueAt(WidthOfClaim) is { } accuracy ? $"{NameOf(WidthOfClaim)}, a small network ends {Wording.Comparison(accuracy - without.Y[0])} the direct one" : "A small network, trained",
                    Chart.AccuracyLabel,
                    [through, without]),
            ],
        ];

        static double Place(BottleneckRow row) => row.Width ?? 1;
    }

    private static Chart OverWidths(string title, string yLabel, Curve[] curves) =>
        new(string.Concat(title[..1].ToUpperInvariant(), title[1..]), "Channels between the 1x1 and the 5x5 convolution", yLabel, curves) { LogX = true };

    private static ResultTable Table(IReadOnlyList<BottleneckRow> rows) => new(
        ["5x5 convolution", "Multiply-adds", "Time (ms)", "Time ratio", Wording.MeanAndDeviationHeading("Accuracy")],
        [
            .. rows.GroupBy(row => row.Width).Select(width => new[]
            {
                NameOf(width.Key),
                Wording.Number(width.First().MultiplyAdds),
                $"{width.Select(row => row.Milliseconds).Median():F1}",
                $"{width.Select(row => row.Milliseconds / row.DirectMilliseconds).GeometricMean():F2}",
                Wording.MeanAndDeviation(width.Select(row => row.TestAccuracy)),
            }),
        ]);

    private static string NameOf(int? width) => width is null ? "direct" : $"through {width} channels";

    // The least that puts the convolution between an image and its class.
    private static Module<Tensor, Tensor> Network(NetworkShape shape, int? width) => Sequential(
        Conv2d(shape.Channels, InChannels, kernel_size: 3, padding: 1),
        ReLU(),
        Convolution(width),
        ReLU(),
        MaxPool2d(Pooling),
        Flatten(),
        Linear((long)OutChannels * (shape.Height / Pooling) * (shape.Width / Pooling), shape.Classes));

    private static (double Milliseconds, double DirectMilliseconds) Time(int? width, TrialContext context)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var convolution = MemoryLayout.ChannelsLast(Convolution(width).to(context.Device));
        using var direct = MemoryLayout.ChannelsLast(Convolution(null).to(context.Device));
        var maps = rand(ImagesOfTiming, context.Data.Height, context.Data.Width, InChannels, device: context.Device).permute(0, 3, 1, 2);
        List<double> times = [], directTimes = [];
        for (var round = 0; round <= Rounds; round++)
        {
            times.Add(Milliseconds(convolution));
            directTimes.Add(Milliseconds(direct));
        }

        // The first round is the warm-up.
        return (times.Skip(1).Median(), directTimes.Skip(1).Median());

        double Milliseconds(Module<Tensor, Tensor> module)
        {
            var clock = Stopwatch.StartNew();
            using var result = module.call(maps);
            result.sum().item<float>(); // A GPU has to be waited for.
            return clock.Elapsed.TotalMilliseconds;
        }
    }
}

/// <summary>A 5x5 convolution, direct or through a bottleneck.</summary>
/// <param name="Width">Channels of the bottleneck, or null for the direct convolution.</param>
/// <param name="Seed">The seed.</param>
/// <param name="MultiplyAdds">For one image.</param>
/// <param name="Milliseconds">Of a forward pass of 16 images, the median of several.</param>
/// <param name="DirectMilliseconds">The same of the direct convolution, measured in turn with it.</param>
/// <param name="TestAccuracy">Of a network with this convolution in its middle, trained, in percent.</param>
internal sealed record BottleneckRow(int? Width, long Seed, long MultiplyAdds, double Milliseconds, double DirectMilliseconds, double TestAccuracy);
