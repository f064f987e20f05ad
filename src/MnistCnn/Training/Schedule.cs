namespace MnistCnn.Training;

/// <summary>Learning-rate schedule.</summary>
internal enum Schedule
{
    Constant,

    /// <summary>
    /// The learning rate rises from a 25th to the highest in the first 30 % of the steps, then falls to nearly 0, both along cosines, as in
    /// PyTorch's <c>OneCycleLR</c>. Source: L. N. Smith and N. Topin, "Super-Convergence", 2017.
    /// </summary>
    [JsonStringEnumMemberName("one-cycle")]
    OneCycle,

    /// <summary>The learning rate is divided by ten after given steps, as in PyTorch's <c>MultiStepLR</c>.</summary>
    Steps,
}
