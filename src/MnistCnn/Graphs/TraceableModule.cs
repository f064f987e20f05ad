using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Graphs;

/// <summary>
/// A module whose forward pass is written once, on <see cref="GraphValue"/>s: it computes when it is called with a tensor, and
/// <see cref="NetworkGraph.Trace"/> records its operations. PyTorch's torch.fx traces modules in the same way.
/// </summary>
internal abstract class TraceableModule(string name) : Module<Tensor, Tensor>(name)
{
    public sealed override Tensor forward(Tensor x) => ((TensorValue)forward(new TensorValue(x))).Tensor;

    /// <summary>The forward pass, composed of modules and the functions of <see cref="Functional"/>.</summary>
    public abstract GraphValue forward(GraphValue x);
}
