using MnistCnn.Training;
using TorchSharp.Modules;
using static TorchSharp.torch.utils;

namespace MnistCnn.Reporting;

/// <summary>Writes a run's event files for TensorBoard: the loss and the learning rate of each step, the test loss and the accuracy of each epoch.</summary>
internal sealed class TensorBoardWriter : ITrainingObserver
{
    private readonly SummaryWriter writer;

    /// <param name="folder">Where the files go.</param>
    public TensorBoardWriter(string folder) => writer = tensorboard.SummaryWriter(folder, createRunName: false);

    /// <inheritdoc/>
    public void OnStep(StepMetrics step)
    {
        var index = (step.Epoch - 1) * step.Steps + step.Step;
        writer.add_scalar("loss/train", (float)step.Loss, index);
        writer.add_scalar("learning_rate", (float)step.LearningRate, index);
    }

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
        writer.add_scalar("loss/test", (float)epoch.TestLoss, epoch.Epoch);
        writer.add_scalar("accuracy/test", (float)epoch.TestAccuracy, epoch.Epoch);
        if (epoch.ValidationAccuracy is { } accuracy)
            writer.add_scalar("accuracy/validation", (float)accuracy, epoch.Epoch);
    }
}
