namespace MnistCnn.Experiments;

/// <summary>The table of experiments.</summary>
internal static class Claims
{
    /// <summary>All there are.</summary>
    public static IReadOnlyList<Experiment> All { get; } =
    [
        Gradients.Experiment, Convergence.Experiment, Bottleneck.Experiment, Views.Experiment, Listing.Experiment, Degradation.Experiment,
    ];
}
