using MnistCnn.Runtime;

namespace MnistCnn.Commands;

internal static class Failure
{
    public static string Text(Exception error, bool verbose) => $"error: {Reason(error, verbose)}";

    /// <summary>Returns the reason of an error and the option that helps. Bugs, or all errors if verbose, have a stack trace.</summary>
    public static string Reason(Exception error, bool verbose) => PrintableText.EscapeLines(Describe(error, verbose));

    private static string Describe(Exception error, bool verbose)
    {
        // Parallel loops and the data loader wrap errors, one per thread.
        while (error is AggregateException { InnerExceptions: { Count: > 0 } all } && all.Skip(1).All(IsExpected))
            error = all[0];
        if (!IsExpected(error))
            return $"This is a bug in MnistCnn {Versions.Program}, not in what you asked for:\n{error}";

        var line = verbose ? $"{error}" : ErrorText.Line(error);
        var advice = Remedies.Of(error) is var (remedy, value) ? $" {Advice(remedy, value)}"
            : ErrorText.IsOutOfMemory(error) ? " Smaller batches (--batch-size) or smaller images (--image-size) need less." : "";
        return !verbose && IsConsole(error) ? $"Standard output cannot be written: {line}" : line + advice;
    }

    private static string Advice(Remedy remedy, string? value) => remedy switch
    {
        Remedy.ChooseFolder => "Choose another folder with --out.",
        Remedy.ChoosePort => "Choose another port with --port.",
        Remedy.ChangeBatchSize => "Change the batch size with --batch-size or the number of images with --train-limit.",
        Remedy.FindLearningRate => "Let train --find-lr suggest one.",
        Remedy.HoldOutValidation => "Hold out training images with --validation.",
        Remedy.LeaveOutReplicas => "Leave out --replicas.",
        Remedy.LeaveOutValidation => "Leave out --validation.",
        Remedy.NameArchitecture => value is null ? "Name its architecture with --arch." : $"Use --arch {value}.",
        Remedy.NameData => value is null ? "Name the data folder with --data." : $"Choose one with --data: {value}.",
        Remedy.Resume => "Start them again with --resume.",
        Remedy.ShrinkImages => $"--image-size {value} would fit.",
        Remedy.SkipUnreadable => "Fix or remove them, or skip them with --skip-broken.",
        Remedy.StartFromWeights => "The learning rate depends on the epochs: start a new run from these weights with --init.",
        _ => throw new ArgumentOutOfRangeException(nameof(remedy)),
    };

    private static bool IsExpected(Exception error) =>
        error is UserException or DllNotFoundException || FileErrors.Is(error) || ErrorText.IsOutOfMemory(error);

    // .NET names the file that could not be written, but not the console.
    private static bool IsConsole(Exception error) =>
        error is (IOException or UnauthorizedAccessException) && error.TargetSite?.Module.Assembly == typeof(Console).Assembly;
}
