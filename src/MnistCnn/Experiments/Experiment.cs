using MnistCnn.Reporting;

namespace MnistCnn.Experiments;

/// <summary>One of the article's claims, and how it is measured.</summary>
public abstract class Experiment
{
    /// <summary>All there are.</summary>
    public static IReadOnlyList<Experiment> All { get; } = [new Gradients(), new Convergence(), new Bottleneck(), new Views()];

    /// <summary>The names of <see cref="All"/>, for help and messages.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(experiment => experiment.Name));

    /// <summary>The name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>What the article says, in one sentence.</summary>
    public abstract string Claim { get; }

    /// <summary>Its size where nothing else is asked for.</summary>
    public abstract ExperimentSettings Full { get; }

    /// <summary>Its size with <c>--quick</c>: under two minutes on two cores, and the effect still shows.</summary>
    public abstract ExperimentSettings Quick { get; }

    /// <summary>The experiment of that name, whatever its case, or null.</summary>
    public static Experiment? Find(string? name) =>
        All.FirstOrDefault(experiment => string.Equals(experiment.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// Measures part after part. After each, what has been measured lies in the folder: <c>measurements.csv</c> and
    /// <c>plot.png</c>.
    /// </summary>
    /// <param name="laboratory">What it is measured with.</param>
    /// <returns>The results, as far as it came: it may have been cancelled.</returns>
    /// <exception cref="IOException">The files cannot be written.</exception>
    /// <exception cref="ArithmeticException">A training diverged.</exception>
    public abstract ResultTable Run(Laboratory laboratory);
}
