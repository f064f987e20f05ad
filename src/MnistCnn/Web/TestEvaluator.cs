using MnistCnn.Training;

namespace MnistCnn.Web;

/// <summary>Evaluates models on the test images, in parts that leave the inference thread free for other requests in between.</summary>
/// <param name="stopping">Cancels evaluations when the server shuts down.</param>
internal sealed class TestEvaluator(InferenceQueue queue, ModelCache models, CancellationToken stopping)
{
    // 50 images of MNIST. On two cores, a stroke then waits for 12 ms, against 45 ms with 250 images; the evaluation takes a sixth longer.
    private const long PixelsPerPart = 50 * 28 * 28;

    /// <summary>Returns a model's predictions on all test images, which are computed once per weights file.</summary>
    /// <param name="stop">Stops waiting; the evaluation continues, for others who wait for it.</param>
    public async Task<TestPredictions> Predict(string id, CancellationToken stop)
    {
        var predictions = await queue.Run(() => models.Get(id).GetPredictions(data => Evaluate(id, data.Test.Count)), stop);
        return await predictions.WaitAsync(stop);
    }

    // Keeps the model of the first part, although its file may change meanwhile.
    private async Task<TestPredictions> Evaluate(string id, long count)
    {
        using var turn = await Limits.WaitForEvaluation(stopping);
        using var model = await queue.Run(() => models.Get(id).Share(), stopping, bypassLimit: true);
        List<Evaluation> parts = [];
        for (var done = 0L; done < count; done += parts[^1].Total)
            parts.Add(await queue.Run(() => EvaluatePart(model, done), stopping, bypassLimit: true));
        return new TestPredictions(
            Accuracy: 100.0 * parts.Sum(part => part.Correct) / count,
            Loss: parts.Sum(part => part.Loss * part.Total) / count,
            Labels: [.. parts.SelectMany(part => part.Labels)],
            Predictions: [.. parts.SelectMany(part => part.Predictions)],
            Confidences: [.. parts.SelectMany(part => part.Confidences)]);
    }

    private static Evaluation EvaluatePart(LoadedModel model, long start)
    {
        var (network, test) = (model.Network, model.Data.Test);
        var most = Math.Min(Evaluator.BatchSize, test.Count - start);
        var size = Math.Clamp(PixelsPerPart / (network.Shape.Height * network.Shape.Width), 1, most);
        using var images = test.Slice(start, size).To(model.Device);
        return Evaluator.Evaluate(network.Network, images, network.Normalization, (int)size);
    }
}
