namespace MnistCnn.Networks;

/// <summary>
/// A network with auxiliary classifiers, which read feature maps in its middle during training and so give the first layers a stronger
/// gradient. <c>forward</c>, the traced graph, the summary and the weights files leave them out.
/// </summary>
internal interface IHasAuxiliaryClassifiers
{
    /// <summary>Weight of each auxiliary classifier's loss; the network's own loss has weight 1.</summary>
    double AuxiliaryLossWeight { get; }

    /// <summary>Names of the auxiliary classifiers in the state dictionary, even if the network was created without them.</summary>
    IReadOnlyList<string> AuxiliaryNames { get; }

    /// <summary>Returns the logits of <c>forward</c> and of each auxiliary classifier, (N, classes), in the order of their names.</summary>
    (Tensor Logits, IReadOnlyList<Tensor> AuxiliaryLogits) ForwardWithAuxiliary(Tensor x);
}
