namespace MnistCnn.Runtime;

/// <summary>
/// An error that the user can fix. The message states the problem in one line. Exceptions of .NET about files (IOException,
/// UnauthorizedAccessException, InvalidDataException) are also errors of the user: whatever reads or writes files throws them if a file is
/// missing, damaged or cannot be written, without saying so in its documentation. All others are bugs of this program.
/// </summary>
internal class UserException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A way out of an error, for which Commands names the option.</summary>
internal enum Remedy
{
    ChooseFolder,
    ChoosePort,
    ChangeBatchSize,
    FindLearningRate,
    HoldOutValidation,
    LeaveOutReplicas,
    LeaveOutValidation,
    NameArchitecture,
    NameData,
    Resume,
    ShrinkImages,
    SkipUnreadable,
    StartFromWeights,
}

internal static class Remedies
{
    /// <param name="value">Suggested value of the option.</param>
    public static TException With<TException>(this TException error, Remedy remedy, string? value = null)
        where TException : Exception
    {
        error.Data[nameof(Remedy)] = (remedy, value);
        return error;
    }

    /// <summary>Returns the remedy of an exception or of one that it wraps, or null.</summary>
    public static (Remedy Remedy, string? Value)? Of(Exception? error) =>
        error is null ? null : error.Data[nameof(Remedy)] as (Remedy, string?)? ?? Of(error.InnerException);
}
