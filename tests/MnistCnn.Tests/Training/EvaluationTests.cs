using MnistCnn.Data;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Training;

public sealed class EvaluationTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Metrics_follow_from_labels_and_predictions()
    {
        var evaluation = new Evaluation(
            0.5, Labels: [0, 0, 1, 9, 9], Predictions: [0, 1, 1, 8, 0], Confidences: [0.9, 0.6, 0.8, 0.7, 0.5], Classes: 10);
        Assert.Equal((2, 5, 40.0), (evaluation.Correct, evaluation.Total, evaluation.Accuracy));
        Assert.Equal([3, 1, 4], evaluation.Misclassified);
        var confusion = evaluation.ConfusionMatrix;
        Assert.Equal((1, 1, 1, 1, 1), (confusion[0, 0], confusion[0, 1], confusion[1, 1], confusion[9, 8], confusion[9, 0]));
        Assert.Equal(5, confusion.Cast<int>().Sum());
        Assert.Equal([50, 100, null, null, null, null, null, null, null, 0], evaluation.ClassAccuracies);
        Assert.Equal(50, Evaluation.BalancedAccuracy(evaluation.ClassAccuracies));
        Assert.Throws<InvalidOperationException>(() => evaluation.TopKAccuracy(5));
    }

    // For every image, class 0 is the most probable, then 2, then 1 and 3 equally.
    [Fact]
    public void True_classes_have_a_rank_and_the_first_of_two_equal_logits_ranks_higher()
    {
        using var scores = tensor(new[] { 5f, 1, 3, 1 });
        using var images = zeros(4, 1, 1, 1, ScalarType.Byte);
        using var labels = arange(4, ScalarType.Int64);
        using var model = new Constant(scores);
        var set = new LabeledImages(images, labels);
        var evaluation = Evaluator.Evaluate(
            model, set, Normalization.Mnist, batchSize: 3, withRanks: true, cancellation: Cancellation);
        Assert.Equal([0L, 2, 1, 3], evaluation.TrueClassRanks!);
        Assert.Equal([25.0, 50, 75, 100], new[] { 1, 2, 3, 4 }.Select(evaluation.TopKAccuracy));
        Assert.Equal(evaluation.Accuracy, evaluation.TopKAccuracy(1));
        Assert.Null(Evaluator.Evaluate(model, set, Normalization.Mnist, cancellation: Cancellation).TrueClassRanks);
    }

    [Fact]
    public void Evaluation_does_not_depend_on_the_batch_size()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1, testLimit: 101);
        using var model = TrainedNetwork.Load(Fixture.PathOf("residual-trained.safetensors"));
        var results = new[] { 1, 64, 500 }.Select(size => Evaluator.Evaluate(model.Network, data.Test, data.Normalization, size)).ToArray();
        foreach (var result in results[1..])
        {
            Assert.Equal(results[0].Loss, result.Loss, 1e-6);
            Assert.Equal(results[0].Labels, result.Labels);
            Assert.Equal(results[0].Predictions, result.Predictions);
        }
    }

    [Fact]
    public void An_image_has_the_same_prediction_alone_and_in_a_batch()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1, testLimit: 50);
        using var model = TrainedNetwork.Load(Fixture.PathOf("residual-trained.safetensors"));
        var evaluation = Evaluator.Evaluate(model.Network, data.Test, data.Normalization, cancellation: Cancellation);
        for (var index = 0; index < evaluation.Total; index++)
        {
            var best = Evaluator.Predict(model.Network, model.Normalization, data.Test.Images[index], CPU)[0];
            Assert.Equal(evaluation.Predictions[index], best.Class);
            Assert.Equal(evaluation.Confidences[index], best.Probability, 1e-5);
        }
    }

    private sealed class Constant(Tensor scores) : nn.Module<Tensor, Tensor>(nameof(Constant))
    {
        public override Tensor forward(Tensor images) => scores.unsqueeze(0).expand(images.shape[0], -1);
    }
}
