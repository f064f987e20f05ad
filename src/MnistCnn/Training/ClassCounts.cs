namespace MnistCnn.Training;

/// <param name="Counts">Number of images per class, at least one in total.</param>
internal sealed record ClassCounts(IReadOnlyList<long> Counts)
{
    // In MNIST, the largest class has 1.24 times the images of the smallest.
    private const double UnbalancedRatio = 1.5;

    /// <param name="labels">Classes, from 0: (N), int64.</param>
    public static ClassCounts Count(Tensor labels, int classes)
    {
        using var counted = labels.bincount(null, classes);
        using var counts = counted.cpu();
        return new ClassCounts(counts.data<long>().ToArray());
    }

    /// <summary>Class weights of the loss, images / (classes * images of the class), 0 for a class without images.</summary>
    /// <remarks>As scikit-learn's class_weight="balanced".</remarks>
    public IReadOnlyList<double> Weights =>
        [.. Counts.Select(count => count == 0 ? 0 : (double)Counts.Sum() / Counts.Count / count)];

    /// <summary>A sentence about the largest and the smallest class if the classes are unbalanced; otherwise null.</summary>
    /// <param name="isSubset">True for a part of a data set: differences that sampling explains are ignored.</param>
    public string? Warning(IReadOnlyList<string> names, bool isSubset)
    {
        var (largest, smallest) = (Counts.Max(), Counts.Min());

        // The difference of two sampled counts has the root of their sum as its standard deviation. The largest and the smallest of ten
        // equally frequent classes seldom differ by more than three of these.
        var isSampling = isSubset && largest - smallest <= 3 * Math.Sqrt(largest + smallest);
        return largest > UnbalancedRatio * smallest && !isSampling
            ? $"Classes are unbalanced: {Name(largest)} has {largest:N0} images, {Name(smallest)} {smallest:N0}."
            : null;

        string Name(long count) => names[Counts.ToList().IndexOf(count)];
    }
}
