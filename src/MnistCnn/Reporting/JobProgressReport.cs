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
            ProgressBar.Show(Terminal.CreateConsole(Console.Error), bar => work(progress =>
                bar.Report($"{progress.Number}/{progress.Count} {progress.Name}", progress.Fraction, progress.Fraction)));
    }

    private static Action<JobProgress> CreateLineWriter()
    {
        var clock = Stopwatch.StartNew();
        var remaining = new RemainingTime();
        return progress =>
        {
            var left = remaining.Estimate(progress.Fraction);
            if (!progress.IsDone)
                return;
            var seconds = clock.Elapsed.TotalSeconds;
            clock.Restart();
            var time = left is null ? "" : $", {TrainingText.Duration(left.Value)} left";
            Terminal.WriteErrorLine($"[{progress.Number}/{progress.Count}] {progress.Name}: {seconds:F1} s{time}");
        };
    }
}
