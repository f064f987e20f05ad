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
    /// <summary>Attaches a remedy to an exception of any type.</summary>
    public static TException With<TException>(this TException error, Remedy remedy)
        where TException : Exception
    {
        error.Data[nameof(Remedy)] = remedy;
        return error;
    }

    /// <summary>Returns the remedy of an exception, or null.</summary>
    public static Remedy? Of(Exception error) => error.Data[nameof(Remedy)] as Remedy?;
}
