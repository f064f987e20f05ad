using MnistCnn.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Export;

/// <summary>Untrained networks.</summary>
internal static class RandomNetwork
{
    /// <summary>
    /// Creates a network in evaluation mode. Its batch normalization has random parameters and statistics: the zeros and ones of a new
    /// network would hide a mix-up between them.
    /// </summary>
    public static Module<Tensor, Tensor> Create(string name, NetworkShape shape)
    {
        manual_seed(1);
        var network = Architecture.Find(name)!.Create(shape);
        network.eval();
        using var noGradient = no_grad();
        foreach (var layer in network.modules().OfType<BatchNorm2d>())
        {
            foreach (var centre in new[] { layer.bias!, layer.running_mean! })
                centre.normal_(0, 0.2);
            foreach (var width in new[] { layer.weight!, layer.running_var! })
                width.uniform_(0.5, 1.5);
        }

        return network;
    }
}
