using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

/// <summary>
/// Ctrl-C, SIGTERM and SIGHUP (the terminal was closed) as a cancellation, so that the current work can be brought to an end. A
/// second one ends the process at once.
/// </summary>
internal sealed class ShutdownSignals : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    /// <summary>Listens from now on until it is disposed.</summary>
    public ShutdownSignals()
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        registrations = Array.ConvertAll(signals, signal => PosixSignalRegistration.Create(signal, Cancel));
    }

    /// <summary>Is cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        // Not the source, which holds nothing but memory: a signal of just now may still be about to cancel it.
    }

    private void Cancel(PosixSignalContext signal)
    {
        signal.Cancel = !source.IsCancellationRequested;
        source.Cancel();
    }
}
