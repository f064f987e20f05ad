using MnistCnn.OnnxExport;

namespace MnistCnn.Networks;

/// <summary>Base class of the networks that consist of many blocks.</summary>
internal abstract class BlockNetwork(string name) : TraceableModule(name)
{
    /// <remarks>In PyTorch's order: TorchSharp puts all buffers after all parameters.</remarks>
    public override Dictionary<string, Tensor> state_dict(
        Dictionary<string, Tensor>? destination = null, string? prefix = null)
    {
        destination ??= [];
        var layers = base.state_dict(prefix: prefix).GroupBy(entry => entry.Key[..entry.Key.LastIndexOf('.')]);
        foreach (var (name, tensor) in layers.SelectMany(layer => layer))
            destination.Add(name, tensor);
        return destination;
    }

    /// <summary>Blocks in sequence, named 0, 1 and so on. Only the first changes the number of channels and may have a stride.</summary>
    /// <param name="createBlock">Creates a block from its input channels and its stride.</param>
    protected static Sequential CreateBlocks(
        int count, int inChannels, int outChannels, int stride, Func<int, int, Module<Tensor, Tensor>> createBlock)
    {
        var blocks = Sequential(("0", createBlock(inChannels, stride)));
        for (var index = 1; index < count; index++)
            blocks.append($"{index}", createBlock(outChannels, 1));
        return blocks;
    }

    /// <summary>Reinitializes convolutions in name order, like torchvision: K. He et al., "Delving Deep into Rectifiers", 2015.</summary>
    protected void InitializeConvolutions() => apply(module =>
    {
        if (module is Conv2d convolution)
            init.kaiming_normal_(convolution.weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
    });
}
