using System.Collections.Concurrent;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Sweeps;

/// <summary>The trainings of a sweep that are still to be done, one after the other in this process or side by side in others.</summary>
/// <param name="sweep">The sweep.</param>
/// <param name="trials">Those of its trials to see to.</param>
/// <param name="progress">Is told how far it is.</param>
/// <param name="onTrial">Is told when a trial is over.</param>
internal sealed class SweepWork(Sweep sweep, IReadOnlyList<SweepTrial> trials, Action<ExperimentProgress> progress, Action onTrial)
{
    private readonly Lock gate = new();
    private int over;

    /// <summary>Trains them in this process.</summary>
    /// <param name="data">The data that a trial is trained on.</param>
    /// <param name="device">Where.</param>
    /// <param name="cancellation">Ends it, with a checkpoint.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public void Here(Func<SweepTrial, DataSet> data, Device device, CancellationToken cancellation)
    {
        foreach (var trial in Left())
        {
            cancellation.ThrowIfCancellationRequested();
            Tell(trial, 0, isOver: false);
            sweep.Train(trial, data(trial), device, share => Tell(trial, share, isOver: false), cancellation);
            End(trial);
        }
    }

    /// <summary>Trains them in processes of their own, as many at once as are asked for.</summary>
    /// <param name="jobs">How many.</param>
    /// <param name="arguments">Their command line: what they are told on standard input are names of trials.</param>
    /// <param name="cancellation">Ends them, with a checkpoint each.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="IOException">One of them failed; the others are ended.</exception>
    public async Task InWorkers(int jobs, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var queue = new ConcurrentQueue<SweepTrial>(Left());
        if (queue.TryPeek(out var first))
            Tell(first, 0, isOver: false);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAll(Enumerable.Range(0, Math.Min(jobs, queue.Count)).Select(_ => Task.Run(Work, CancellationToken.None)));

        async Task Work()
        {
            try
            {
                using var worker = new WorkerProcess(arguments);
                while (!end.IsCancellationRequested && queue.TryDequeue(out var trial))
                {
                    _ = await worker.Ask(trial.Name, end.Token);
                    End(trial);
                }
            }
            catch
            {
                await end.CancelAsync();
                throw;
            }

            cancellation.ThrowIfCancellationRequested();
        }
    }

    private List<SweepTrial> Left()
    {
        List<SweepTrial> left = [.. trials.Where(trial => !sweep.IsDone(trial))];
        over = trials.Count - left.Count;
        return left;
    }

    private void End(SweepTrial trial)
    {
        lock (gate)
        {
            onTrial();
            Tell(trial, 1, isOver: true);
            over++;
        }
    }

    private void Tell(SweepTrial trial, double share, bool isOver) =>
        progress(new ExperimentProgress(over + 1, trials.Count, trial.Name, (over + share) / trials.Count, isOver));
}
