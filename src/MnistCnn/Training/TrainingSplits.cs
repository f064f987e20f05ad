using MnistCnn.Data;
using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>Images of a training run on its device. In a process group, each rank has one shard of the evaluation images.</summary>
internal sealed record TrainingSplits(
    LabeledImages Train, LabeledImages? Validation, LabeledImages Test, Normalization Normalization, ClassCounts ClassCounts) : IDisposable
{
    /// <summary>Holds out the last training images, unless the data have validation images, and copies all images to a device.</summary>
    /// <param name="data">Must live as long as the splits, which share its memory on the CPU.</param>
    /// <exception cref="UserException">Too few images to train or to evaluate on each rank, or the data have validation images.</exception>
    public static TrainingSplits Create(DataSet data, int validationCount, Device device, IProcessGroup group)
    {
        if (validationCount > 0 && data.Validation is not null)
            throw new UserException(
                $"{data.Folder} has validation images in {data.Splits!["validation"]}: no training images need to be held out.")
                .With(Remedy.LeaveOutValidation);
        var trainCount = data.Train.Count - validationCount;
        if (trainCount <= 0)
            throw new UserException($"{validationCount} of {data.Train.Count} training images cannot be held out for validation.");
        var heldOut = validationCount > 0 ? data.Train.Slice(trainCount, validationCount) : data.Validation;
        var evaluationCount = Math.Min(data.Test.Count, heldOut?.Count ?? long.MaxValue);
        if (evaluationCount < group.WorldSize)
            throw new UserException($"{evaluationCount} images for evaluation are too few for {group.WorldSize} processes.");

        using var scope = NewDisposeScope(); // disposes the images already copied if the device has no memory for the others
        var train = data.Train.Slice(0, trainCount).To(device);
        var validation = heldOut is null ? null : Shard(heldOut);
        var test = Shard(data.Test);
        var classCounts = ClassCounts.Count(train.Labels, data.ClassNames.Count);
        foreach (var images in new[] { train, validation, test }.OfType<LabeledImages>())
            scope.Detach(images.Images, images.Labels);
        return new TrainingSplits(train, validation, test, data.Normalization, classCounts);

        LabeledImages Shard(LabeledImages images)
        {
            var (start, count) = group.Shard(images.Count);
            return images.Slice(start, count).To(device);
        }
    }

    public void Dispose()
    {
        Train.Dispose();
        Validation?.Dispose();
        Test.Dispose();
    }
}
