namespace MnistCnn.Runtime;

internal static class MemoryLayout
{
    /// <summary>
    /// Stores the weights of convolutions on the CPU as (out, height, width, in), and returns the same model. All feature maps after them
    /// are then stored as (N, height, width, channels), PyTorch's channels_last, the fastest layout for oneDNN. Shapes, names and files do
    /// not change.
    /// </summary>
    public static Module<Tensor, Tensor> ChannelsLast(Module<Tensor, Tensor> model)
    {
        using var noGradient = no_grad();
        foreach (var weight in model.modules().OfType<Conv2d>().Select(convolution => convolution.weight!))
        {
            if (weight.device_type != TorchSharp.DeviceType.CPU)
                continue;
            var (channels, height, width) = (weight.shape[1], weight.shape[2], weight.shape[3]);
            using var copy = empty_strided(weight.shape, [channels * height * width, 1, width * channels, channels]);
            weight.set_(copy.copy_(weight));
        }

        return model;
    }
}
