using System.Diagnostics;

namespace MnistCnn.Reporting;

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
