using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Training;

public sealed class TrainerTests
{
    private static readonly TrainSettings Plain = new() { Architecture = Architecture.Find("plain")! };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static MatrixTheoryData<string, int> NamesAndReplicas => new(Fixture.Names.Select(row => row.Data), [1, 2, 3]);

    [Theory]
    [MemberData(nameof(NamesAndReplicas))]
    public void The_first_20_losses_equal_those_of_PyTorch(string name, int replicas)
    {
        var fixture = Fixture.Read(name);
        using var data = IdxReader.Load(IdxReader.BundledMnist, testLimit: 1);
        var settings = new TrainSettings { Architecture = Architecture.Find(name)!, Seed = fixture.Seed };
        using var trainer = Trainer.Create(settings, data, CPU, new ParallelSettings(replicas));
        using var enough = new CancellationTokenSource();
        var losses = new Recorder(step =>
        {
            if (step.Step == fixture.TrainLosses.Length)
                enough.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => trainer.Fit([losses], enough.Token));
        Assert.Equal(fixture.TrainLosses.Length, losses.Steps.Count);
        foreach (var (expected, step) in fixture.TrainLosses.Zip(losses.Steps))
            Assert.Equal(expected, step.Loss, 1e-5);
    }

    [Fact]
    public void Two_runs_are_equal_with_the_same_seed_and_differ_with_another()
    {
        var first = Run(Plain with { Epochs = 2, Seed = 7 });
        var second = Run(Plain with { Epochs = 2, Seed = 7 });
        var other = Run(Plain with { Epochs = 2, Seed = 8 });
        Assert.Equal(first.Steps, second.Steps);
        Assert.Equal(first.Epochs.Select(Test), second.Epochs.Select(Test));
        Assert.NotEqual(first.Steps, other.Steps);

        static (double, double) Test(EpochMetrics epoch) => (epoch.TestLoss, epoch.TestAccuracy);
    }

    // Finalizers free the scalars of TorchSharp's optimizer, which fragment the heap: see Allocator.
    [Fact]
    public void Garbage_is_collected_every_50_steps()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only glibc needs it.");
        var before = GC.CollectionCount(0);
        Run(Plain with { Epochs = 1, BatchSize = 1 }); // 150 steps
        Assert.InRange(GC.CollectionCount(0) - before, 3 + 2, int.MaxValue); // and two around the evaluation
    }

    [Fact]
    public void Steps_and_epochs_are_counted_from_1_and_losses_are_means_over_images()
    {
        var run = Run(Plain with { Epochs = 2, BatchSize = 64 });
        Assert.Equal(
            [(1, 1, 64), (1, 2, 64), (1, 3, 22), (2, 1, 64), (2, 2, 64), (2, 3, 22)],
            run.Steps.Select(step => (step.Epoch, step.Step, step.Images)));
        Assert.All(run.Steps, step => Assert.Equal(3, step.Steps));
        Assert.Equal([1, 2], run.Epochs.Select(epoch => epoch.Epoch));
        Assert.Equal(run.Steps.Take(3).Sum(step => step.Loss * step.Images) / 150, run.Epochs[0].TrainLoss, 1e-9);
        Assert.All(run.Epochs, epoch => Assert.InRange(epoch.TestAccuracy, 0, 100));
    }

    [Fact]
    public void Momentum_and_learning_rate_change_the_losses()
    {
        var loss = Run(Plain with { Epochs = 1 }).Steps[2].Loss;
        Assert.NotEqual(loss, Run(Plain with { Epochs = 1, Momentum = 0 }).Steps[2].Loss);
        Assert.NotEqual(loss, Run(Plain with { Epochs = 1, LearningRate = 0.02 }).Steps[2].Loss);
    }

    // From torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=2, steps_per_epoch=5) of PyTorch 1.13.
    [Fact]
    public void One_cycle_has_the_learning_rates_of_PyTorch()
    {
        double[] expected =
        [
            0.004, 0.052, 0.1, 0.09504846320134738, 0.0811745653949763, 0.06112620219362893, 0.03887419780637107, 0.0188258346050237,
            0.004951936798652629, 4e-07,
        ];
        var run = Run(Plain with { Epochs = 2, BatchSize = 30, LearningRate = 0.1, Schedule = Schedule.OneCycle });
        Assert.Equal(expected.Length, run.Steps.Count);
        foreach (var (rate, step) in expected.Zip(run.Steps))
            Assert.Equal(rate, step.LearningRate, 1e-12);
        Assert.All(Run(Plain with { Epochs = 1 }).Steps, step => Assert.Equal(0.01, step.LearningRate));
    }

