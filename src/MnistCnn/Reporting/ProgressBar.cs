using System.Diagnostics;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MnistCnn.Reporting;

/// <summary>How far a long piece of work is, in a terminal: a name, a bar, a few figures and the time left.</summary>
internal sealed class ProgressBar
{
    private readonly ProgressTask task;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private double? start;

    private ProgressBar(ProgressTask task) => this.task = task;

    /// <summary>Shows a bar while <paramref name="work"/> runs.</summary>
    /// <param name="console">The terminal.</param>
    /// <param name="work">Says how far it is.</param>
    public static void Show(IAnsiConsole console, Action<ProgressBar> work) => Terminal.WithProgress(console, () => console
        .Progress()
        .AutoClear(true)
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 20 }, new FiguresColumn())
        .Start(context => work(new ProgressBar(context.AddTask("Start", maxValue: 1)))));

    /// <summary>Says how far the work is.</summary>
    /// <param name="name">What is being done.</param>
    /// <param name="bar">How full the bar is, from 0 to 1.</param>
    /// <param name="share">How much of all work is done, from 0 to 1; what was done before the first call took no time.</param>
    /// <param name="figures">What to show beside the bar.</param>
    public void At(string name, double bar, double share, string figures = "")
    {
        start ??= share;
        var left = share > start ? clock.Elapsed * ((1 - share) / (share - start.Value)) : (TimeSpan?)null;
        task.Description = name.EscapeMarkup();
        task.Value = bar;
        task.Tag = left is null ? figures : $"{figures}{(figures == "" ? "" : "  ")}{TrainingText.Duration(left.Value)} left";
    }

    /// <summary>The column that shows the text which the bar carries as its tag.</summary>
    private sealed class FiguresColumn : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(task.Tag as string ?? "").Overflow(Overflow.Ellipsis);
    }
}
