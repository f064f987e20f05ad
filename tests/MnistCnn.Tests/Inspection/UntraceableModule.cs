using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Inspection;

/// <summary>A module whose forward pass is hidden from tracing.</summary>
internal sealed class UntraceableModule() : Module<Tensor, Tensor>(nameof(UntraceableModule))
{
    public override Tensor forward(Tensor x) => x.tanh();
}
