using MnistCnn.Graphs;
using TorchSharp.Modules;
using static MnistCnn.Graphs.Functional;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>A convolution without bias, batch normalization and relu: torchvision's <c>BasicConv2d</c>, with its names and eps.</summary>
internal sealed class ConvBnRelu : TraceableModule
{
    private readonly Conv2d conv;
    private readonly BatchNorm2d bn;

    public ConvBnRelu(int inChannels, int channels, int kernelSize, int stride = 1, int padding = 0)
        : base(nameof(ConvBnRelu))
    {
        conv = Conv2d(inChannels, channels, kernelSize, stride, padding, bias: false);
        bn = BatchNorm2d(channels, eps: 0.001);
        RegisterComponents();
    }

    public override GraphValue forward(GraphValue x) => relu(bn.call(conv.call(x)));
}
