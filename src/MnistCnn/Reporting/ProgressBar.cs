using Spectre.Console;
using Spectre.Console.Rendering;

namespace MnistCnn.Reporting;

/// <summary>Progress of long work in a terminal: a name, a bar, some figures and the remaining time.</summary>
internal sealed class ProgressBar
{
    private readonly ProgressTask task;
    private readonly RemainingTime remaining = new();

    private ProgressBar(ProgressTask task) => this.task = task;

    public static void Show(IAnsiConsole console, Action<ProgressBar> work) => Terminal.WithProgress(console, () => console
        .Progress()
        .AutoClear(true)
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 20 }, new FiguresColumn())
        .Start(context => work(new ProgressBar(context.AddTask("Start", maxValue: 1)))));

    /// <param name="part">Finished fraction of the current part of the work, the length of the bar.</param>
    /// <param name="whole">Finished fraction of the whole work, for the remaining time.</param>
    public void Report(string name, double part, double whole, string figures = "")
    {
        task.Description = name.EscapeMarkup();
        task.Value = part;
        task.Tag = remaining.Estimate(whole) is { } time
            ? $"{figures}{(figures == "" ? "" : "  ")}{TrainingText.Duration(time)} left"
            : figures;
    }

    // Shows the text in the tag of the task.
    private sealed class FiguresColumn : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(task.Tag as string ?? "").Overflow(Overflow.Ellipsis);
    }
}

/// <summary>Estimates the remaining time of work from its finished fraction.</summary>
internal sealed class RemainingTime
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private double? first;

    /// <summary>Returns null until there is progress. Work that was finished at the first call, before a resume, took no time.</summary>
    public TimeSpan? Estimate(double fraction)
    {
        first ??= fraction;
        return fraction > first ? clock.Elapsed * ((1 - fraction) / (fraction - first.Value)) : null;
    }
}
