using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runs;

namespace MnistCnn.Web;

/// <summary>A model in memory, in evaluation mode, with its graph.</summary>
/// <param name="TestData">The data set, if its images have the model's shape and classes.</param>
internal sealed record LoadedModel(TrainedNetwork Network, ModelGraph Graph, DataSet? TestData, Device Device) : IDisposable
{
    private Task<TestPredictions>? predictions;
    private int users = 1;

    /// <summary>Last write time of the weights file.</summary>
    public required DateTime Written { get; set; }

    /// <exception cref="NotFoundException">The data set does not fit the model.</exception>
    public DataSet Data => TestData
        ?? throw new NotFoundException($"There are no test images for {Graph.Model.Id}: the data set has other images or other classes.");

    public static LoadedModel Load(string id, string path, Architecture? architecture, DateTime written, Device device, DataSet data)
    {
        var network = TrainedNetwork.Load(path, architecture).To(device);
        network.Network.eval();
        foreach (var parameter in network.Network.parameters())
            parameter.requires_grad = false;
        var hasImages = network.MismatchWith(data) is null;
        var info = new ModelInfo(
            id, network.Architecture.Title, network.Architecture.Name, Path.GetFileName(path),
            network.Shape.Channels, network.Shape.Height, network.Shape.Width, network.ClassNames,
            ReadsDrawings: network.ImageSettings.Fit is ImageFit.Ink,
            Parameters: Layers.ParameterCount(network.Network),
            network.Metadata.TestAccuracy, ChosenOnTest: ModelLocator.IsChosenOnTest(path), hasImages);
        using var scope = NewDisposeScope();
        // A batch of no images: only shapes are computed.
        var nodes = ActivationTrace.Run(network.Network, empty([0, info.Channels, info.Height, info.Width], device: device)).Nodes;
        var graph = new ModelGraph(info, Describe(nodes), Ablation.Find(network.Network, nodes));
        return new LoadedModel(network, graph, hasImages ? data : null, device) { Written = written };
    }

    /// <summary>Returns the test predictions, which are computed at the first call, and again after a failure.</summary>
    public Task<TestPredictions> GetPredictions(Func<DataSet, Task<TestPredictions>> compute) =>
        predictions is null or { IsFaulted: true } or { IsCanceled: true } ? predictions = compute(Data) : predictions;

    /// <summary>Adds a user, who calls <see cref="Dispose"/> too: the network stays in memory until the last one has.</summary>
    public LoadedModel Share()
    {
        Interlocked.Increment(ref users);
        return this;
    }

    /// <summary>Returns the pixels (C, H, W) and the class of a test image.</summary>
    /// <exception cref="NotFoundException">The data set does not fit, or has fewer images.</exception>
    public (Tensor Pixels, long Label) TestImage(int index)
    {
        var test = Data.Test;
        return index >= 0 && index < test.Count
            ? (test.Images[index], test.Labels[index].item<long>())
            : throw new NotFoundException($"There is no test image {index}: there are {test.Count}.");
    }

    public void Dispose()
    {
        if (Interlocked.Decrement(ref users) == 0)
            Network.Dispose();
    }

    public static IReadOnlyList<NodeInfo> Describe(IReadOnlyCollection<TraceNode> nodes)
    {
        var blocks = Ablation.BlockOf(nodes);
        return
        [
            .. nodes.Select(node => new NodeInfo(
                node.Name, node.Operation, node.Module, blocks[node.Name], node.Inputs, node.Value.shape[1..],
                node.Window?.Kernel, node.Window?.Stride, node.Window?.Padding,
                Parameters: node.Layer?.parameters(recurse: false).Sum(parameter => parameter.numel()) ?? 0)),
        ];
    }
}
