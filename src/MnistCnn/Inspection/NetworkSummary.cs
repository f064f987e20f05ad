using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using ExternalException = System.Runtime.InteropServices.ExternalException;

namespace MnistCnn.Inspection;

/// <summary>What a network is made of, and what it costs.</summary>
/// <param name="Layers">The layers with weights, in the order in which images pass them.</param>
/// <param name="Parameters">How many numbers the network learns, without auxiliary classifiers.</param>
/// <param name="AuxiliaryParameters">How many numbers its auxiliary classifiers learn, which it has only while it trains; 0 where it has none.</param>
/// <param name="MultiplyAdds">
/// Multiplications with a weight of a convolution or a linear layer, each with its addition, for all images of the batch. Biases,
/// batch normalisation, activations, pooling and the additions of shortcuts are not counted, as in the tables of papers.
/// </param>
/// <param name="TrainingMultiplyAdds">
/// Those of a training step, of auxiliary classifiers too: of the forward pass, as many again for the gradient of the weights, and as many for the gradient of
/// what a layer reads. That last one is left out for the layers that read the image itself, since nothing asks for it.
/// </param>
/// <param name="WeightBytes">All that a file with the weights holds: the parameters, and what batch normalisation keeps.</param>
/// <param name="ActivationBytes">The outputs of <paramref name="Layers"/> for all images of the batch, in float32.</param>
/// <param name="ReceptiveField">See <see cref="Inspection.ReceptiveField"/>.</param>
/// <param name="UnusedLayers">
/// The layers with weights that the output does not depend on, none as a rule, or null where the network does not say what it computes.
/// </param>
internal sealed record NetworkSummary(
    IReadOnlyList<LayerSummary> Layers,
    long Parameters,
    long AuxiliaryParameters,
    long MultiplyAdds,
    long TrainingMultiplyAdds,
    long WeightBytes,
    long ActivationBytes,
    int? ReceptiveField,
    IReadOnlyList<string>? UnusedLayers)
{
    private const int BytesOfFloat = 4;

    /// <summary>
    /// Runs a network's own forward pass and counts at each layer, from its weights and from what it gives. Nothing is computed:
    /// the weights have no numbers, and the batch that passes has no images.
    /// </summary>
    /// <param name="architecture">The network.</param>
    /// <param name="shape">Its images and classes.</param>
    /// <param name="batchSize">The images to count for.</param>
    /// <exception cref="UserException">The network does not take such images, or the counts are too large.</exception>
    public static NetworkSummary Of(Architecture architecture, NetworkShape shape, int batchSize = 1)
    {
        try
        {
            return Count(architecture, shape, batchSize);
        }
        catch (ArgumentException error)
        {
            throw new UserException(error.Message, error);
        }
        catch (Exception error) when (error is OverflowException or ExternalException)
        {
            throw new UserException(
                $"{architecture.Name} cannot be summed up for {batchSize} x {shape.Input} and "
                + $"{shape.Classes} classes: {error.Message.Split('\n')[0]}",
                error);
        }
    }

    private static NetworkSummary Count(Architecture architecture, NetworkShape shape, int batchSize)
    {
        using var scope = NewDisposeScope();
        using var skeleton = architecture.CreateOnMeta(shape, forTraining: true);
        skeleton.eval();
        List<LayerSummary> layers = [];
        var trainingMultiplyAdds = 0L;
        foreach (var (name, layer) in Networks.Layers.WithWeights(skeleton))
        {
            // Not every operation knows the meta device: between the layers the empty batch is on the CPU.
            layer.register_forward_pre_hook((_, x) => x.to(META));
            layer.register_forward_hook((_, x, y) =>
            {
                var outputShape = y.shape[1..];
                var parameters = layer.parameters(recurse: false).Sum(parameter => parameter.numel());
                var multiplyAdds = checked(batchSize * Product(outputShape) * WeightsOfAnOutput(layer));
                layers.Add(new LayerSummary(name, layer.GetType().Name, outputShape, parameters, multiplyAdds));

                // As in training, what a layer gives asks for a gradient, and so does all that is made of it; the image does not.
                trainingMultiplyAdds = checked(trainingMultiplyAdds + (x.requires_grad ? 3 : 2) * multiplyAdds);
                return empty(y.shape, requires_grad: true);
            });
        }

        var images = empty(0, shape.Channels, shape.Height, shape.Width);
        _ = skeleton is IHasAuxiliaryClassifiers classified ? classified.ForwardWithAuxiliary(images).Logits : skeleton.call(images);
        layers.RemoveAll(layer => Networks.Layers.IsAuxiliary(skeleton, layer.Name));
        var parameters = skeleton.named_parameters().ToLookup(named => Networks.Layers.IsAuxiliary(skeleton, named.name), named => named.parameter.numel());
        return new NetworkSummary(
            layers,
            parameters[false].Sum(),
            parameters[true].Sum(),
            layers.Sum(layer => layer.MultiplyAdds),
            trainingMultiplyAdds,
            Networks.Layers.WithoutAuxiliary(skeleton, skeleton.state_dict()).Values.Sum(tensor => tensor.numel() * tensor.element_size()),
            layers.Sum(layer => checked(batchSize * Product(layer.OutputShape) * BytesOfFloat)),
            Inspection.ReceptiveField.Of(architecture, shape),
            Inspection.UnusedLayers.Of(skeleton));
    }

    // How many products each number that a layer gives is the sum of.
    private static long WeightsOfAnOutput(Module layer) => layer switch
    {
        Conv2d convolution => convolution.weight.numel() / convolution.out_channels,
        Linear linear => linear.in_features,
        _ => 0,
    };

    private static long Product(IEnumerable<long> shape) => shape.Aggregate(1L, (product, length) => checked(product * length));
}

/// <summary>A layer with weights.</summary>
/// <param name="Name">Its name in the state dictionary.</param>
/// <param name="Kind">What it is: <c>Conv2d</c>, <c>BatchNorm2d</c>, <c>Linear</c>.</param>
/// <param name="OutputShape">What it gives for one image: channels, height, width, or classes.</param>
/// <param name="Parameters">How many numbers it learns.</param>
/// <param name="MultiplyAdds">Multiplications with a weight, each with its addition, for all images of the batch.</param>
internal sealed record LayerSummary(string Name, string Kind, IReadOnlyList<long> OutputShape, long Parameters, long MultiplyAdds);