    // As torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 7]), stepped after each of 10 steps.
    [Fact]
    public void A_learning_rate_is_divided_by_ten_after_each_milestone()
    {
        var run = Run(Plain with { Epochs = 2, BatchSize = 30, LearningRate = 0.1, LearningRateMilestones = [3, 7] });
        double[] expected = [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001];
        Assert.Equal(expected.Length, run.Steps.Count);
        foreach (var (rate, step) in expected.Zip(run.Steps))
            Assert.Equal(rate, step.LearningRate, 1e-12);
    }

    // Without momentum, a step changes the parameters by learning rate * gradient.
    [Theory]
    [InlineData(0.25, 0.25)]
    [InlineData(1e9, null)]
    public void Clipping_limits_the_norm_of_the_gradients(double clipNorm, double? expected)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var data = IdxReader.Load(folder.FullPath);
        Assert.Equal(expected ?? Norm(0), Norm(clipNorm), 1e-5);
        Assert.NotEqual(0.25, Norm(0), 1e-2);

        double Norm(double clipNorm)
        {
            var settings = Plain with { Epochs = 1, BatchSize = 40, LearningRate = 1, Momentum = 0, ClipNorm = clipNorm };
            using var trainer = Trainer.Create(settings, data, CPU);
            var before = trainer.Model.parameters().Select(Tensor (parameter) => parameter.clone()).ToArray();
            trainer.Fit([], Cancellation);
            using var _ = no_grad();
            return Math.Sqrt(before.Zip(trainer.Model.parameters(), (was, now) => (now - was).square().sum().item<float>()).Sum());
        }
    }

    // Both runs have the same gradient in their only step. So the weights differ by learning rate * decay * initial weight, and the
    // momentum by decay * initial weight.
    [Fact]
    public void Weight_decay_shrinks_each_parameter_and_enters_its_momentum()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = Plain with { Epochs = 1, BatchSize = 40, LearningRate = 0.1 };
        using var without = Trainer.Create(settings, data, CPU);
        using var with = Trainer.Create(settings with { WeightDecay = 0.3 }, data, CPU);
        var before = without.Model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        without.Fit([], Cancellation);
        with.Fit([], Cancellation);
        foreach (var (name, weight) in with.Model.state_dict())
        {
            var difference = without.Model.state_dict()[name] - weight;
            Assert.True(difference.allclose(0.1 * 0.3 * before[name], rtol: 1e-3, atol: 1e-7), name);
            var momentum = with.SaveState().MomentumBuffers[name] - without.SaveState().MomentumBuffers[name];
            Assert.True(momentum.allclose(0.3 * before[name], rtol: 1e-3, atol: 1e-6), name);
        }
    }

    // The expected loss of the first step follows from the logits of the initial weights.
    [Fact]
    public void Label_smoothing_mixes_the_loss_with_the_mean_loss_of_all_classes()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 16);
        using var data = IdxReader.Load(folder.FullPath);
        using var whole = Trainer.Create(Plain with { Epochs = 1, LabelSmoothing = 0.25 }, data, CPU);
        using var logProbabilities = nn.functional.log_softmax(whole.Model.call(data.Normalization.Apply(data.Train.Images)), 1);
        var right = -logProbabilities.gather(1, data.Train.Labels.unsqueeze(1)).mean().item<float>();
        var all = -logProbabilities.mean().item<float>();
        var recorder = new Recorder();
        whole.Fit([recorder], Cancellation);
        Assert.Equal(0.75 * right + 0.25 * all, recorder.Steps[0].Loss, 1e-5);
        Assert.NotEqual(right, all, 1e-3);
    }

    // The expected loss follows from the logits before the step, with weights of 40 / (10 * count) for classes 0 and 1.
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.2)]
    public void Class_weights_balance_the_training_loss_and_not_the_test_loss(double labelSmoothing)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var set = IdxReader.Load(folder.FullPath);
        using var labels = tensor([.. Enumerable.Range(0, 40).Select(index => index < 30 ? 0L : 1L)]);
        var data = set with { Train = set.Train with { Labels = labels } };
        var settings = Plain with { Epochs = 1, BatchSize = 40, LabelSmoothing = labelSmoothing, BalanceClasses = true };
        using var trainer = Trainer.Create(settings, data, CPU);
        Assert.Equal([30, 10, 0, 0, 0, 0, 0, 0, 0, 0], trainer.Splits.ClassCounts.Counts);
        using var logProbabilities = nn.functional.log_softmax(trainer.Model.call(data.Normalization.Apply(data.Train.Images)), 1);
        double[] weights = [40 / 10.0 / 30, 40 / 10.0 / 10];
        var (sum, total) = (0.0, 0.0);
        for (var image = 0; image < 40; image++)
        {
            var label = image < 30 ? 0 : 1;
            double Loss(int index) => -logProbabilities[image, index].item<float>() * weights[index];
            sum += (1 - labelSmoothing) * Loss(label) + labelSmoothing * (Loss(0) + Loss(1)) / 10;
            total += weights[label];
        }

        var recorder = new Recorder();
        trainer.Fit([recorder], Cancellation);
        Assert.Equal(sum / total, recorder.Steps[0].Loss, 1e-5);
        Assert.Equal(recorder.Steps[0].Loss, recorder.Epochs[0].TrainLoss);
        var evaluation = Evaluator.Evaluate(trainer.Model, data.Test, data.Normalization, cancellation: Cancellation);
        Assert.Equal(evaluation.Loss, recorder.Epochs[0].TestLoss);
    }

    [Fact]
    public void Class_counts_exclude_validation_images()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 25);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(Plain with { Validation = 11 }, data, CPU);
        Assert.Equal([2, 2, 2, 2, 1, 1, 1, 1, 1, 1], trainer.Splits.ClassCounts.Counts);
    }

    [Fact]
    public void Augmentation_changes_training_images_and_no_evaluation_images()
    {
        var augmentation = new Augmentation(Shift: 3, Jitter: 0.4);
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = Plain with { Epochs = 1, BatchSize = 40, Seed = 3, Validation = 16, Augment = augmentation };
        using var trainer = Trainer.Create(settings, data, CPU);
        List<byte[]> seen = [];
        trainer.Model.register_forward_pre_hook((_, images) =>
        {
            seen.Add(images.contiguous().bytes.ToArray());
            return images;
        });
        trainer.Fit([], Cancellation);

        // One step of 24 images, the evaluation of 16 validation images, then 10 test images.
        Assert.Equal(3, seen.Count);
        manual_seed(3);
        Architecture.Find("plain")!.Create(TrainableModel.ShapeOf(data)).Dispose();
        using var order = tensor(EpochBatches.RandomPermutation(24).ToArray());
        using var images = data.Normalization.Apply(data.Train.Images);
        using var stepImages = augmentation.Apply(images.index_select(0, order), data.Normalization, seed: 3, epoch: 1, step: 1);
        Assert.Equal(stepImages.contiguous().bytes.ToArray(), seen[0]);
        Assert.Equal(images[24..].contiguous().bytes.ToArray(), seen[1]);
        Assert.Equal(data.Normalization.Apply(data.Test.Images).bytes.ToArray(), seen[2]);
    }

    // Three steps per epoch: the third loss is read at the end of the epoch.
    [Fact]
    public void Reading_several_losses_at_once_changes_no_result()
    {
        var settings = Plain with { Epochs = 2 };
        var one = Run(settings);
        var several = Run(settings, metricsEvery: 2);
        Assert.Equal(one.Steps, several.Steps);
        Assert.Equal(one.Epochs.Select(Losses), several.Epochs.Select(Losses));

        static (double, double) Losses(EpochMetrics epoch) => (epoch.TrainLoss, epoch.TestLoss);
    }

    // The run stops after six steps, two of which have not been read.
    [Fact]
    public void A_run_stopped_between_two_reads_of_losses_counts_all_its_steps()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        using var enough = new CancellationTokenSource();
        using var trainer = Trainer.Create(Plain with { BatchSize = 15 }, data, CPU, metricsEvery: 4);
        var steps = 0;
        trainer.Model.register_forward_hook((_, _, output) =>
        {
            if (++steps == 6)
                enough.Cancel();
            return output;
        });
        var recorder = new Recorder();
        Assert.Throws<OperationCanceledException>(() => trainer.Fit([recorder], enough.Token));
        Assert.Equal((6, 90), (trainer.Progress.Step, trainer.Progress.ImageSum));
        Assert.Equal([1, 2, 3, 4, 5, 6], recorder.Steps.Select(step => step.Step));
    }

    // Callbacks get the finite losses before it.
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_diverged_run_ends_with_an_error_that_names_the_step(int metricsEvery)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = Plain with { LearningRate = 1e6 };
        using var trainer = Trainer.Create(settings, data, CPU, metricsEvery: metricsEvery);
        var recorder = new Recorder();
        var error = Assert.Throws<DivergenceException>(() => trainer.Fit([recorder], Cancellation));
        Assert.Matches(@"epoch 1, step [23]\b", error.Message);
        Assert.Contains("learning rate", error.Message);
        Assert.NotEmpty(recorder.Steps);
        Assert.EndsWith($"step {recorder.Steps.Count + 1}. Try a learning rate below 1000000.", error.Message);
    }

    [Fact]
    public void A_failed_creation_leaves_neither_threads_nor_tensors()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath);
        using var data = IdxReader.Load(folder.FullPath);
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var settings = Plain with { Epochs = int.MaxValue, BatchSize = 4, Schedule = Schedule.OneCycle, BalanceClasses = true };
        var expected = Left(() => Create(settings with { Epochs = 1 }).Dispose());
        var threads = Threads();
        for (var count = 0; count < 10; count++)
            Assert.Equal(expected, Left(() => Assert.Contains("too many", Assert.Throws<UserException>(() => Create(settings)).Message)));
        Assert.InRange(Threads(), 0, threads + 9);

        Trainer Create(TrainSettings settings) => Trainer.Create(settings, data, CPU, new ParallelSettings(Replicas: 2));

        // TorchSharp 0.107 leaves one tensor per convolution to the garbage collector.
        static long Left(Action make)
        {
            var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            make();
            return TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
        }

        int Threads()
        {
            process.Refresh();
            return process.Threads.Count;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void An_epoch_leaves_no_tensor_behind(int replicas)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(new TrainSettings { Epochs = 3 }, data, CPU, new ParallelSettings(replicas));
        List<long> live = [];
        var counter = new Recorder(onEpoch: () => live.Add(TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount));
        trainer.Fit([counter], Cancellation);
        Assert.Equal(live[0], live[2]);
    }

    // residual-as-printed does not use one convolution per block.
    [Fact]
    public void Parameters_without_gradient_keep_their_initial_values()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("residual-as-printed")!, Epochs = 2, BatchSize = 10 };
        using var trainer = Trainer.Create(settings, data, CPU);
        var before = trainer.Model.named_parameters()
            .ToDictionary(named => named.name, named => named.parameter.contiguous().bytes.ToArray());
        trainer.Fit([], Cancellation);
        foreach (var (name, parameter) in trainer.Model.named_parameters())
        {
            var isUnused = Layers.IsInside("rBlock1.conv1", name) || Layers.IsInside("rBlock2.conv1", name);
            Assert.True(isUnused == parameter.contiguous().bytes.SequenceEqual(before[name]), name);
            Assert.True(isUnused == parameter.grad is null, name);
        }
    }

    // A checkpoint has momentum for every parameter, zeros for those without gradient.
    [Theory]
    [InlineData("rBlock1.conv1.weight")]
    [InlineData("rBlock1.conv2.weight")]
    public void A_checkpoint_without_the_momentum_of_a_parameter_is_an_error(string parameter)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("residual-as-printed")!, Epochs = 1 };
        using var trainer = Trainer.Create(settings, data, CPU);
        trainer.Fit([], Cancellation);
        Checkpoint.Write(folder["whole"], trainer, RunData.Of(data), "run");
        using (var file = SafetensorsFile.Read(folder["whole"]))
        {
            var tensors = new Dictionary<string, Tensor>(file.Tensors);
            Assert.True(tensors.Remove($"momentum.{parameter}"));
            (file with { Tensors = tensors }).Write(folder["part"]);
        }

        using Checkpoint whole = Checkpoint.Read(folder["whole"]), part = Checkpoint.Read(folder["part"]);
        whole.Restore(trainer);
        var error = Assert.Throws<InvalidDataException>(() => part.Restore(trainer));
        Assert.Contains($"of the momentum, the tensor {parameter} is missing", error.Message);
    }

    // The last batch is smaller. Checkpoints hold running statistics and the count of batches. Some parameters have no momentum, because
    // they have no gradient or momentum is 0.
    [Theory]
    [Trait("Speed", "Slow")]
    [InlineData("resnet18", 0.5, 6L)]
    [InlineData("residual-as-printed", 0.5, null)]
    [InlineData("plain", 0.0, null)]
    [InlineData("plain", 0.5, null, "shift=2,rotate=10,scale=0.1,stroke=1,flip,erase")]
    [InlineData("plain", 0.5, null, "shift=2", 3)] // before the evaluation of an epoch
    [InlineData("plain", 0.9, null, "crop=4,flip", 4, false, 0.001)]
    [InlineData("plain", 0.9, null, "resized-crop=0.5,jitter=0.4")]
    [InlineData("resnet18", 0.5, 0L, null, 4, true)]
    [InlineData("googlenet", 0.5, null, null, 4, true)] // dropout before the last layer
    public void A_resumed_run_gives_the_same_bytes_as_an_uninterrupted_one(
        string name, double momentum, long? batches, string? augment = null, int stepsUntilStop = 4, bool freeze = false, double decay = 0)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 20);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings
        {
            Architecture = Architecture.Find(name)!,
            Epochs = 2,
            BatchSize = 8,
            Momentum = momentum,
            Augment = augment is null ? null : Augmentation.Parse(augment, out _),
            Freeze = freeze,
            WeightDecay = decay,
            LearningRateMilestones = decay > 0 ? [3, 5] : null,
            ClipNorm = decay > 0 ? 0.5 : 0,
        };
        var runData = RunData.Of(data);
        var cancellation = Cancellation;

        using (var whole = Trainer.Create(settings, data, CPU))
        {
            whole.Fit([], cancellation);
            Checkpoint.Write(folder["whole"], whole, runData, "run");
        }

        using (var stopped = Trainer.Create(settings, data, CPU))
        {
            using var enough = new CancellationTokenSource();
            var steps = 0;
            var stopper = new Recorder(_ =>
            {
                if (++steps == stepsUntilStop)
                    enough.Cancel();
            });
            Assert.Throws<OperationCanceledException>(() => stopped.Fit([stopper], enough.Token));
            Checkpoint.Write(folder["stopped"], stopped, runData, "run");
        }

        using var checkpoint = Checkpoint.Read(folder["stopped"]);
        using var more = Trainer.Create(settings, data, CPU);
        checkpoint.Restore(more);
        more.Fit([], cancellation);
        Checkpoint.Write(folder["more"], more, runData, "run");
        Assert.Equal(Accuracies(whole: true), Accuracies(whole: false));
        using SafetensorsFile expected = SafetensorsFile.Read(folder["whole"]), actual = SafetensorsFile.Read(folder["more"]);
        Assert.Equal(batches, expected.Tensors.GetValueOrDefault("weights.bn1.num_batches_tracked")?.item<long>());
        Assert.Equal(expected.Tensors.Keys, actual.Tensors.Keys);
        foreach (var (key, tensor) in expected.Tensors.Where(tensor => tensor.Key != "state")) // the history has durations
            Assert.True(tensor.bytes.SequenceEqual(actual.Tensors[key].bytes), key);

        double?[] Accuracies(bool whole)
        {
            using var end = Checkpoint.Read(folder[whole ? "whole" : "more"]);
            return [.. end.Progress.History.Select(epoch => epoch.TrainAccuracy)];
        }
    }

    // 600 test images and 300 validation images are five batches.
    [Theory]
    [InlineData(false, null, 1)]
    [InlineData(false, 300, 1)]
    [InlineData(true, 300, 1)]
    [InlineData(true, 300, 3)]
    public void A_run_stopped_during_an_evaluation_repeats_only_the_evaluation(bool hasDropout, int? validation, int batches)
    {
        var architecture = !hasDropout ? Architecture.Find("plain")! : Architecture.Find("plain")! with
        {
            Make = _ => nn.Sequential(("flat", nn.Flatten()), ("dropout", nn.Dropout(0.5)), ("linear", nn.Linear(784, 10))),
        };
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 340, test: 600);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = Plain with { Epochs = 2, BatchSize = 16, Validation = validation };
        TrainingRun Start(string name) => TrainingRun.Create(new TrainingRequest(settings, data, CPU) { Folder = folder[name] });
        var whole = new Recorder();
        using (var run = Start("whole"))
            Assert.True(run.Train([whole], Cancellation));

        var (first, evaluated) = (new Recorder(), 0);
        using (var run = Start("stopped"))
        using (var enough = new CancellationTokenSource())
        {
            run.Trainer.Model.register_forward_hook((model, _, output) =>
            {
                if (!model.training && ++evaluated == batches)
                    enough.Cancel();
                return output;
            });
            Assert.False(run.Train([first], enough.Token));
            Assert.Equal((batches, 1, run.Trainer.StepsPerEpoch), (evaluated, run.Trainer.Progress.Epoch, run.Trainer.Progress.Step));
            Assert.Empty(first.Epochs);
        }

        var second = new Recorder();
        using (var checkpoint = Checkpoint.Read(folder["stopped/checkpoint.safetensors"]))
        using (var run = TrainingRun.Create(new TrainingRequest(settings, data, CPU), checkpoint))
            Assert.True(run.Train([second], Cancellation));
        Assert.Equal(whole.Steps, [.. first.Steps, .. second.Steps]);
        Assert.Equal(whole.Epochs.Select(WithoutTimes), second.Epochs.Select(WithoutTimes));
        foreach (var name in new[] { "model.safetensors", "best.safetensors" })
            Assert.Equal(File.ReadAllBytes(folder[$"whole/{name}"]), File.ReadAllBytes(folder[$"stopped/{name}"]));

        static string WithoutTimes(EpochMetrics epoch) =>
            JsonSerializer.Serialize(epoch with { TrainSeconds = 0, TestSeconds = 0, ImagesPerSecond = 0 }, JsonFormat.Line);
    }

    // Another trainer seeds the generator of both. A dispose scope disposes all tensors that are created in it.
    [Fact]
    public void A_run_depends_neither_on_other_random_numbers_nor_on_the_dispose_scope_of_its_caller()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = Plain with { Epochs = 2, BalanceClasses = true };
        var (expected, recorder) = (Run(settings), new Recorder());
        using var trainer = Trainer.Create(settings, data, CPU);
        Trainer.Create(settings with { Seed = 2 }, data, CPU).Dispose();
        using (NewDisposeScope())
            trainer.Fit([recorder], Cancellation);
        Assert.Equal(expected.Steps, recorder.Steps);
        Checkpoint.Write(folder["checkpoint"], trainer, RunData.Of(data), "run");
        Checkpoint.Read(folder["checkpoint"]).Dispose();
    }

    // A hook records the network's predictions in each step.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Training_accuracy_counts_the_predictions_of_the_training_steps(int metricsEvery)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 50);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = Plain with { Epochs = 2, BatchSize = 20, LearningRate = 0.1, Augment = new Augmentation(Crop: 2) };
        using var trainer = Trainer.Create(settings, data, CPU, metricsEvery: metricsEvery);
        List<Tensor> predictions = [];
        trainer.Model.register_forward_hook((model, _, logits) =>
        {
            if (model.training)
                predictions.Add(logits.detach().argmax(1).DetachFromDisposeScope());
            return logits;
        });
        List<double> expected = [];
        var recorder = new Recorder();
        trainer.Fit([recorder], Cancellation);

        // The same shuffle again, drawn after the initial weights.
        manual_seed(settings.Seed);
        Architecture.Find("plain")!.Create().Dispose();
        for (var epoch = 0; epoch < 2; epoch++)
        {
            var labels = EpochBatches.Load(data.Train, data.Normalization, 20).Select(batch => batch.Labels.clone()).ToArray();
            var correct = labels.Zip(predictions.Skip(3 * epoch), (label, prediction) => label.eq(prediction).sum().item<long>());
            expected.Add(2.0 * correct.Sum());
            EpochBatches.SkipLoaderSeed(); // for the evaluation
        }

        Assert.Equal(expected, recorder.Epochs.Select(epoch => epoch.TrainAccuracy!.Value));
        Assert.True(expected[1] > 0);
    }

    [Theory]
    [InlineData(8, null, false)] // 16 + 1
    [InlineData(1, null, false)]
    [InlineData(8, 1, true)] // 16
    [InlineData(5, null, true)] // 15 + 2
    public void A_last_batch_of_one_image_is_an_error_with_batch_normalization(int batchSize, int? validation, bool isAccepted)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 17);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = Plain with { BatchSize = batchSize, Validation = validation };
        Trainer.Create(settings, data, CPU).Dispose();
        settings = settings with { Architecture = Architecture.Find("plain18")! };
        if (isAccepted)
            Trainer.Create(settings, data, CPU).Dispose();
        else
        {
            var error = Assert.Throws<UserException>(() => Trainer.Create(settings, data, CPU));
            Assert.Equal((Remedy.ChangeBatchSize, null), Remedies.Of(error));
        }
    }

    // The last batch has fewer images than there are replicas.
    [Fact]
    public void Runs_with_equal_replicas_are_equal_and_differ_from_one_replica_by_rounding()
    {
        var settings = Plain with { Epochs = 2, BatchSize = 37, Momentum = 0.9, LabelSmoothing = 0.1, BalanceClasses = true };
        var (one, three) = (Run(settings), Run(settings, replicas: 3));
        Assert.Equal(three.Steps, Run(settings, replicas: 3).Steps);
        Assert.NotEqual(one.Steps, three.Steps);
        Assert.Equal(2, one.Steps[^1].Images);
        foreach (var (expected, step) in one.Steps.Zip(three.Steps))
            Assert.Equal(expected.Loss, step.Loss, 1e-5);
        Assert.Equal(Run(settings with { BatchSize = 1 }).Steps, Run(settings with { BatchSize = 1 }, replicas: 3).Steps);
        foreach (var (expected, epoch) in one.Epochs.Zip(three.Epochs))
        {
            Assert.Equal(expected.TrainAccuracy, epoch.TrainAccuracy);
            Assert.Equal(expected.TestLoss, epoch.TestLoss, 1e-5);
        }
    }

    [Fact]
    public void An_error_in_a_replica_ends_the_training()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath);
        using var data = IdxReader.Load(folder.FullPath);
        using var labels = data.Train.Labels.narrow(0, 15, 1);
        labels.fill_(12); // no such class
        using var trainer = Trainer.Create(Plain, data, CPU, new ParallelSettings(Replicas: 2));
        var error = Assert.ThrowsAny<Exception>(() => trainer.Fit([], Cancellation));
        Assert.Contains("Target 12 is out of bounds", error.Message);
    }

    [Fact]
    public void Replicas_of_a_network_with_batch_normalization_or_dropout_are_an_error()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath);
        using var data = IdxReader.Load(folder.FullPath);
        foreach (var name in new[] { "plain18", "googlenet" })
        {
            var settings = new TrainSettings { Architecture = Architecture.Find(name)!, BatchSize = 4 };
            var error = Assert.Throws<UserException>(() => Trainer.Create(settings, data, CPU, new ParallelSettings(Replicas: 2)));
            Assert.Equal((Remedy.LeaveOutReplicas, null), Remedies.Of(error));
        }
    }

    // Three test images belong to the first three of ten classes.
    [Theory]
    [InlineData(3)]
    [InlineData(70)]
    public void Every_epoch_has_the_accuracy_of_each_class(int test)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 20, test: test);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(Plain with { Epochs = 12, BatchSize = 4, LearningRate = 0.05 }, data, CPU);
        var recorder = new Recorder();
        trainer.Fit([recorder], Cancellation);
        Assert.Equal(test == 70, recorder.Epochs.Any(epoch => epoch.TestClassAccuracies!.Any(accuracy => accuracy is > 0 and < 100)));
        Assert.All(recorder.Epochs, epoch =>
        {
            var accuracies = epoch.TestClassAccuracies!;
            Assert.Equal(10, accuracies.Count);
            Assert.All(accuracies.Take(test), accuracy => Assert.Equal(Math.Round(accuracy!.Value, 4), accuracy));
            Assert.All(accuracies.Skip(test), Assert.Null);
            Assert.Equal(epoch.TestAccuracy, accuracies.Take(test).Average()!.Value, 1e-4);
            Assert.Equal(epoch.TestAccuracy, epoch.TestBalancedAccuracy!.Value, 1e-9);

            var line = JsonSerializer.Serialize(epoch, JsonFormat.Line);
            Assert.Equal(test < 10, line.Contains(",null,", StringComparison.Ordinal));
            Assert.Equal(line, JsonSerializer.Serialize(JsonFormat.Parse<EpochMetrics>(line, "line"), JsonFormat.Line));
        });
    }

    private static Recorder Run(TrainSettings settings, int metricsEvery = 1, int replicas = 1)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(settings, data, CPU, new ParallelSettings(replicas), metricsEvery: metricsEvery);
        var recorder = new Recorder();
        trainer.Fit([recorder], Cancellation);
        return recorder;
    }
}
