using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Training;

/// <summary>Who finds the gradient of the loss of a batch: one network alone, several replicas of it, or several processes.</summary>
internal interface IForwardBackward : IDisposable
{
    /// <summary>Adds the gradient of the loss of a batch, or of its share in that of a larger one, to the gradients of the network's parameters.</summary>
    /// <param name="images">(B, C, H, W), float32.</param>
    /// <param name="labels">Classes, from 0: (B), int64.</param>
    /// <param name="total">What the labels of the larger batch weigh together, see <see cref="SingleModelStep.Weight"/>; null where it is this one.</param>
    /// <returns>The loss or its share, a scalar without gradient, and how many images were recognised, int64.</returns>
    (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? total = null);
}

/// <summary>The loss of a batch in one network: cross entropy, a mean over its images.</summary>
/// <param name="network">Images (B, C, H, W) to logits (B, classes).</param>
/// <param name="labelSmoothing">See <see cref="TrainSettings.LabelSmoothing"/>.</param>
/// <param name="classWeights">What an image counts by its class: (classes), float32; null where all count the same.</param>
internal sealed class SingleModelStep(Module<Tensor, Tensor> network, double labelSmoothing, Tensor? classWeights) : IForwardBackward
{
    /// <summary>The network.</summary>
    public Module<Tensor, Tensor> Network => network;

    /// <summary>The same loss in another network.</summary>
    public SingleModelStep In(Module<Tensor, Tensor> other) => new(other, labelSmoothing, classWeights);

    /// <summary>What labels (B), int64, weigh together: each one, or what its class counts.</summary>
    public double Weight(Tensor labels)
    {
        using var scope = NewDisposeScope();
        return classWeights?.index_select(0, labels).ToCpuFloat64().sum().item<double>() ?? labels.shape[0];
    }

    /// <inheritdoc/>
    public (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? total = null)
    {
        var (logits, auxiliaryLogits) = network is IHasAuxiliaryClassifiers classified ? classified.ForwardWithAuxiliary(images) : (network.call(images), []);
        var loss = Loss(logits, auxiliaryLogits, labels);
        if (total is not null)
        {
            using Scalar share = Weight(labels) / total.Value; // by name, lest it be finalised during the call
            loss = loss.mul(share);
        }

        loss.backward();
        return (loss.detach(), logits.argmax(1).eq(labels).sum());
    }

    /// <inheritdoc/>
    public void Dispose() => classWeights?.Dispose();

    // Auxiliary classifiers, where there are any, count less.
    private Tensor Loss(Tensor logits, IReadOnlyList<Tensor> auxiliaryLogits, Tensor labels)
    {
        using Scalar weight = (network as IHasAuxiliaryClassifiers)?.AuxiliaryLossWeight ?? 0; // by name, as above
        return auxiliaryLogits.Aggregate(Of(logits), (sum, side) => sum.add(Of(side), weight));

        Tensor Of(Tensor answers) => cross_entropy(answers, labels, classWeights, label_smoothing: labelSmoothing);
    }
}
