namespace MnistCnn.Training;

/// <summary>Loss and predictions of a network on labeled images.</summary>
/// <param name="Loss">Cross entropy, mean over the images, in nats.</param>
/// <param name="Confidences">Probability of the predicted class of each image, from 0 to 1.</param>
/// <param name="TrueClassRanks">Rank of the true class of each image among the predictions, 0 = predicted; null if not requested.</param>
internal sealed record Evaluation(
    double Loss, IReadOnlyList<long> Labels, IReadOnlyList<long> Predictions, IReadOnlyList<double> Confidences, int Classes,
    IReadOnlyList<long>? TrueClassRanks = null)
{
    public int Total => Labels.Count;

    public int Correct => Labels.Zip(Predictions).Count(pair => pair.First == pair.Second);

    /// <summary>Images classified correctly, in percent.</summary>
    public double Accuracy => 100.0 * Correct / Total;

    /// <summary>Images of each class classified correctly, in percent; null for a class without images.</summary>
    public IReadOnlyList<double?> ClassAccuracies => [.. ClassMetrics.Select(metrics => metrics.Recall)];

    public IReadOnlyList<ClassMetrics> ClassMetrics
    {
        get
        {
            var confusion = ConfusionMatrix;
            var classes = Enumerable.Range(0, Classes);
            return
            [
                .. from label in classes
                   let correct = 100.0 * confusion[label, label]
                   let images = classes.Sum(prediction => confusion[label, prediction])
                   let predicted = classes.Sum(other => confusion[other, label])
                   select new ClassMetrics(images, predicted == 0 ? null : correct / predicted, images == 0 ? null : correct / images),
            ];
        }
    }

    /// <summary>Number of images per true class (row) and predicted class (column).</summary>
    public int[,] ConfusionMatrix
    {
        get
        {
            var counts = new int[Classes, Classes];
            foreach (var (label, prediction) in Labels.Zip(Predictions))
                counts[label, prediction]++;
            return counts;
        }
    }

    /// <summary>Indices of the misclassified images, the most confident prediction first.</summary>
    public IEnumerable<int> Misclassified => Enumerable.Range(0, Total)
        .Where(index => Labels[index] != Predictions[index])
        .OrderByDescending(index => Confidences[index]);

    /// <summary>Images whose true class is among the <paramref name="k"/> most probable ones, in percent.</summary>
    /// <exception cref="InvalidOperationException">There are no <see cref="TrueClassRanks"/>.</exception>
    public double TopKAccuracy(int k) =>
        100.0 * (TrueClassRanks ?? throw new InvalidOperationException("The ranks were not requested.")).Count(rank => rank < k) / Total;

    /// <summary>Mean of class accuracies, without the classes that have no images.</summary>
    public static double BalancedAccuracy(IReadOnlyList<double?> classAccuracies) =>
        classAccuracies.Average() ?? throw new ArgumentException("There is no image.");
}

/// <param name="Precision">Images of the class among those predicted as it, in percent; null if there is no such prediction.</param>
/// <param name="Recall">Images predicted as the class among the images of the class, in percent; null if the class has no images.</param>
internal sealed record ClassMetrics(int Images, double? Precision, double? Recall);
