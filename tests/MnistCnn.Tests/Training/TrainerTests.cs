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
    public static MatrixTheoryData<string, int> NamesAndReplicas => new(Fixture.Names.Select(row => row.Data), [1, 2, 3]);

    [Theory]
    [MemberData(nameof(NamesAndReplicas))]
    public void The_first_losses_are_those_of_PyTorch(string name, int replicas)
    {
        var fixture = Fixture.Read(name);
        using var data = IdxReader.Load(IdxReader.BundledMnist, testLimit: 1);
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find(name)!, Seed = fixture.Seed }, data, CPU, new ParallelSettings(replicas));
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
    public void Two_runs_of_one_seed_are_equal_and_two_seeds_are_not()
    {
        var first = Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, Seed = 7 });
        var second = Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, Seed = 7 });
        var other = Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, Seed = 8 });
        Assert.Equal(first.Steps, second.Steps);
        Assert.Equal(first.Epochs.Select(epoch => (epoch.TestLoss, epoch.TestAccuracy)), second.Epochs.Select(epoch => (epoch.TestLoss, epoch.TestAccuracy)));
        Assert.NotEqual(first.Steps, other.Steps);
    }

    // What TorchSharp's optimiser leaves to the collector lies between pieces of memory that could be used again: see Allocator.
    [Fact]
    public void A_training_has_its_garbage_collected_every_so_many_steps()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "It is done for glibc.");
        var before = GC.CollectionCount(0);
        Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1, BatchSize = 1 }); // 150 steps
        Assert.InRange(GC.CollectionCount(0) - before, 3 + 2, int.MaxValue); // two around the test
    }

    [Fact]
    public void Steps_and_epochs_are_counted_from_1_and_losses_are_means_over_images()
    {
        var run = Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, BatchSize = 64 });
        Assert.Equal([(1, 1, 64), (1, 2, 64), (1, 3, 22), (2, 1, 64), (2, 2, 64), (2, 3, 22)], run.Steps.Select(step => (step.Epoch, step.Step, step.Images)));
        Assert.All(run.Steps, step => Assert.Equal(3, step.Steps));
        Assert.Equal([1, 2], run.Epochs.Select(epoch => epoch.Epoch));
        Assert.Equal(run.Steps.Take(3).Sum(step => step.Loss * step.Images) / 150, run.Epochs[0].TrainLoss, 1e-9);
        Assert.All(run.Epochs, epoch => Assert.InRange(epoch.TestAccuracy, 0, 100));
    }

    [Fact]
    public void Momentum_and_learning_rate_reach_the_optimiser()
    {
        var standard = Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1 }).Steps[2].Loss;
        Assert.NotEqual(standard, Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1, Momentum = 0 }).Steps[2].Loss);
        Assert.NotEqual(standard, Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1, LearningRate = 0.02 }).Steps[2].Loss);
    }

    // From torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=2, steps_per_epoch=5) of PyTorch 1.13.
    [Fact]
    public void One_cycle_goes_through_the_learning_rates_of_PyTorch()
    {
        double[] expected =
        [
            0.004, 0.052, 0.1, 0.09504846320134738, 0.0811745653949763, 0.06112620219362893, 0.03887419780637107, 0.0188258346050237,
            0.004951936798652629, 4e-07,
        ];
        var run = Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, BatchSize = 30, LearningRate = 0.1, OneCycle = true });
        Assert.Equal(expected.Length, run.Steps.Count);
        foreach (var (rate, step) in expected.Zip(run.Steps))
            Assert.Equal(rate, step.LearningRate, 1e-12);
        Assert.All(Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1 }).Steps, step => Assert.Equal(0.01, step.LearningRate));
    }

    // As torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 7]), stepped after each of 10 steps.
    [Fact]
    public void A_learning_rate_is_divided_by_ten_after_each_milestone()
    {
        var run = Run(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, BatchSize = 30, LearningRate = 0.1, LearningRateMilestones = [3, 7] });
        double[] expected = [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001];
        Assert.Equal(expected.Length, run.Steps.Count);
        foreach (var (rate, step) in expected.Zip(run.Steps))
            Assert.Equal(rate, step.LearningRate, 1e-12);
    }

    // The gradient of the first step is the same with and without, so the weights differ by learning rate times decay times what they
    // were, and the momentum by decay times that.
    [Fact]
    public void Weight_decay_draws_each_parameter_towards_zero_by_the_formula()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1, BatchSize = 40, LearningRate = 0.1 };
        using var without = Trainer.Create(settings, data, CPU);
        using var with = Trainer.Create(settings with { WeightDecay = 0.3 }, data, CPU);
        var before = without.Model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        without.Fit([], TestContext.Current.CancellationToken);
        with.Fit([], TestContext.Current.CancellationToken);
        foreach (var (name, weight) in with.Model.state_dict())
        {
            var drawn = without.Model.state_dict()[name] - weight;
            Assert.True(drawn.allclose(0.1 * 0.3 * before[name], rtol: 1e-3, atol: 1e-7), name);
            var momentum = with.SaveState().MomentumBuffers[name] - without.SaveState().MomentumBuffers[name];
            Assert.True(momentum.allclose(0.3 * before[name], rtol: 1e-3, atol: 1e-6), name);
        }
    }

    // The same weights and the same batch, so that the loss of the first step tells the two apart by the formula alone.
    [Fact]
    public void Label_smoothing_mixes_the_loss_with_that_of_all_classes_alike()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 16);
        using var data = IdxReader.Load(folder.FullPath);
        using var whole = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1, LabelSmoothing = 0.25 }, data, CPU);
        using var logProbabilities = nn.functional.log_softmax(whole.Model.call(data.Normalization.Apply(data.Train.Images)), 1);
        var right = -logProbabilities.gather(1, data.Train.Labels.unsqueeze(1)).mean().item<float>();
        var all = -logProbabilities.mean().item<float>();
        var recorder = new Recorder();
        whole.Fit([recorder], TestContext.Current.CancellationToken);
        Assert.Equal(0.75 * right + 0.25 * all, recorder.Steps[0].Loss, 1e-5);
        Assert.NotEqual(right, all, 1e-3);
    }

    // By hand, from the logits before the step: the mean with weights of 40 / (2 * count), here by class 0 and class 1.
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.2)]
    public void Balanced_classes_count_the_same_in_the_loss_of_a_step_and_images_in_that_of_a_test(double labelSmoothing)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var set = IdxReader.Load(folder.FullPath);
        using var labels = tensor([.. Enumerable.Range(0, 40).Select(index => index < 30 ? 0L : 1L)]);
        var data = set with { Train = set.Train with { Labels = labels } };
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1, BatchSize = 40, LabelSmoothing = labelSmoothing, BalanceClasses = true };
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
        trainer.Fit([recorder], TestContext.Current.CancellationToken);
        Assert.Equal(sum / total, recorder.Steps[0].Loss, 1e-5);
        Assert.Equal(recorder.Steps[0].Loss, recorder.Epochs[0].TrainLoss);
        var evaluation = Evaluator.Evaluate(trainer.Model, data.Test, data.Normalization, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(evaluation.Loss, recorder.Epochs[0].TestLoss);
    }

    [Fact]
    public void Classes_are_counted_without_the_images_that_are_held_out()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 25);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("plain")!, Validation = 11 }, data, CPU);
        Assert.Equal([2, 2, 2, 2, 1, 1, 1, 1, 1, 1], trainer.Splits.ClassCounts.Counts);
    }

    [Fact]
    public void Augmentation_changes_the_images_of_a_step_and_not_those_of_a_test()
    {
        var augmentation = new Augmentation(Shift: 3);
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 1, BatchSize = 40, Seed = 3, Validation = 16, Augment = augmentation };
        using var trainer = Trainer.Create(settings, data, CPU);
        List<byte[]> seen = [];
        trainer.Model.register_forward_pre_hook((_, images) =>
        {
            seen.Add(images.contiguous().bytes.ToArray());
            return images;
        });
        trainer.Fit([], TestContext.Current.CancellationToken);

        // One step, of the first 24 images in an order of their own; the validation's 16; the test's 10.
        Assert.Equal(3, seen.Count);
        manual_seed(3);
        Architecture.Find("plain")!.Create(TrainableModel.ShapeOf(data)).Dispose();
        using var order = tensor(EpochBatches.RandomPermutation(24).ToArray());
        using var images = data.Normalization.Apply(data.Train.Images);
        using var stepImages = augmentation.Apply(images.index_select(0, order), seed: 3, epoch: 1, step: 1);
        Assert.Equal(stepImages.contiguous().bytes.ToArray(), seen[0]);
        Assert.Equal(images[24..].contiguous().bytes.ToArray(), seen[1]);
        Assert.Equal(data.Normalization.Apply(data.Test.Images).bytes.ToArray(), seen[2]);
    }

    // As on a GPU; 3 steps an epoch, of which the third is reported at its end.
    [Fact]
    public void To_fetch_several_losses_at_once_changes_nothing()
    {
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2 };
        var one = Run(settings);
        var several = Run(settings, stepsAtOnce: 2);
        Assert.Equal(one.Steps, several.Steps);
        Assert.Equal(one.Epochs.Select(epoch => (epoch.TrainLoss, epoch.TestLoss)), several.Epochs.Select(epoch => (epoch.TrainLoss, epoch.TestLoss)));
    }

    // What is stopped between two reports goes on from the last step that was done, not from the last that was reported.
    [Fact]
    public void A_run_that_is_stopped_between_two_reports_knows_where_it_stands()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        using var enough = new CancellationTokenSource();
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("plain")!, BatchSize = 15 }, data, CPU, metricsEvery: 4);
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

    // The steps before it, which show how it came to that, are told of.
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_loss_that_is_no_number_ends_the_run_and_names_the_step(int stepsAtOnce)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, LearningRate = 1e6 };
        using var trainer = Trainer.Create(settings, data, CPU, metricsEvery: stepsAtOnce);
        var recorder = new Recorder();
        var error = Assert.Throws<DivergenceException>(() => trainer.Fit([recorder], TestContext.Current.CancellationToken));
        Assert.Matches(@"epoch 1, step [23]\b", error.Message);
        Assert.Contains("learning rate", error.Message);
        Assert.NotEmpty(recorder.Steps);
        Assert.EndsWith($"step {recorder.Steps.Count + 1}. Try a learning rate below 1000000.", error.Message);
    }

    [Fact]
    public void A_trainer_that_cannot_be_made_leaves_neither_threads_nor_tensors()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath);
        using var data = IdxReader.Load(folder.FullPath);
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = int.MaxValue, BatchSize = 4, OneCycle = true, BalanceClasses = true };
        var expected = Left(() => Create(settings with { Epochs = 1 }).Dispose());
        var threads = Threads();
        for (var count = 0; count < 10; count++)
            Assert.Equal(expected, Left(() => Assert.Contains("too many", Assert.Throws<UserException>(() => Create(settings)).Message)));
        Assert.InRange(Threads(), 0, threads + 9);

        Trainer Create(TrainSettings settings) => Trainer.Create(settings, data, CPU, new ParallelSettings(Replicas: 2));

        // TorchSharp 0.107 leaves one of each convolution to the garbage collector.
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
    public void No_tensor_is_left_behind_by_an_epoch(int replicas)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("residual")!, Epochs = 3 }, data, CPU, new ParallelSettings(replicas));
        List<long> live = [];
        trainer.Fit([new Recorder(onEpoch: () => live.Add(TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount))], TestContext.Current.CancellationToken);
        Assert.Equal(live[0], live[2]);
    }

    // As PyTorch's SGD, TorchSharp's passes over a parameter without gradient.
    [Fact]
    public void What_gets_no_gradient_stays_as_it_was_made()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 40);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("residual-as-printed")!, Epochs = 2, BatchSize = 10 }, data, CPU);
        var before = trainer.Model.named_parameters().ToDictionary(named => named.name, named => named.parameter.contiguous().bytes.ToArray());
        trainer.Fit([], TestContext.Current.CancellationToken);
        foreach (var (name, parameter) in trainer.Model.named_parameters())
        {
            var isUnused = name.StartsWith("rBlock1.conv1.", StringComparison.Ordinal) || name.StartsWith("rBlock2.conv1.", StringComparison.Ordinal);
            Assert.True(isUnused == parameter.contiguous().bytes.SequenceEqual(before[name]), name);
            Assert.True(isUnused == parameter.grad is null, name);
        }
    }

    // A momentum that is not there must not pass for one that never was: that of a parameter without gradient is written as zeros.
    [Theory]
    [InlineData("rBlock1.conv1.weight")]
    [InlineData("rBlock1.conv2.weight")]
    public void A_checkpoint_without_the_momentum_of_a_parameter_is_refused(string parameter)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("residual-as-printed")!, Epochs = 1 };
        using var trainer = Trainer.Create(settings, data, CPU);
        trainer.Fit([], TestContext.Current.CancellationToken);
        Checkpoint.Write(folder["whole"], trainer, RunData.Of(data), "run");
        using (var file = SafetensorsFile.Read(folder["whole"]))
        {
            var tensors = new Dictionary<string, Tensor>(file.Tensors);
            Assert.True(tensors.Remove($"momentum.{parameter}"));
            (file with { Tensors = tensors }).Write(folder["part"]);
        }

        using Checkpoint whole = Checkpoint.Read(folder["whole"]), part = Checkpoint.Read(folder["part"]);
        whole.Restore(trainer);
        Assert.Contains($"of the momentum, the tensor {parameter} is missing", Assert.Throws<InvalidDataException>(() => part.Restore(trainer)).Message);
    }

    // With a last batch that is smaller; with the running means and the count of batches from the checkpoint; with parameters that
    // have no momentum, for want of a gradient or because none is asked for.
    [Theory]
    [Trait("Speed", "Slow")]
    [InlineData("resnet18", 0.5, 6L)]
    [InlineData("residual-as-printed", 0.5, null)]
    [InlineData("plain", 0.0, null)]
    [InlineData("plain", 0.5, null, "shift=2,rotate=10,scale=0.1,stroke=1,flip,erase")]
    [InlineData("plain", 0.5, null, "shift=2", 3)] // before the evaluation of an epoch
    [InlineData("plain", 0.9, null, "crop=4,flip", 4, false, 0.001)]
    [InlineData("resnet18", 0.5, 0L, null, 4, true)]
    public void A_run_goes_on_from_its_checkpoint_as_if_it_had_never_stopped(
        string name, double momentum, long? batches, string? augment = null, int stepsUntilStop = 4, bool freeze = false, double decay = 0)
    {
        var architecture = Architecture.Find(name)!;
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 20);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find(name)!, Epochs = 2, BatchSize = 8, Momentum = momentum, Augment = augment is null ? null : Augmentation.Parse(augment, out _), Freeze = freeze, WeightDecay = decay, LearningRateMilestones = decay > 0 ? [3, 5] : null };
        var runData = RunData.Of(data);
        var cancellation = TestContext.Current.CancellationToken;

        using (var whole = Trainer.Create(settings, data, CPU))
        {
            whole.Fit([], cancellation);
            Checkpoint.Write(folder["whole"], whole, runData, "run");
        }

        using (var stopped = Trainer.Create(settings, data, CPU))
        {
            using var enough = new CancellationTokenSource();
            var steps = 0;
            Assert.Throws<OperationCanceledException>(() => stopped.Fit([new Recorder(_ => { if (++steps == stepsUntilStop) enough.Cancel(); })], enough.Token));
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
        foreach (var (key, tensor) in expected.Tensors.Where(tensor => tensor.Key != "state")) // that has times
            Assert.True(tensor.bytes.SequenceEqual(actual.Tensors[key].bytes), key);

        double?[] Accuracies(bool whole)
        {
            using var end = Checkpoint.Read(folder[whole ? "whole" : "more"]);
            return [.. end.Progress.History.Select(epoch => epoch.TrainAccuracy)];
        }
    }

    // Of 600 test images and 300 for validation, an evaluation has five batches.
    [Theory]
    [InlineData(false, null, 1)]
    [InlineData(false, 300, 1)]
    [InlineData(true, 300, 1)]
    [InlineData(true, 300, 3)]
    public void A_run_that_is_stopped_in_an_evaluation_repeats_the_evaluation_alone(bool hasDropout, int? validation, int batches)
    {
        var architecture = !hasDropout ? Architecture.Find("plain")! : Architecture.Find("plain")! with
        {
            Make = _ => nn.Sequential(("flat", nn.Flatten()), ("dropout", nn.Dropout(0.5)), ("linear", nn.Linear(784, 10))),
        };
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 340, test: 600);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, BatchSize = 16, Validation = validation };
        TrainingRun Start(string name) => TrainingRun.Start(new TrainingRequest(settings, data, CPU) { Folder = folder[name] });
        var whole = new Recorder();
        using (var run = Start("whole"))
            Assert.True(run.Train([whole], TestContext.Current.CancellationToken));

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
        using (var run = TrainingRun.Resume(new TrainingRequest(settings, data, CPU), checkpoint))
            Assert.True(run.Train([second], TestContext.Current.CancellationToken));
        Assert.Equal(whole.Steps, [.. first.Steps, .. second.Steps]);
        Assert.Equal(whole.Epochs.Select(WithoutTimes), second.Epochs.Select(WithoutTimes));
        foreach (var name in new[] { "model.safetensors", "best.safetensors" })
            Assert.Equal(File.ReadAllBytes(folder[$"whole/{name}"]), File.ReadAllBytes(folder[$"stopped/{name}"]));

        static string WithoutTimes(EpochMetrics epoch) =>
            JsonSerializer.Serialize(epoch with { TrainSeconds = 0, TestSeconds = 0, ImagesPerSecond = 0 }, JsonFormat.Line);
    }

    // Another trainer sets the seed of the generator that both draw from; a scope disposes all tensors that are made in it.
    [Fact]
    public void A_run_depends_neither_on_what_else_draws_nor_on_the_scope_of_its_caller()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, BalanceClasses = true };
        var (expected, recorder) = (Run(settings), new Recorder());
        using var trainer = Trainer.Create(settings, data, CPU);
        Trainer.Create(settings with { Seed = 2 }, data, CPU).Dispose();
        using (NewDisposeScope())
            trainer.Fit([recorder], TestContext.Current.CancellationToken);
        Assert.Equal(expected.Steps, recorder.Steps);
        Checkpoint.Write(folder["checkpoint"], trainer, RunData.Of(data), "run");
        Checkpoint.Read(folder["checkpoint"]).Dispose();
    }

    // Against the answers of the network itself, image by image: of the first step those of the new network.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_training_accuracy_is_of_the_images_as_they_were_seen(int stepsAtOnce)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 50);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, BatchSize = 20, LearningRate = 0.1, Augment = new Augmentation(Crop: 2) };
        using var trainer = Trainer.Create(settings, data, CPU, metricsEvery: stepsAtOnce);
        List<Tensor> answers = [];
        trainer.Model.register_forward_hook((model, _, logits) =>
        {
            if (model.training)
                answers.Add(logits.detach().argmax(1).DetachFromDisposeScope());
            return logits;
        });
        List<double> expected = [];
        var recorder = new Recorder();
        trainer.Fit([recorder], TestContext.Current.CancellationToken);

        // The same order again: behind the weights of a network, as the trainer draws it.
        manual_seed(settings.Seed);
        Architecture.Find("plain")!.Create().Dispose();
        for (var epoch = 0; epoch < 2; epoch++)
        {
            var labels = EpochBatches.Load(data.Train, data.Normalization, 20).Select(batch => batch.Labels.clone()).ToArray();
            expected.Add(2.0 * labels.Zip(answers.Skip(3 * epoch), (label, answer) => label.eq(answer).sum().item<long>()).Sum());
            EpochBatches.SkipLoaderSeed(); // for the test of the epoch
        }

        Assert.Equal(expected, recorder.Epochs.Select(epoch => epoch.TrainAccuracy!.Value));
        Assert.True(expected[1] > 0);
    }

    [Theory]
    [InlineData(8, null, false)] // 16 + 1
    [InlineData(1, null, false)]
    [InlineData(8, 1, true)] // 16
    [InlineData(5, null, true)] // 15 + 2
    public void A_batch_of_one_image_is_refused_where_there_is_batch_normalisation(int batchSize, int? validation, bool isTaken)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 17);
        using var data = IdxReader.Load(folder.FullPath);
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, BatchSize = batchSize, Validation = validation };
        Trainer.Create(settings, data, CPU).Dispose();
        settings = settings with { Architecture = Architecture.Find("plain18")! };
        if (isTaken)
            Trainer.Create(settings, data, CPU).Dispose();
        else
            Assert.Equal((Remedy.ChangeBatchSize, null), Remedies.Of(Assert.Throws<UserException>(() => Trainer.Create(settings, data, CPU))));
    }

    // The last batch is smaller than there are replicas.
    [Fact]
    public void As_many_replicas_give_the_same_bits_and_nearly_those_of_one()
    {
        var settings = new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 2, BatchSize = 37, Momentum = 0.9, LabelSmoothing = 0.1, BalanceClasses = true };
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
    public void What_fails_in_a_replica_fails_the_training()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath);
        using var data = IdxReader.Load(folder.FullPath);
        using var labels = data.Train.Labels.narrow(0, 15, 1);
        labels.fill_(12); // a class that there is not
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("plain")! }, data, CPU, new ParallelSettings(Replicas: 2));
        Assert.Contains("Target 12 is out of bounds", Assert.ThrowsAny<Exception>(() => trainer.Fit([], TestContext.Current.CancellationToken)).Message);
    }

    [Fact]
    public void A_network_with_batch_normalisation_or_dropout_has_no_replicas()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath);
        using var data = IdxReader.Load(folder.FullPath);
        foreach (var name in new[] { "plain18", "googlenet" })
            Assert.Equal((Remedy.LeaveOutReplicas, null), Remedies.Of(Assert.Throws<UserException>(() =>
                Trainer.Create(new TrainSettings { Architecture = Architecture.Find(name)!, BatchSize = 4 }, data, CPU, new ParallelSettings(Replicas: 2)))));
    }

    // Of ten classes, the test images are of the first ones.
    [Theory]
    [InlineData(3)]
    [InlineData(70)]
    public void Each_class_is_measured_by_itself_in_every_epoch(int test)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 20, test: test);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("plain")!, Epochs = 12, BatchSize = 4, LearningRate = 0.05 }, data, CPU);
        var recorder = new Recorder();
        trainer.Fit([recorder], TestContext.Current.CancellationToken);
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

    private static Recorder Run(TrainSettings settings, int stepsAtOnce = 1, int replicas = 1)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.FullPath, train: 150);
        using var data = IdxReader.Load(folder.FullPath);
        using var trainer = Trainer.Create(settings, data, CPU, new ParallelSettings(replicas), metricsEvery: stepsAtOnce);
        var recorder = new Recorder();
        trainer.Fit([recorder], TestContext.Current.CancellationToken);
        return recorder;
    }
}
