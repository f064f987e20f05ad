using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using MnistCnn.Runtime;
using MnistCnn.Web;

namespace MnistCnn.Tests.Web;

/// <summary>Responses to requests that throw.</summary>
public sealed class ErrorResponsesTests
{
    public static TheoryData<Exception, int, string> Failures => new()
    {
        { new UserException("two\nlines"), 400, "two lines" },
        { new InvalidDataException("best.safetensors is damaged"), 500, "best.safetensors is damaged" },
        { new UnauthorizedAccessException("denied"), 500, "denied" },
        { new IOException("Input/output error"), 500, "Input/output error" },
        { new FileNotFoundException("gone"), 404, "gone" },
        { new DirectoryNotFoundException("gone"), 404, "gone" },
        { new BusyException("Too much is waiting."), 503, "Too much is waiting." },
        { new OutOfMemoryException(), 503, "There is not enough memory." },
        { new OperationCanceledException("it ends"), 503, "it ends" },
        {
            new ExternalException(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 99999999999 bytes.\nException raised from alloc_cpu"),
            503,
            "99999999999 bytes."
        },
        {
            new ExternalException("The size of tensor a must match\nException raised from infer_size"),
            500,
            "The size of tensor a must match"
        },
        { new InvalidOperationException("a bug"), 500, "a bug" },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public async Task Each_failure_is_a_status_and_a_line(Exception failure, int status, string line)
    {
        var (context, body) = (new DefaultHttpContext(), new MemoryStream());
        context.Response.Body = body;
        var (console, said) = (Console.Error, new StringWriter());
        Console.SetError(said);
        try
        {
            await ErrorResponses.HandleExceptions(context, _ => throw failure);
        }
        finally
        {
            Console.SetError(console);
        }

        var isBug = status == 500 && failure is not (IOException or InvalidDataException or UnauthorizedAccessException);
        Assert.Equal(isBug, said.ToString().Contains("This is a bug", StringComparison.Ordinal));
        Assert.Equal(status, context.Response.StatusCode);
        var error = JsonDocument.Parse(body.ToArray()).RootElement.GetProperty("error").GetString()!;
        Assert.Contains(line, error);
        Assert.DoesNotContain('\n', error);
        Assert.DoesNotContain("raised from", error);
    }
}
