using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>Division of each batch among processes, and in each process among replicas. It changes results by rounding only.</summary>
/// <param name="Replicas">
/// Replicas of the network in this process, each on a thread with its fraction of torch's threads. Null chooses 2 if torch has several
/// threads, a batch several images, and the network supports replicas, and otherwise 1. More would make results depend on the machine.
/// </param>
internal sealed record ParallelSettings(int? Replicas = 1)
{
    public IProcessGroup Group { get; init; } = SingleProcess.Instance;

    /// <summary>The default of a training run: one process, which chooses its number of replicas.</summary>
    public static ParallelSettings Automatic { get; } = new(Replicas: null);

    /// <summary>Chooses the number of replicas and checks that every process and replica can work on its part of each batch.</summary>
    /// <exception cref="UserException">A batch is too small, or the network does not support replicas.</exception>
    public ParallelSettings Resolve(TrainSettings settings, Module<Tensor, Tensor> model, long trainCount)
    {
        ValidateBatchSize(settings, model, trainCount);
        var obstacle = ObstacleToReplicas(settings.Architecture, model);
        if (Replicas > 1 && obstacle is not null)
            throw new UserException(obstacle).With(Remedy.LeaveOutReplicas);
        return this with { Replicas = Replicas ?? (get_num_threads() > 1 && settings.BatchSize > 1 && obstacle is null ? 2 : 1) };
    }

    /// <summary>Creates the forward and backward pass of a step, with resolved settings.</summary>
    /// <param name="createReplica">Creates a model of the same architecture on the device; its weights are replaced.</param>
    public IForwardBackward CreateForwardBackward(
        TrainSettings settings, Module<Tensor, Tensor> model, Func<Module<Tensor, Tensor>> createReplica, Device device,
        ClassCounts classCounts)
    {
        var weights = settings.BalanceClasses ? tensor([.. classCounts.Weights.Select(weight => (float)weight)], device: device) : null;
        var single = new SingleModelStep(model, settings.LabelSmoothing, weights);
        IForwardBackward step = Replicas is > 1 and var replicas
            ? new DataParallelStep(single, createReplica, replicas)
            : single;
        return Group.WorldSize > 1 ? new DistributedDataParallelStep(Group, step, single) : step;
    }

    private void ValidateBatchSize(TrainSettings settings, Module<Tensor, Tensor> model, long trainCount)
    {
        var processes = Group.WorldSize;
        var (batch, lastBatch) = (Math.Min(settings.BatchSize, trainCount), (trainCount - 1) % settings.BatchSize + 1);
        if (batch < processes)
            throw new UserException($"A batch of {batch} is too small for {processes} processes.").With(Remedy.ChangeBatchSize);

        // Unlike PyTorch, TorchSharp 0.107 trains on a single image with batch normalization, and the running variance becomes NaN.
        if (!settings.Freeze && Layers.Has<BatchNorm2d>(model) && lastBatch < 2 * processes)
            throw new UserException(
                $"The last batch of an epoch would have {(lastBatch == 1 ? "one image" : $"{lastBatch} images")}, but the batch "
                + $"normalization of {settings.Architecture.Name} needs two{(processes == 1 ? "" : " per process")}.")
                .With(Remedy.ChangeBatchSize);
    }

    private static string? ObstacleToReplicas(Architecture architecture, Module<Tensor, Tensor> model)
    {
        if (!DataParallelStep.Supports(model))
            return $"{architecture.Name} does not support replicas: it has batch normalization or dropout.";
        return model.parameters().First().device_type == TorchSharp.DeviceType.CPU ? null : "Replicas are supported on the CPU only.";
    }
}
