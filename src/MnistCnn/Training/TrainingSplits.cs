using MnistCnn.Data;
using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>Images of a training run on its device. In a process group, each rank has one shard of the evaluation images.</summary>
internal sealed record TrainingSplits(
    LabeledImages Train, LabeledImages? Validation, LabeledImages Test, Normalization Normalization, ClassCounts ClassCounts) : IDisposable
{
    /// <summary>Holds out the last training images for validation and copies all images to a device.</summary>
    /// <param name="data">Must live as long as the splits, which share its memory on the CPU.</param>
    /// <exception cref="UserException">No training image would be left, or a rank would have no image to evaluate.</exception>
    public static TrainingSplits Create(DataSet data, int validationCount, Device device, IProcessGroup group)
    {
        var trainCount = data.Train.Count - validationCount;
        if (trainCount <= 0)
            throw new UserException($"{validationCount} of {data.Train.Count} training images cannot be held out for validation.");
        var evaluationCount = Math.Min(data.Test.Count, validationCount > 0 ? validationCount : long.MaxValue);
        if (evaluationCount < group.WorldSize)
            throw new UserException($"{evaluationCount} images for evaluation are too few for {group.WorldSize} processes.");

        LabeledImages? train = null, validation = null;
        try
        {
            train = CopyToDevice(data.Train, 0, trainCount);
            validation = validationCount > 0 ? CopyShard(data.Train, trainCount, validationCount) : null;
            var test = CopyShard(data.Test, 0, data.Test.Count);
            return new TrainingSplits(train, validation, test, data.Normalization, ClassCounts.Count(train.Labels, data.ClassNames.Count));
        }
        catch
        {
            train?.Dispose();
            validation?.Dispose();
            throw;
        }

        LabeledImages CopyShard(LabeledImages images, long start, long count)
        {
            var shard = group.Shard(count);
            return CopyToDevice(images, start + shard.Start, shard.Count);
        }

        LabeledImages CopyToDevice(LabeledImages images, long start, long count)
        {
            using var slice = images.Slice(start, count);
            return slice.To(device);
        }
    }

    public void Dispose()
    {
        Train.Dispose();
        Validation?.Dispose();
        Test.Dispose();
    }
}
