using System.Diagnostics;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Benchmarks;

/// <summary>What has to be measured inside one process, with the same threads.</summary>
public sealed record InProcess(double MatrixProduct, double TrainingSpeed, double Overhead, double EvaluationRatio)
{
    private const int BatchSize = 64;
    private const int Steps = 150;
    private const int Size = 2048;

    /// <summary>Measures and gives the figures as a line of JSON.</summary>
    /// <param name="name">The architecture.</param>
    public static string Measure(string name)
    {
        Allocator.KeepFreedMemory();
        NativeLibraries.Load();
        var architecture = Architecture.Find(name)!;
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: BatchSize * Steps);
        using var model = MemoryLayout.ChannelsLast(architecture.Create());
        using var optimizer = optim.SGD(model.parameters(), 0.01, 0.5);
        using var loader = Batches.Of(data.Train, data.Normalization, BatchSize, shuffle: true);
        using var trainer = new Trainer(architecture, new TrainSettings(name, Epochs: int.MaxValue), data, CPU);
        var epochs = new EpochClock();
        using (var cancellation = new CancellationTokenSource())
        {
            // In turn, so that a change of the machine's speed meets all of them: the whole of a step and its bare half.
            List<double> bare = [], product = [];
            epochs.AfterEpoch = () =>
            {
                bare.Add(BareSteps(model, optimizer, loader));
                product.Add(MatrixProductSeconds());
                if (bare.Count == 6)
                    cancellation.Cancel();
            };
            try
            {
                trainer.Run([epochs], cancellation.Token);
            }
            catch (OperationCanceledException)
            {
            }

            // The first of each is the warm-up.
            var step = Median(bare.Skip(1)) / Steps;
            var whole = Median(epochs.Seconds.Skip(1)) / Steps;
            var multiplyAdds = (double)NetworkSummary.Of(architecture, NetworkShape.Mnist, BatchSize).TrainingMultiplyAdds;
            return JsonSerializer.Serialize(new InProcess(
                Math.Pow(Size, 3) / Median(product.Skip(1)),
                multiplyAdds / whole,
                1 - step / whole,
                EvaluationOverForward(model, data)));
        }
    }

    /// <summary>The middle one of some numbers.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    // Forward, backward and optimiser on batches that are there already.
    private static double BareSteps(Module<Tensor, Tensor> model, SGD optimizer, DataLoader<long, Batch> loader)
    {
        var seconds = 0.0;
        model.train();
        foreach (var (images, labels) in loader)
        {
            seconds += Seconds(() =>
            {
                using var scope = NewDisposeScope();
                var loss = cross_entropy(model.call(images), labels);
                optimizer.zero_grad();
                loss.backward();
                optimizer.step();
            });
        }

        return seconds;
    }

    private static double MatrixProductSeconds()
    {
        using var left = rand(Size, Size);
        using var right = rand(Size, Size);
        return Median(Enumerable.Range(0, 5).Select(_ => Seconds(() => mm(left, right).Dispose())));
    }

    private static double EvaluationOverForward(Module<Tensor, Tensor> model, DataSet data)
    {
        using var images = data.Normalization.Apply(data.Test.Images);
        var batches = images.split(Evaluation.BatchSize);
        using var loader = Batches.Of(data.Test, data.Normalization, Evaluation.BatchSize, shuffle: false);
        List<double> ours = [], forward = [];
        for (var round = 0; round < 6; round++)
        {
            ours.Add(Seconds(() => Evaluation.Run(model, loader)));
            forward.Add(Seconds(() =>
            {
                using var noGradient = no_grad();
                foreach (var batch in batches)
                {
                    using var scope = NewDisposeScope();
                    model.call(batch);
                }
            }));
        }

        return Median(ours.Skip(1)) / Median(forward.Skip(1));
    }

    private static double Seconds(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>Keeps the seconds of each epoch's training.</summary>
    private sealed class EpochClock : ITrainingObserver
    {
        public List<double> Seconds { get; } = [];

        public Action AfterEpoch { get; set; } = () => { };

        public void OnEpoch(EpochMetrics epoch)
        {
            Seconds.Add(epoch.TrainSeconds);
            AfterEpoch();
        }
    }
}
