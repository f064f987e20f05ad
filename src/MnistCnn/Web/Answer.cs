using Microsoft.AspNetCore.Http;
using MnistCnn.Files;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>What is answered to a request that cannot be met: a status and one line in JSON.</summary>
internal static class Answer
{
    /// <summary>Answers with a <see cref="Problem"/>.</summary>
    public static Task Refuse(HttpContext context, int status, string line)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new Problem(line.ReplaceLineEndings(" ")), JsonFormat.Line);
    }

    /// <summary>Turns what the rest throws into answers. A bug of this program is also told on standard error.</summary>
    public static async Task Failures(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: StatusCodes.Status405MethodNotAllowed })
                await Refuse(context, StatusCodes.Status405MethodNotAllowed, $"This path takes {context.Response.Headers.Allow}, not {context.Request.Method}.");
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested || context.Response.HasStarted)
        {
            context.Abort(); // nobody listens any more, or half of an answer is on its way
        }
        catch (Exception error)
        {
            var status = error switch
            {
                BadHttpRequestException bad => bad.StatusCode,
                NotFoundException or FileNotFoundException or DirectoryNotFoundException => StatusCodes.Status404NotFound,
                UserException or InvalidDataException or IOException or UnauthorizedAccessException => StatusCodes.Status400BadRequest,
                BusyException or OperationCanceledException => StatusCodes.Status503ServiceUnavailable, // the latter when the server ends
                _ when ErrorText.IsOutOfMemory(error) => StatusCodes.Status503ServiceUnavailable,
                _ => StatusCodes.Status500InternalServerError,
            };
            if (status == StatusCodes.Status500InternalServerError)
                Console.Error.WriteLine($"error: This is a bug in MnistCnn {Versions.Program}:\n{error}");
            await Refuse(context, status, ErrorText.Line(error));
        }
    }
}
