using MnistCnn.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Inspection;

/// <summary>
/// How large a square of the input decides one place of a network's last map: the last output that has a height and a width,
/// before its means are taken or a linear layer joins it. Of parallel branches, it is that of the widest.
/// </summary>
/// <remarks>
/// It is measured. Some rows of a dark image are lit, and the network's own forward pass shows whether their light comes to the
/// middle of the last map. For this each convolution lets through the light of its whole window, whatever its weights would be,
/// and batch normalisation lets everything through; pooling, relu, additions and joins do so by themselves, since light is never
/// negative. The image is taken so large that the square lies within it. Only its height is measured: kernels and strides are
/// the same in both directions.
/// </remarks>
internal static class ReceptiveField
{
    private const int LargestFirstImage = 512;
    private const int LargestImage = 1 << 14;

    /// <summary>Measures it.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="shape">Images that it takes.</param>
    /// <returns>Pixels from top to bottom; null where the last map sees the whole image, however large.</returns>
    public static int? Of(Architecture architecture, NetworkShape shape)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var skeleton = architecture.CreateOnMeta(shape);
        skeleton.eval();
        Tensor? lastMap = null;
        foreach (var (_, layer) in Layers.WithWeights(skeleton))
            PassLight(layer);
        foreach (var part in skeleton.named_modules().Select(named => named.module).OfType<Module<Tensor, Tensor>>())
            part.register_forward_hook((_, _, y) =>
            {
                lastMap = y.dim() == 4 ? y : lastMap;
                return null!;
            });

        var width = Math.Min(shape.Width, LargestFirstImage);
        for (var height = Math.Min(shape.Height, LargestFirstImage); height <= LargestImage; height *= 2)
        {
            // Where the edge is seen from the middle, more might be seen of a larger image.
            var edge = Math.Max(1, height / 16);
            if (IsSeen(0, edge) || IsSeen(height - edge, height))
                continue;
            var above = FirstTrue(height, rows => IsSeen(0, rows)) - 1;
            var below = FirstTrue(height, rows => IsSeen(height - rows, height)) - 1;
            return height - above - below;

            bool IsSeen(int firstRow, int endRow)
            {
                using var pass = NewDisposeScope();
                var image = zeros(1, 1, height, width);
                image[.., .., firstRow..endRow] = 1;
                skeleton.call(image);
                return lastMap![.., .., (int)(lastMap.shape[2] / 2)].max().item<float>() > 0;
            }
        }

        return null;
    }

    // Light has one channel, so a layer is given an empty batch of the shape that it takes, and its own output is not used.
    private static void PassLight(Module<Tensor, Tensor> layer)
    {
        var light = empty(0);
        layer.register_forward_pre_hook((_, x) =>
        {
            light = x;
            return layer switch
            {
                Conv2d convolution => empty([0, convolution.in_channels, x.shape[2], x.shape[3]], device: META),
                Linear linear => empty([0, linear.in_features], device: META),
                BatchNorm2d normalisation => empty([0, normalisation.num_features, x.shape[2], x.shape[3]], device: META),
                _ => throw new NotSupportedException($"What reaches a {layer.GetType().Name} cannot be followed through it."),
            };
        });
        layer.register_forward_hook((_, _, y) => layer switch
        {
            Conv2d convolution => Window(light, convolution),
            Linear _ => zeros(1, 1).expand(1, y.shape[1]), // one number, however many classes there are
            _ => light.alias(), // Sequential disposes of what a layer was given
        });
    }

    // Where light falls anywhere into a window, the output is lit; its strength is kept at one.
    private static Tensor Window(Tensor light, Conv2d convolution)
    {
        var open = ones([1, 1, convolution.kernel_size[0], convolution.kernel_size[1]]);
        return conv2d(
            light.amax([1], keepdim: true), open, null, convolution.stride, convolution.padding, convolution.dilation).sign();
    }

    // The least number from 1 to the highest for which it is true, where it is true for all numbers above that one.
    private static int FirstTrue(int highest, Func<int, bool> isTrue)
    {
        var lowest = 1;
        while (lowest < highest)
        {
            var middle = (lowest + highest) / 2;
            (lowest, highest) = isTrue(middle) ? (lowest, middle) : (middle + 1, highest);
        }

        return lowest;
    }
}
