using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>
/// Takes down what a network computes, operation by operation, without computing it: for a file that other programs run, or a
/// drawing. A module that is an <see cref="IDescribed"/> tells it its own part.
/// </summary>
/// <remarks>Every value is of maps (N, C, H, W) or, behind <see cref="Flatten"/>, of rows (N, numbers), float32.</remarks>
internal interface IGraphBuilder
{
    /// <summary>What a part of the network makes of a value; what it is made of is told under the part's name.</summary>
    GraphValue Call(Module<Tensor, Tensor> part, GraphValue x);

    /// <summary>A convolution with its bias, if it has one.</summary>
    GraphValue Convolution(Conv2d layer, GraphValue x);

    /// <summary>Batch normalisation as in evaluation: with the means and variances that were kept.</summary>
    GraphValue BatchNormalization(BatchNorm2d layer, GraphValue x);

    /// <summary>A linear layer with its bias, on rows.</summary>
    GraphValue Linear(Linear layer, GraphValue x);

    /// <summary>The value itself.</summary>
    GraphValue Identity(GraphValue x);

    /// <summary>Zero in place of what is below.</summary>
    GraphValue Relu(GraphValue x);

    /// <summary>The largest of each window; the padding is never that.</summary>
    /// <param name="x">The maps.</param>
    /// <param name="kernelSize">The side of the window.</param>
    /// <param name="stride">From one window to the next; null for the side of the window.</param>
    /// <param name="padding">How far windows reach over each edge.</param>
    /// <param name="ceilMode">
    /// Whether the size is rounded up: a last window that reaches further over the right or lower edge counts too, and what it lacks is
    /// never the largest.
    /// </param>
    GraphValue MaxPool(GraphValue x, int kernelSize, int? stride = null, int padding = 0, bool ceilMode = false);

    /// <summary>The mean of each window; the padding counts as zeros.</summary>
    /// <param name="x">The maps.</param>
    /// <param name="kernelSize">The side of the window.</param>
    /// <param name="stride">From one window to the next; null for the side of the window.</param>
    /// <param name="padding">How far windows reach over each edge.</param>
    GraphValue AveragePool(GraphValue x, int kernelSize, int? stride = null, int padding = 0);

    /// <summary>The mean of each map, whatever its size: (N, C, 1, 1).</summary>
    GraphValue GlobalAveragePool(GraphValue x);

    /// <summary>Maps side by side, joined along the channels.</summary>
    GraphValue Concatenate(params IReadOnlyList<GraphValue> values);

    /// <summary>The maps with so many of zeros behind them: (N, C + <paramref name="count"/>, H, W).</summary>
    GraphValue PadChannels(GraphValue x, int count);

    /// <summary>The sum of two values of one shape.</summary>
    GraphValue Add(GraphValue x, GraphValue y);

    /// <summary>Each image's maps in one row: (N, C * H * W).</summary>
    GraphValue Flatten(GraphValue x);
}

/// <summary>What an operation of an <see cref="IGraphBuilder"/> gives, or what goes into the network.</summary>
/// <param name="Name">What it is called, once in a graph.</param>
internal sealed record GraphValue(string Name);

/// <summary>A module that can say what it computes, with the same operations in the same order as its <c>forward</c>.</summary>
internal interface IDescribed
{
    /// <summary>Tells a graph what the module makes of a value.</summary>
    /// <param name="graph">What takes it down.</param>
    /// <param name="x">What goes in.</param>
    /// <returns>What comes out.</returns>
    GraphValue Describe(IGraphBuilder graph, GraphValue x);
}
