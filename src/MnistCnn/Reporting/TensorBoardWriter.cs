using MnistCnn.Training;
using TorchSharp.Modules;
using static TorchSharp.torch.utils;

namespace MnistCnn.Reporting;

/// <summary>Writes a run's event files for TensorBoard: the loss of each step, the accuracy and the learning rate of each epoch.</summary>
public sealed class TensorBoardWriter : ITrainingObserver
{
    private readonly SummaryWriter writer;
    private readonly double learningRate;

    /// <param name="folder">Where the files go.</param>
    /// <param name="learningRate">Of the optimiser.</param>
    public TensorBoardWriter(string folder, double learningRate)
    {
        writer = tensorboard.SummaryWriter(folder, createRunName: false);
        this.learningRate = learningRate;
    }

    /// <inheritdoc/>
    public void OnStep(StepMetrics step) =>
        writer.add_scalar("loss/train", (float)step.Loss, (step.Epoch - 1) * step.Steps + step.Step);

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
        writer.add_scalar("loss/test", (float)epoch.TestLoss, epoch.Epoch);
        writer.add_scalar("accuracy/test", (float)epoch.TestAccuracy, epoch.Epoch);
        if (epoch.ValidationAccuracy is { } accuracy)
            writer.add_scalar("accuracy/validation", (float)accuracy, epoch.Epoch);
        writer.add_scalar("learning_rate", (float)learningRate, epoch.Epoch);
    }
}
