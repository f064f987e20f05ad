namespace MnistCnn.Runtime;

internal static class FileErrors
{
    /// <summary>Whether a file is missing, damaged, or cannot be read or written.</summary>
    public static bool Is(Exception error) => error is IOException or UnauthorizedAccessException or InvalidDataException;

    /// <summary>Does something that may fail, and returns the error if a file is its cause; null without an error.</summary>
    public static Exception? Catch(Action work)
    {
        try
        {
            work();
            return null;
        }
        catch (Exception error) when (Is(error))
        {
            return error;
        }
    }

    /// <summary>Does something that may fail without harm; returns whether it succeeded.</summary>
    public static bool Try(Action work) => Catch(work) is null;
}
