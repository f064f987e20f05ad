using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

/// <summary>
/// Turns Ctrl-C, SIGTERM and SIGHUP (a closed terminal) into cancellation, so that the current work can end in order. A second signal
/// ends the process at once, as does a first one before this object exists, for instance while `train` loads its data.
/// </summary>
internal sealed class ShutdownSignals : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    public ShutdownSignals()
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        registrations = Array.ConvertAll(signals, signal => PosixSignalRegistration.Create(signal, Cancel));
    }

    public CancellationToken Token => source.Token;

    // The source, which holds only memory, is not disposed: a signal that came just now may still cancel it.
    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }

    private void Cancel(PosixSignalContext signal)
    {
        signal.Cancel = !source.IsCancellationRequested;
        source.Cancel();
    }
}
