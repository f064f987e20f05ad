using MnistCnn.Data;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Runs;

/// <summary>Inputs of a <see cref="TrainingRun"/>.</summary>
internal sealed record TrainingRequest(TrainSettings Settings, DataSet Data, Device Device)
{
    /// <summary>Path of the run folder; null for the next free name, or for the folder of the checkpoint.</summary>
    public string? Folder { get; init; }

    /// <summary>File of weights to start from; null for random initial weights. Resuming ignores it.</summary>
    public string? InitialWeights { get; init; }

    /// <summary>Write a checkpoint every N steps of an epoch, besides after each epoch.</summary>
    public int? CheckpointEvery { get; init; }

    /// <summary>On a GPU, read losses back every N steps, because each read waits for the device. On the CPU, every step is read.</summary>
    public int LogEveryNSteps { get; init; } = 100;

    public ParallelSettings Parallelism { get; init; } = new();
}
