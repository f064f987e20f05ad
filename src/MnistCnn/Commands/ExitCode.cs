namespace MnistCnn.Commands;

internal static class ExitCode
{
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Stopped by Ctrl-C, SIGTERM or SIGHUP after writing a checkpoint; the same for all, so that scripts can test it.</summary>
    public const int Interrupted = 130;
}
