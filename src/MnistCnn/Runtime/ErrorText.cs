using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

internal static class ErrorText
{
    /// <summary>
    /// Returns the message in one line. A message of torch has a stack trace after its first line, file names may contain line ends, and
    /// a library that does not load is the inner exception of a type that cannot be initialized.
    /// </summary>
    public static string Line(Exception error) => PrintableText.Escape(error switch
    {
        TypeInitializationException { InnerException: { } reason } => Line(reason),
        OutOfMemoryException => "There is not enough memory.", // .NET's own message only names the type
        ExternalException => error.Message.ReplaceLineEndings("\n").Split('\n')[0],
        _ => error.Message.ReplaceLineEndings(" "),
    });

    public static bool IsOutOfMemory(Exception error) =>
        error is OutOfMemoryException || error is ExternalException && error.Message.Contains("memory", StringComparison.OrdinalIgnoreCase);
}
