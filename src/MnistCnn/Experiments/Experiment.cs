using System.Text.Json;
using MnistCnn.Charts;
using MnistCnn.Files;
using MnistCnn.Networks;

namespace MnistCnn.Experiments;

/// <summary>A claim of the article or of this project: the trials that measure it, and the conclusions from their rows.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Claim">The claim, in one sentence of this project's.</param>
/// <param name="Full">Its size where nothing else is asked for.</param>
/// <param name="Quick">Its size with <c>--quick</c>: about two minutes on two cores, and the effect still shows.</param>
/// <param name="Trials">
/// What is measured on images and classes of that shape, in order: the seeds outermost, so that whatever is cut short is complete for
/// some of them. Trials do not depend on each other. A <see cref="Runtime.UserException"/> where the networks take no such images.
/// </param>
/// <param name="Conclude">What came out, from the rows of the trials so far.</param>
internal sealed record Experiment(
    string Name,
    string Claim,
    ExperimentSettings Full,
    ExperimentSettings Quick,
    Func<ExperimentSettings, NetworkShape, IEnumerable<Trial>> Trials,
    Func<IReadOnlyList<JsonElement>, ExperimentResults> Conclude)
{
    /// <summary>All experiments, in the order in which <c>experiment all</c> runs them.</summary>
    public static IReadOnlyList<Experiment> All { get; } =
    [
        Gradients.Experiment, Convergence.Experiment, Bottleneck.Experiment, ParallelKernels.Experiment, PrintedVsExplained.Experiment,
        Degradation.Experiment,
    ];

    /// <summary>Makes what concludes from rows of one kind.</summary>
    /// <param name="effects">What the claim is about; from no rows too. What it says of them is the <see cref="Verdict"/>.</param>
    /// <param name="table">The results in short; from no rows too.</param>
    /// <param name="charts">The plot.</param>
    public static Func<IReadOnlyList<JsonElement>, ExperimentResults> From<TRow>(
        Func<IReadOnlyList<TRow>, IReadOnlyList<Effect>> effects,
        Func<IReadOnlyList<TRow>, ResultTable> table,
        Func<IReadOnlyList<TRow>, IReadOnlyList<IReadOnlyList<Chart>>> charts) => elements =>
    {
        var rows = elements.Select(element => JsonFormat.Parse<TRow>(element.GetRawText(), ExperimentRun.TrialsFile)).ToArray();
        return new ExperimentResults(SeedsOf(elements), new Verdict(effects(rows)), table(rows), rows.Length == 0 ? [] : charts(rows));
    };

    // Every row has one.
    private static int SeedsOf(IReadOnlyList<JsonElement> rows) => rows.Select(row => row.GetProperty("seed").GetInt64()).Distinct().Count();
}

/// <summary>What came out of an experiment, or of as much of it as is done.</summary>
/// <param name="Seeds">With how many seeds something is measured.</param>
/// <param name="Verdict">What it says of the claim.</param>
/// <param name="Table">The results in short.</param>
/// <param name="Charts">The plot, as rows of charts.</param>
internal sealed record ExperimentResults(int Seeds, Verdict Verdict, ResultTable Table, IReadOnlyList<IReadOnlyList<Chart>> Charts)
{
    /// <summary>Name and reason of each training that diverged.</summary>
    public IReadOnlyList<string> Diverged { get; init; } = [];
}

/// <summary>A part of an experiment that is measured by itself, for instance one network with one seed.</summary>
/// <param name="Name">What it is, for a line of progress; no two of an experiment are alike.</param>
/// <param name="Work">How much there is to do, in any unit that the trials have in common.</param>
/// <param name="Measure">Measures it: what it gives are the rows of <c>measurements.csv</c>, of one kind in an experiment.</param>
internal sealed record Trial(string Name, double Work, Func<TrialContext, IEnumerable<object>> Measure);
