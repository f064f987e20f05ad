using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>How images are spread over the classes.</summary>
/// <param name="Counts">How many images each class has, at least one in all.</param>
internal sealed record ClassCounts(IReadOnlyList<long> Counts)
{
    // The classes of MNIST are as far apart as 1.24.
    private const double Unbalanced = 1.5;

    /// <summary>Counts labels.</summary>
    /// <param name="labels">Classes, from 0: (N), int64.</param>
    /// <param name="classes">How many classes there are.</param>
    public static ClassCounts Of(Tensor labels, int classes)
    {
        using var counted = labels.bincount(null, classes);
        using var counts = counted.cpu();
        return new ClassCounts(counts.data<long>().ToArray());
    }

    /// <summary>
    /// What the loss of an image counts, by its class, so that all classes count the same: images / (classes * images of the class);
    /// 0 of a class without images.
    /// </summary>
    /// <remarks>Source: scikit-learn's class_weight="balanced".</remarks>
    public IReadOnlyList<double> Weights =>
        [.. Counts.Select(count => count == 0 ? 0 : (double)Counts.Sum() / Counts.Count / count)];

    /// <summary>A sentence about the largest and the smallest class, or null where they are much the same.</summary>
    /// <param name="names">What the classes are called.</param>
    /// <param name="isPart">Whether only some images of a set were taken: then what chance does to so few counts for nothing.</param>
    public string? Warning(IReadOnlyList<string> names, bool isPart)
    {
        var (largest, smallest) = (Counts.Max(), Counts.Min());

        // The difference of two counts by chance has a standard deviation of the root of their sum; of ten classes that are equally
        // frequent, the largest and the smallest are seldom further apart than three of it.
        var isUnbalanced = largest > Unbalanced * smallest && !(isPart && largest - smallest <= 3 * Math.Sqrt(largest + smallest));
        return isUnbalanced
            ? $"Classes are unbalanced: {Name(largest)} has {largest:N0} images, {Name(smallest)} {smallest:N0}."
            : null;

        string Name(long count) => names[Counts.ToList().IndexOf(count)];
    }
}
