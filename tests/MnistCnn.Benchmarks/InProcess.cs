using System.Text.Json;
using MathNet.Numerics.Statistics;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Benchmarks;

/// <summary>Measurements inside one process. A single network runs on one thread here, as each replica does in training.</summary>
/// <param name="MatrixProduct">See <see cref="Machine.MatrixProduct"/>.</param>
/// <param name="TrainingSpeed">Multiply-adds per second in training with the default replicas.</param>
/// <param name="StepSeconds">Forward pass, backward pass and optimizer of one network, on prepared batches.</param>
/// <param name="Overhead">Fraction of a training step of one network outside <paramref name="StepSeconds"/>.</param>
/// <param name="EvaluationRatio">Seconds of an evaluation divided by the seconds of a forward pass on the same images.</param>
/// <param name="Threads">Threads of <paramref name="TrainingSpeed"/> and <paramref name="MatrixProduct"/>.</param>
public sealed record InProcess(
    double MatrixProduct, double TrainingSpeed, double StepSeconds, double Overhead, double EvaluationRatio, int Threads)
{
    /// <summary>Steps per measurement: few, so that alternating measurements meet the same speed of the machine.</summary>
    public const int Steps = 20;

    private const int BatchSize = 64;
    private const int MostEvaluations = 6;

    /// <summary>Returns the measurements as a line of JSON.</summary>
    /// <param name="rounds">Number of repetitions; the first is the warm-up.</param>
    public static string Measure(string name, int rounds)
    {
        using var data = Start(name, out var architecture);
        using var test = data.Test.Slice(0, Evaluator.BatchSize);
        using var single = new Epochs(architecture, data with { Test = test }, new ParallelSettings());
        using var steps = new BareSteps(single.Model, data);
        using var usual = new Epochs(architecture, data with { Test = test }, ParallelSettings.Automatic);
        var threads = get_num_threads();

        // In turn, so that a change of the machine's speed affects all of them.
        List<double> bare = [], whole = [], fastest = [], product = [];
        for (var round = 0; round < rounds; round++)
        {
            set_num_threads(1);
            bare.Add(FromAnEmptyHeap(steps.Seconds));
            whole.Add(FromAnEmptyHeap(single.Seconds));
            set_num_threads(threads);
            fastest.Add(FromAnEmptyHeap(usual.Seconds));
            product.Add(Machine.MatrixProduct());
        }

        var multiplyAdds = (double)NetworkSummary.Summarize(architecture, NetworkShape.Mnist, BatchSize).TrainingMultiplyAdds;
        var result = new InProcess(
            product.Skip(1).Median(),
            multiplyAdds / fastest.Skip(1).Median(),
            bare.Skip(1).Median(),
            1 - RatiosWithoutTheFirst(bare, whole).Median(),
            EvaluationOverForward(single.Model, data, Math.Min(rounds, MostEvaluations)),
            threads);
        return JsonSerializer.Serialize(result, JsonFormat.Line);
    }

    /// <summary>Runs forward pass, backward pass and optimizer, for measurements from outside the process.</summary>
    /// <param name="rounds">Number of times <see cref="Steps"/> steps.</param>
    public static void RunSteps(string name, int rounds)
    {
        using var data = Start(name, out var architecture);
        using var model = MemoryLayout.ChannelsLast(architecture.Create());
        using var steps = new BareSteps(model, data);
        set_num_threads(1);
        for (var round = 0; round < rounds; round++)
            steps.Seconds();
    }

    // Training returns its memory to the system after each evaluation, which would slow down the next measurement.
    private static double FromAnEmptyHeap(Func<double> seconds)
    {
        Allocator.ReturnFreedMemory();
        return seconds() / Steps;
    }

    private static DataSet Start(string name, out Architecture architecture)
    {
        NativeLibraries.Load();
        Allocator.KeepFreedMemory();
        architecture = Architecture.Find(name)!;
        return IdxReader.Load(IdxReader.BundledMnist, trainLimit: BatchSize * Steps);
    }

    private static double EvaluationOverForward(Module<Tensor, Tensor> model, DataSet data, int rounds)
    {
        using var images = data.Normalization.Apply(data.Test.Images);
        var batches = images.split(Evaluator.BatchSize);
        List<double> ours = [], forward = [];
        for (var round = 0; round < rounds; round++)
        {
            ours.Add(Machine.Seconds(() => Evaluator.Evaluate(model, data.Test, data.Normalization)));
            forward.Add(Machine.Seconds(() =>
            {
                using var noGradient = no_grad();
                foreach (var batch in batches)
                {
                    using var scope = NewDisposeScope();
                    model.call(batch);
                }
            }));
        }

        return RatiosWithoutTheFirst(ours, forward).Median();
    }

    // Per round, since the machine had the same speed in both measurements of a round.
    private static IEnumerable<double> RatiosWithoutTheFirst(List<double> ones, List<double> others) =>
        ones.Zip(others, (one, other) => one / other).Skip(1);

    /// <summary>The minimum of a training: forward pass, backward pass and optimizer of one network.</summary>
    private sealed class BareSteps(Module<Tensor, Tensor> model, DataSet data) : IDisposable
    {
        private readonly DataLoader<Batch, Batch> loader = EpochBatches.Load(data.Train, data.Normalization, BatchSize);
        private readonly SGD optimizer = optim.SGD(model.parameters(), 0.01, 0.5);

        /// <summary>Makes <see cref="Steps"/> steps and returns their seconds, without the loader.</summary>
        public double Seconds()
        {
            var seconds = 0.0;
            model.train();
            foreach (var (images, labels) in loader)
            {
                seconds += Machine.Seconds(() =>
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

        public void Dispose()
        {
            optimizer.Dispose();
            loader.Dispose();
        }
    }

    /// <summary>A training that stops after each epoch.</summary>
    private sealed class Epochs(Architecture architecture, DataSet data, ParallelSettings parallelism) : IDisposable
    {
        private readonly Trainer trainer =
            Trainer.Create(new TrainSettings { Architecture = architecture, Epochs = int.MaxValue }, data, CPU, parallelism);

        public Module<Tensor, Tensor> Model => trainer.Model;

        /// <summary>Trains for an epoch and returns its seconds, without the evaluation.</summary>
        public double Seconds()
        {
            using var cancellation = new CancellationTokenSource();
            var end = new End(cancellation);
            try
            {
                trainer.Fit([end], cancellation.Token);
            }
            catch (OperationCanceledException)
            {
            }

            return end.Seconds;
        }

        public void Dispose() => trainer.Dispose();

        private sealed class End(CancellationTokenSource cancellation) : ITrainingCallback
        {
            public double Seconds { get; private set; }

            public void OnEpochEnd(EpochMetrics epoch)
            {
                Seconds = epoch.TrainSeconds;
                cancellation.Cancel();
            }
        }
    }
}
