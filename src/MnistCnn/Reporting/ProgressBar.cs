using Spectre.Console;
using Spectre.Console.Rendering;

namespace MnistCnn.Reporting;

/// <summary>Progress of long work in a terminal: a name, a bar, some figures and the remaining time.</summary>
internal sealed class ProgressBar
{
    private readonly ProgressTask task;
    private readonly RemainingTime remaining = new();

    private ProgressBar(ProgressTask task) => this.task = task;

    /// <summary>Shows a bar while <paramref name="work"/> runs.</summary>
    public static void Show(IAnsiConsole console, Action<ProgressBar> work) => Terminal.WithProgress(console, () => console
        .Progress()
        .AutoClear(true)
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 20 }, new FiguresColumn())
        .Start(context => work(new ProgressBar(context.AddTask("Start", maxValue: 1)))));

    /// <summary>Updates the bar.</summary>
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
