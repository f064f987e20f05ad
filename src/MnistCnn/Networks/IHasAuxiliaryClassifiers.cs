using static TorchSharp.torch;

namespace MnistCnn.Networks;

/// <summary>
/// A network with further classifiers that read maps in its middle while it trains, so that its first layers get a gradient that
/// comes a shorter way. What answers afterwards is the network without them: <c>forward</c> does not use them, nor do its description,
/// its summary and its weights have them.
/// </summary>
internal interface IHasAuxiliaryClassifiers
{
    /// <summary>How much the loss of each auxiliary classifier counts beside that of the network itself.</summary>
    double AuxiliaryLossWeight { get; }

    /// <summary>What the auxiliary classifiers are called in the state dictionary, whether the network was made with them or not.</summary>
    IReadOnlyList<string> AuxiliaryNames { get; }

    /// <summary>Classifies images with all classifiers.</summary>
    /// <param name="x">What <c>forward</c> takes.</param>
    /// <returns>What <c>forward</c> gives, and the logits (N, classes) of each auxiliary classifier that there is, in the order of their names.</returns>
    (Tensor Logits, IReadOnlyList<Tensor> AuxiliaryLogits) ForwardWithAuxiliary(Tensor x);
}
