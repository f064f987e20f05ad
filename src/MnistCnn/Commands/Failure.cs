using MnistCnn.Runtime;

namespace MnistCnn.Commands;

/// <summary>What the user is told of work that failed.</summary>
internal static class Failure
{
    /// <summary>What is printed: <see cref="Reason"/>, said to be an error.</summary>
    public static string Text(Exception error, bool verbose) => $"error: {Reason(error, verbose)}";

    /// <summary>
    /// One line for what the user can mend. A bug of this program comes with its stack trace, and so does everything where
    /// <paramref name="verbose"/> asks for it.
    /// </summary>
    public static string Reason(Exception error, bool verbose)
    {
        // What fails while a batch is gathered comes in a wrapping of the loader's; on several threads, it may be more than one.
        while (error is AggregateException { InnerExceptions: { Count: > 0 } all } && all.Skip(1).All(IsExpected))
            error = all[0];
        if (!IsExpected(error))
            return $"This is a bug in MnistCnn {Versions.Program}, not in what you asked for:\n{error}";
        if (verbose)
            return $"{error}";

        var line = ErrorText.Line(error);
        return IsConsole(error) ? $"Standard output cannot be written: {line}" : line;
    }

    private static bool IsExpected(Exception error) =>
        error is UserException or IOException or UnauthorizedAccessException or InvalidDataException or DllNotFoundException || ErrorText.IsOutOfMemory(error);

    // .NET names the file that could not be written, but not the console.
    private static bool IsConsole(Exception error) => error is (IOException or UnauthorizedAccessException) && error.TargetSite?.Module.Assembly == typeof(Console).Assembly;
}
