using System.Diagnostics;
using Spectre.Console;
using static System.FormattableString;

namespace MnistCnn.Reporting;

/// <summary>
/// How far a long piece of work is, on standard error: a bar with the time left where that is a terminal, a line after each part
/// otherwise.
/// </summary>
public sealed class WorkReport
{
    private readonly ProgressTask? bar;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private TimeSpan partStart;
    private string name = "";
    private int part;
    private int parts;

    private WorkReport(ProgressTask? bar) => this.bar = bar;

    /// <summary>Reports while <paramref name="work"/> runs.</summary>
    public static void Show(Action<WorkReport> work)
    {
        if (Console.IsErrorRedirected)
            work(new WorkReport(null));
        else
            Terminal.Of(Console.Error)
                .Progress()
                .AutoClear(true)
                .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 20 }, new TagColumn())
                .Start(context => work(new WorkReport(context.AddTask("Start", maxValue: 1))));
    }

    /// <summary>A part begins.</summary>
    /// <param name="partName">What it is.</param>
    /// <param name="count">How many parts there are.</param>
    public void Begin(string partName, int count)
    {
        (name, partStart, part, parts) = (partName, clock.Elapsed, part + 1, count);
        if (bar is not null)
            bar.Description = Invariant($"{part}/{parts} {name.EscapeMarkup()}");
    }

    /// <summary>It goes on.</summary>
    /// <param name="share">How much of the whole is done, from 0 to 1.</param>
    public void At(double share)
    {
        if (bar is null)
            return;
        bar.Value = share;
        bar.Tag = $"{Left(share)} left";
    }

    /// <summary>The part is done.</summary>
    /// <param name="share">How much of the whole is done, from 0 to 1.</param>
    public void End(double share)
    {
        At(share);
        if (bar is null)
            Console.Error.WriteLine(Invariant($"[{part}/{parts}] {name}: {(clock.Elapsed - partStart).TotalSeconds:F1} s, {Left(share)} left"));
    }

    private string Left(double share) => TrainingText.Duration(share > 0 ? clock.Elapsed * ((1 - share) / share) : TimeSpan.Zero);
}
