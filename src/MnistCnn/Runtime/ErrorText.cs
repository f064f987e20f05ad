using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

/// <summary>What is read off exceptions that are not this program's own.</summary>
internal static class ErrorText
{
    /// <summary>Its message in one line: torch's carries a stack trace behind its first, and a name in others may have line ends in it.</summary>
    public static string Line(Exception error) => error is ExternalException
        ? error.Message.ReplaceLineEndings("\n").Split('\n')[0]
        : error.Message.ReplaceLineEndings(" ");

    /// <summary>Whether there is not enough memory, for .NET or for torch.</summary>
    public static bool IsOutOfMemory(Exception error) =>
        error is OutOfMemoryException || error is ExternalException && error.Message.Contains("memory", StringComparison.OrdinalIgnoreCase);
}
