using Microsoft.AspNetCore.Http;
using MnistCnn.Files;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>Answers failed requests with a status and one line: in JSON, <c>{"error": "..."}</c>, or a page in a browser.</summary>
internal static class ErrorResponses
{
    public static Task Write(HttpContext context, int status, string message)
    {
        var line = message.ReplaceLineEndings(" ");
        var response = context.Response;
        response.StatusCode = status;
        if (!context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
            return response.WriteAsJsonAsync(new { error = line }, JsonFormat.Line);
        response.ContentType = "text/plain; charset=utf-8";
        return response.WriteAsync(line);
    }

    /// <summary>Turns exceptions of later middleware into responses. Reports bugs, but not unreadable files, on standard error.</summary>
    public static async Task HandleExceptions(HttpContext context, RequestDelegate next)
    {
        var response = context.Response;
        try
        {
            await next(context);
            if (response is { HasStarted: false, StatusCode: StatusCodes.Status405MethodNotAllowed })
                await Write(context, response.StatusCode, $"This path takes {response.Headers.Allow}, not {context.Request.Method}.");
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested || response.HasStarted)
        {
            context.Abort(); // the client is gone, or half of the response is on its way
        }
        catch (Exception error)
        {
            var status = StatusOf(error);
            if (status == StatusCodes.Status500InternalServerError && !FileErrors.Is(error))
                Console.Error.WriteLine(PrintableText.EscapeLines($"error: This is a bug in MnistCnn {Versions.Program}:\n{error}"));
            await Write(context, status, ErrorText.Line(error));
        }
    }

    private static int StatusOf(Exception error) => error switch
    {
        BadHttpRequestException bad => bad.StatusCode,
        NotFoundException or FileNotFoundException or DirectoryNotFoundException => StatusCodes.Status404NotFound,
        UserException => StatusCodes.Status400BadRequest,
        BusyException or OperationCanceledException => StatusCodes.Status503ServiceUnavailable, // canceled: the server shuts down
        _ when ErrorText.IsOutOfMemory(error) => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };
}

/// <summary>A requested model, run or image does not exist: status 404.</summary>
internal sealed class NotFoundException(string message) : Exception(message);

/// <summary>A limit of the server is reached: status 503.</summary>
internal sealed class BusyException(string message) : Exception(message);
