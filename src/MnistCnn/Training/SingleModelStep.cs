using MnistCnn.Networks;
using MnistCnn.Runtime;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Training;

/// <param name="network">Maps images (B, C, H, W) to logits (B, classes).</param>
/// <param name="classWeights">(classes), float32; null for equal weights.</param>
internal sealed class SingleModelStep(Module<Tensor, Tensor> network, double labelSmoothing, Tensor? classWeights) : IForwardBackward
{
    public Module<Tensor, Tensor> Network => network;

    /// <summary>The same loss for another model.</summary>
    public SingleModelStep In(Module<Tensor, Tensor> other) => new(other, labelSmoothing, classWeights);

    /// <summary>Sum of the class weights of labels (B), int64.</summary>
    public double Weight(Tensor labels)
    {
        using var scope = NewDisposeScope();
        return classWeights?.index_select(0, labels).ToCpuFloat64().sum().item<double>() ?? labels.shape[0];
    }

    public (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? batchWeight = null)
    {
        var auxiliary = network as IHasAuxiliaryClassifiers;
        var (logits, auxiliaryLogits) = auxiliary?.ForwardWithAuxiliary(images) ?? (network.call(images), []);

        // Variables, because TorchSharp 0.107 may finalize a temporary Scalar during the call that uses it.
        using Scalar auxiliaryWeight = auxiliary?.AuxiliaryLossWeight ?? 0;
        var loss = auxiliaryLogits.Aggregate(CrossEntropy(logits), (sum, other) => sum.add(CrossEntropy(other), auxiliaryWeight));
        if (batchWeight is not null)
        {
            using Scalar fraction = Weight(labels) / batchWeight.Value;
            loss = loss.mul(fraction);
        }

        loss.backward();
        return (loss.detach(), logits.argmax(1).eq(labels).sum());

        Tensor CrossEntropy(Tensor logits) => cross_entropy(logits, labels, classWeights, label_smoothing: labelSmoothing);
    }

    public void Dispose() => classWeights?.Dispose();
}
