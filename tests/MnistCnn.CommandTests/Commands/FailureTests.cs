using MnistCnn.Commands;
using MnistCnn.Runtime;

namespace MnistCnn.Tests.Commands;

public sealed class FailureTests
{
    [Fact]
    public void An_error_that_the_user_can_fix_is_one_line()
    {
        Exception[] errors =
        [
            new UserException("No."), new IOException("No."), new UnauthorizedAccessException("No."),
            new InvalidDataException("No."), new DllNotFoundException("No."), new AggregateException(new FileNotFoundException("No.")),
            new AggregateException(new IOException("No."), new OutOfMemoryException("Neither.")),
        ];
        Assert.All(errors, error => Assert.Equal("error: No.", Failure.Text(error, verbose: false)));
        Assert.StartsWith(
            "error: out of memory Smaller batches (--batch-size) or ",
            Failure.Text(new System.Runtime.InteropServices.ExternalException("out of memory\nat torch"), verbose: false));
        Assert.StartsWith(
            "error: There is not enough memory. Smaller batches (--batch-size) or ",
            Failure.Text(new OutOfMemoryException(), verbose: false));
        Assert.Equal("error: a b is missing", Failure.Text(new FileNotFoundException("a\nb is missing"), verbose: false));
        Assert.Contains(nameof(Thrown), Failure.Text(Thrown(new UserException("No.")), verbose: true));
    }

    [Fact]
    public void A_bug_is_reported_with_its_stack_trace()
    {
        Exception[] errors =
        [
            new NullReferenceException(), new IndexOutOfRangeException(), new DivideByZeroException(), new ArgumentException("No."),
            new InvalidOperationException("No."), new AggregateException(new IOException("No."), new NullReferenceException()),
        ];
        foreach (var error in errors)
        {
            var text = Failure.Text(Thrown(error), verbose: false);
            Assert.Contains("bug", text.Split('\n')[0]);
            Assert.Contains(error.GetType().Name, text);
            Assert.Contains(nameof(Thrown), text);
        }
    }

    [Fact]
    public void A_removed_current_folder_is_reported()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not remove the current folder of a process.");
        using var folder = new TemporaryFolder();
        foreach (var command in new[] { "summary", "compare x" })
        {
            var run = ProgramRun.OfShell(folder.FullPath, $"mkdir gone && cd gone && rmdir ../gone && {ProgramRun.Command} {command}");
            Assert.Equal((1, "error: The current folder was removed: change to another folder.\n"), (run.ExitCode, run.Error));
        }
    }

    private static Exception Thrown(Exception error)
    {
        try
        {
            throw error;
        }
        catch (Exception caught)
        {
            return caught;
        }
    }
}
