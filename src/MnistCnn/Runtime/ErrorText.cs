using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

/// <summary>What is read off exceptions that are not this program's own.</summary>
internal static class ErrorText
{
    /// <summary>
    /// Returns the message of an exception in one line. The message of torch carries a stack trace behind its first line, file names may
    /// contain line ends, and a type that cannot be initialized (a library that does not load) hides the reason in an inner exception.
    /// </summary>
    public static string Line(Exception error) => error switch
    {
        TypeInitializationException { InnerException: { } reason } => Line(reason),
        OutOfMemoryException => "There is not enough memory.", // .NET's own message only names the type
        ExternalException => error.Message.ReplaceLineEndings("\n").Split('\n')[0],
        _ => error.Message.ReplaceLineEndings(" "),
    };

    /// <summary>Whether there is not enough memory, for .NET or for torch.</summary>
    public static bool IsOutOfMemory(Exception error) =>
        error is OutOfMemoryException || error is ExternalException && error.Message.Contains("memory", StringComparison.OrdinalIgnoreCase);
}
