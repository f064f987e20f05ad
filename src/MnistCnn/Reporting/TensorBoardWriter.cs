using MnistCnn.Training;
using Tensorboard;
using static TorchSharp.torch.utils;

namespace MnistCnn.Reporting;

/// <summary>Writes event files for TensorBoard: training loss and learning rate per step, test loss and accuracies per epoch.</summary>
internal sealed class TensorBoardWriter : ITrainingCallback
{
    private const string TestLoss = "loss/test", TestAccuracy = "accuracy/test", ValidationAccuracy = "accuracy/validation";

    private readonly SummaryWriter writer;
    private readonly HashSet<(string Tag, long Epoch)> logged = [];

    /// <param name="home">Folder with the event files of the run before it was resumed, or null.</param>
    /// <param name="trainer">
    /// Trainer before its next step. Events in <paramref name="home"/> after that step are dropped, because the run repeats them. Finished
    /// epochs without events get them now: a run can be killed after the checkpoint of an epoch and before its events.
    /// </param>
    public TensorBoardWriter(string folder, string? home, Trainer trainer)
    {
        foreach (var path in EventFiles(home))
        {
            var copy = Path.Combine(folder, Path.GetFileName(path));
            if (Path.GetFullPath(path) != Path.GetFullPath(copy))
                File.Copy(path, copy);
            DropRepeatedEvents(copy, trainer);
        }

        writer = tensorboard.SummaryWriter(folder, createRunName: false);
        foreach (var epoch in trainer.Progress.History)
            OnEpochEnd(epoch);
    }

    public static bool HasEvents(string? folder) => EventFiles(folder).Length > 0;

    public void OnStepEnd(StepMetrics step)
    {
        var index = (step.Epoch - 1) * step.Steps + step.Step;
        writer.add_scalar("loss/train", (float)step.Loss, index);
        writer.add_scalar("learning_rate", (float)step.LearningRate, index);
    }

    public void OnEpochEnd(EpochMetrics epoch)
    {
        Add(TestLoss, epoch.TestLoss);
        Add(TestAccuracy, epoch.TestAccuracy);
        Add(ValidationAccuracy, epoch.ValidationAccuracy);

        void Add(string tag, double? value)
        {
            if (value is { } number && logged.Add((tag, epoch.Epoch)))
                writer.add_scalar(tag, (float)number, epoch.Epoch);
        }
    }

    private static string[] EventFiles(string? folder) => folder is null ? [] : Directory.GetFiles(folder, "events.out.tfevents.*");

    // A record is its length, 4 bytes of checksum, the event and 4 bytes of checksum. A killed process may have written half of one.
    private void DropRepeatedEvents(string path, Trainer trainer)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        using var reader = new BinaryReader(file);
        var end = 0L;
        try
        {
            while (end < file.Length)
            {
                var length = reader.ReadInt64();
                reader.ReadUInt32();
                var read = Event.Parser.ParseFrom(reader.ReadBytes(checked((int)length)));
                if (IsRepeated(read, trainer))
                    break;
                reader.ReadUInt32();
                end = file.Position;
                if (read.Summary?.Value is [{ Tag: var tag }, ..])
                    logged.Add((tag, read.Step));
            }
        }
        catch (Exception error) when (error is IOException or OverflowException or ArgumentOutOfRangeException)
        {
            // TensorBoard cannot read the rest either.
        }

        file.SetLength(end);
    }

    private static bool IsRepeated(Event logged, Trainer trainer) => logged.Summary?.Value is [{ Tag: var tag }, ..]
        && logged.Step > (tag is TestLoss or TestAccuracy or ValidationAccuracy
            ? trainer.Progress.Epoch - 1
            : (trainer.Progress.Epoch - 1) * trainer.StepsPerEpoch + trainer.Progress.Step);
}
