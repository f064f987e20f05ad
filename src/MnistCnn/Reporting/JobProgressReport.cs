using System.Diagnostics;
using MnistCnn.Jobs;

namespace MnistCnn.Reporting;

/// <summary>Progress of the jobs of an experiment or a sweep, on standard error.</summary>
internal static class JobProgressReport
{
    /// <summary>Shows the progress that <paramref name="work"/> reports: a bar in a terminal, otherwise one line per job.</summary>
    public static void Show(Action<Action<JobProgress>> work)
    {
        if (Console.IsErrorRedirected)
            work(CreateLineWriter());
        else
            ProgressBar.Show(Terminal.Of(Console.Error), bar => work(progress =>
                bar.At($"{progress.Number}/{progress.Count} {progress.Name}", progress.Fraction, progress.Fraction)));
    }

    private static Action<JobProgress> CreateLineWriter()
    {
        var clock = Stopwatch.StartNew();
        var started = TimeSpan.Zero;
        double? first = null;
        return progress =>
        {
            first ??= progress.Fraction;
            if (!progress.IsDone)
                return;
            var left = clock.Elapsed * ((1 - progress.Fraction) / (progress.Fraction - first.Value));
            var seconds = (clock.Elapsed - started).TotalSeconds;
            Console.Error.WriteLine(
                $"[{progress.Number}/{progress.Count}] {progress.Name}: {seconds:F1} s, {TrainingText.Duration(left)} left");
            started = clock.Elapsed;
        };
    }
}
