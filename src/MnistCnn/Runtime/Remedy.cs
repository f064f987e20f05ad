namespace MnistCnn.Runtime;

/// <summary>A way out of an error. Commands name the option to use.</summary>
internal enum Remedy
{
    ChooseFolder,
    ChoosePort,
    ChangeBatchSize,
    LeaveOutReplicas,
    NameArchitecture,
    NameData,
    Resume,
    ShrinkImages,
    SkipUnreadable,
}

internal static class Remedies
{
    /// <summary>Attaches a remedy, and the value of its option if there is one to suggest, to an exception of any type.</summary>
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
