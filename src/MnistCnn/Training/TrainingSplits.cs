using MnistCnn.Data;
using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>Images of a training run on its device. In a process group, each process has a shard of the images for evaluation.</summary>
/// <param name="ClassCounts">Training images per class.</param>
internal sealed record TrainingSplits(
    LabeledImages Train, LabeledImages? Validation, LabeledImages Test, Normalization Normalization, ClassCounts ClassCounts) : IDisposable
{
    /// <summary>Holds out the last training images for validation and copies all images to a device.</summary>
    /// <param name="data">Must live as long as the splits, which share its memory on the CPU.</param>
    /// <exception cref="UserException">No training image would be left, or a process would have no image to evaluate.</exception>
    public static TrainingSplits Create(DataSet data, int validationCount, Device device, IProcessGroup group)
    {
        var trainCount = data.Train.Count - validationCount;
        if (trainCount <= 0)
            throw new UserException($"Of {data.Train.Count} training images, {validationCount} cannot be held out for validation.");
        var evaluationCount = validationCount > 0 ? Math.Min(data.Test.Count, validationCount) : data.Test.Count;
        if (evaluationCount < group.WorldSize)
            throw new UserException($"{evaluationCount} images for evaluation are too few for {group.WorldSize} processes. Use fewer processes.");

        List<LabeledImages> owned = [];
        try
        {
            var train = CopyToDevice(data.Train, (0, trainCount));
            return new TrainingSplits(
                train,
                Validation: validationCount > 0 ? CopyToDevice(data.Train, Shard(trainCount, validationCount)) : null,
                Test: CopyToDevice(data.Test, Shard(0, data.Test.Count)),
                data.Normalization,
                ClassCounts.Of(train.Labels, data.ClassNames.Count));
        }
        catch
        {
            owned.ForEach(images => images.Dispose());
            throw;
        }

        (long Start, long Count) Shard(long start, long count)
        {
            var shard = group.Shard(count);
            return (start + shard.Start, shard.Count);
        }

        LabeledImages CopyToDevice(LabeledImages images, (long Start, long Count) range)
        {
            using var slice = images.Slice(range.Start, range.Count);
            var copy = slice.To(device);
            owned.Add(copy);
            return copy;
        }
    }

    public void Dispose()
    {
        Train.Dispose();
        Validation?.Dispose();
        Test.Dispose();
    }
}
