using BenchmarkDotNet.Attributes;
using MnistCnn.Charts;
using MnistCnn.Data;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runtime;
using TorchSharp.Modules;

namespace MnistCnn.Benchmarks;

/// <summary>Components of a run. They run in this process: programs that BenchmarkDotNet builds have no libtorch.</summary>
[InProcess]
public class PartBenchmarks
{
    private readonly string plot = Path.Combine(Path.GetTempPath(), "mnist-cnn-benchmark.png");
    private DataSet data = null!;
    private DataLoader<Batch, Batch> loader = null!;

    [GlobalSetup]
    public void SetUp()
    {
        NativeLibraries.Load();
        data = IdxReader.Load(IdxReader.BundledMnist);
        loader = EpochBatches.Load(data.Train, data.Normalization, 64);
    }

    /// <summary>All 938 batches of an epoch.</summary>
    [Benchmark]
    public long Loader()
    {
        var images = 0L;
        foreach (var batch in loader)
            images += batch.Labels.shape[0];
        return images;
    }

    /// <summary>Checks and unpacks the four files of MNIST.</summary>
    [Benchmark]
    public void Reader() => IdxReader.Load(IdxReader.BundledMnist).Dispose();

    /// <summary>Draws the plot of a run of ten epochs.</summary>
    [Benchmark]
    public void Plot() => ChartPlot.Draw(
        plot,
        new Chart("Residual", "Epoch", Chart.AccuracyLabel, [Curve.OverEpochs("Residual", [90, 91, 92, 93, 94, 95, 96, 97, 98, 99])])
        {
            IntegerAxisMax = 10,
        });
}
