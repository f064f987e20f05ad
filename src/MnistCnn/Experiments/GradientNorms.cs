using MnistCnn.Networks;
using MnistCnn.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Experiments;

/// <summary>How large the gradient is in each layer of a network.</summary>
internal static class GradientNorms
{
    private const int Images = 256;

    /// <summary>
    /// The Euclidean norm of the gradient in the weights of each layer, of the loss of the first 256 training images: the same images
    /// whatever the seed, so that before and after a training can be compared. Null of a layer that gets no gradient.
    /// </summary>
    /// <param name="model">The network; what gradients it had are lost.</param>
    /// <param name="context">Where it runs, and on what.</param>
    /// <returns>The layers by name, in the order in which they were registered.</returns>
    public static IReadOnlyList<(string Name, double? Norm)> Of(Module<Tensor, Tensor> model, TrialContext context)
    {
        using var scope = NewDisposeScope();
        var train = context.Data.Train;
        var count = Math.Min(Images, train.Count);
        var images = context.Data.Normalization.Apply(train.Images.narrow(0, 0, count)).to(context.Device);
        model.zero_grad();
        cross_entropy(model.call(images), train.Labels.narrow(0, 0, count).to(context.Device)).backward();

        // In float64, since the squares of small numbers are too small for float32.
        (string, double?)[] norms =
        [
            .. from layer in Layers.WithWeights(model)
               select (layer.Name, layer.Layer.get_parameter("weight")!.grad?.ToCpuFloat64().norm().item<double>()),
        ];
        model.zero_grad();
        return norms;
    }
}
