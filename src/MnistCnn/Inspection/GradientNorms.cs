using MnistCnn.Networks;
using MnistCnn.Runtime;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Inspection;

/// <summary>Size of the gradient in each layer of a network.</summary>
internal static class GradientNorms
{
    /// <summary>Computes the Euclidean norm of the loss gradient in the weights of each layer. Clears the gradients of the model.</summary>
    /// <param name="images">Normalized images, (N, C, H, W), on the device of the model.</param>
    /// <param name="labels">Labels, (N), on the device of the model.</param>
    /// <returns>Layers by name in the order of their registration; null for a layer without a gradient.</returns>
    public static IReadOnlyList<(string Layer, double? Norm)> Compute(Module<Tensor, Tensor> model, Tensor images, Tensor labels)
    {
        using var scope = NewDisposeScope();
        model.zero_grad();
        cross_entropy(model.call(images), labels).backward();

        // In float64: the squares of small gradients underflow in float32.
        (string, double?)[] norms =
        [
            .. from layer in Layers.WithWeights(model)
               select (layer.Name, layer.Layer.get_parameter("weight")!.grad?.ToCpuFloat64().norm().item<double>()),
        ];
        model.zero_grad();
        return norms;
    }
}
