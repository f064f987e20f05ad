using MnistCnn.Charts;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;

namespace MnistCnn.Experiments;

/// <summary>A claim of the article or of this project: trials that measure it, and a verdict from their rows.</summary>
/// <param name="name">Name on the command line.</param>
/// <param name="full">Default size.</param>
/// <param name="quick">Reduced size that still shows the effect: about two minutes on two cores.</param>
internal abstract class Experiment(string name, string claim, ExperimentSettings full, ExperimentSettings quick)
{
    /// <summary>All experiments, in the order in which <c>experiment all</c> runs them.</summary>
    public static IReadOnlyList<Experiment> All { get; } =
    [
        new Blocks(), new Gradients(), new NormalizationAndShortcuts(), new Convergence(), new Bottleneck(), new ParallelKernels(),
        new AblationCosts(), new PrintedVsExplained(), new Degradation(),
    ];

    public string Name => name;
    public string Claim => claim;
    public ExperimentSettings Full => full;
    public ExperimentSettings Quick => quick;

    /// <summary>Whether <see cref="ExperimentSettings.Deep"/> adds networks.</summary>
    public virtual bool HasDeeperNetworks => false;

    /// <summary>Whether it trains networks; if not, it has no seeds, epochs, training images and recipe.</summary>
    public virtual bool Trains => true;

    /// <summary>Whether rows contain times, so that trials must not run side by side.</summary>
    public virtual bool MeasuresTime => false;

    /// <summary>Starts an experiment or resumes the one in the folder.</summary>
    /// <exception cref="IOException">The folder cannot be written, is in use, or holds something else.</exception>
    /// <exception cref="InvalidDataException">A file in the folder is damaged.</exception>
    /// <exception cref="Runtime.UserException">The networks do not accept images of this shape.</exception>
    public abstract IExperimentRun Open(ExperimentRequest request);

    /// <summary>Reads the results in a folder without its data; null if no experiment was started there.</summary>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public ExperimentStatus? Read(string folder) => ExperimentInfo.Read(folder) is { } info
        ? new ExperimentStatus(this, info, ReadResults(folder, info), ExperimentStatus.FilesIn(folder))
        : null;

    /// <summary>Concludes from the trials that are saved in a folder.</summary>
    public abstract ExperimentResults ReadResults(string folder, ExperimentInfo info);
}

internal abstract class Experiment<TRow>(string name, string claim, ExperimentSettings full, ExperimentSettings quick)
    : Experiment(name, claim, full, quick)
    where TRow : IMeasuredRow
{
    private const int MaxWidth = 256;

    public override IExperimentRun Open(ExperimentRequest request) => ExperimentRun<TRow>.Open(this, request);

    public override ExperimentResults ReadResults(string folder, ExperimentInfo info) =>
        Conclude(TrialResult<TRow>.Read(folder), info.Data.TestImages, isInterim: info.Status != RunStatus.Finished);

    /// <summary>Computes verdicts, table and charts from the finished trials, of which there may be none.</summary>
    public ExperimentResults Conclude(IReadOnlyList<TrialResult<TRow>> trials, long testImages, bool isInterim = false)
    {
        TRow[] rows = [.. trials.SelectMany(trial => trial.Rows)];
        string[] diverged = [.. from trial in trials where trial.Diverged is not null select $"{trial.Name}, diverged: {trial.Diverged}"];
        var table = Table(rows);
        return new ExperimentResults(
            Seeds: rows.Select(row => row.Seed).Distinct().Count(),
            [.. Verdicts(rows).Select(verdict => verdict with { Diverged = diverged.Length, IsInterim = isInterim })],
            table, [.. Notes(rows), .. table.DescribeTestErrors(testImages)],
            Charts: rows.Length == 0 ? [] : Charts(rows),
            diverged);
    }

    /// <summary>Lists independent trials, seeds in the outermost loop: a stopped experiment is complete for some seeds.</summary>
    /// <exception cref="Runtime.UserException">The networks do not accept images of this shape.</exception>
    public abstract IEnumerable<Trial<TRow>> Trials(ExperimentSettings settings, NetworkShape shape);

    /// <summary>Returns the network whose width, from 1, brings its number of parameters nearest to the goal.</summary>
    protected static Architecture FindNearest(long goal, NetworkShape shape, Func<int, Architecture> create)
    {
        return Enumerable.Range(1, MaxWidth).Select(create).MinBy(architecture => Math.Abs(CountParameters(architecture) - goal))!;

        long CountParameters(Architecture architecture)
        {
            using var skeleton = architecture.CreateOnMeta(shape);
            return Layers.ParameterCount(skeleton);
        }
    }

    /// <summary>Verdicts on the parts of the claim, at least one, also without rows.</summary>
    protected abstract IReadOnlyList<Verdict> Verdicts(IReadOnlyList<TRow> rows);

    /// <summary>Summary of the rows, also without rows.</summary>
    protected abstract ResultTable Table(IReadOnlyList<TRow> rows);

    /// <summary>Facts of the rows that are no quantity of the claim, as sentences.</summary>
    protected virtual IEnumerable<string> Notes(IReadOnlyList<TRow> rows) => [];

    /// <summary>Plot as rows of charts.</summary>
    /// <param name="rows">At least one row.</param>
    protected abstract IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TRow> rows);
}

/// <param name="Folder">Folder for the results; null for the next unused name <c>runs/NAME-TIME</c>.</param>
/// <param name="MayBeFinished">Accepts a folder with a finished experiment, which gets no more results.</param>
/// <param name="IsWorker">Whether the process only serves as a worker: the process that started it locks the folder and writes it.</param>
internal sealed record ExperimentRequest(
    ExperimentSettings Settings, DataSet Data, Device Device, IExperimentObserver Observer, string? Folder, bool MayBeFinished = false,
    bool IsWorker = false);

/// <summary>A measurement: a row of <c>measurements.csv</c>.</summary>
internal interface IMeasuredRow
{
    long Seed { get; }
}

/// <summary>Verdicts, table and plot of the trials so far.</summary>
/// <param name="Seeds">Number of seeds with a row.</param>
/// <param name="Notes">Sentences below the table.</param>
/// <param name="Charts">Plot as rows of charts; empty without rows.</param>
/// <param name="Diverged">Name and error of each trial that diverged.</param>
internal sealed record ExperimentResults(
    int Seeds, IReadOnlyList<Verdict> Verdicts, ResultTable Table, IReadOnlyList<string> Notes,
    IReadOnlyList<IReadOnlyList<Chart>> Charts, IReadOnlyList<string> Diverged);

/// <summary>State of an experiment in a suite.</summary>
/// <param name="Info">Record of the experiment; null if it was not started.</param>
/// <param name="Results">Results so far; null if it was not started.</param>
/// <param name="Problem">Reason for which it cannot be measured, or null.</param>
internal sealed record ExperimentStatus(
    Experiment Experiment, ExperimentInfo? Info = null, ExperimentResults? Results = null, IReadOnlyList<string>? Files = null,
    string? Problem = null)
{
    public const string PlotFile = "plot.png";

    /// <summary>Lists the files of an experiment. Trials have their own folders.</summary>
    public static string[] FilesIn(string folder) =>
        [.. Directory.GetFiles(folder).Where(file => !FolderLock.IsLock(file)).Order(StringComparer.Ordinal)];
}
