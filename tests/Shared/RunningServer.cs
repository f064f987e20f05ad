using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace MnistCnn.Tests.Web;

/// <summary>The program serving its page, from when it has printed its address until it is disposed; the system tests use it too.</summary>
public sealed class RunningServer : IDisposable
{
    private readonly Process process;
    private readonly Task<string> errors;

    private RunningServer(Process process, string address)
    {
        this.process = process;
        errors = process.StandardError.ReadToEndAsync();
        PageAddress = new Uri(address);
        Address = new Uri(PageAddress.GetLeftPart(UriPartial.Path));
        Token = PageAddress.Query.Split("token=") is [_, var token] ? token : null;
        Client = NewClient();
    }

    /// <summary>Asks it.</summary>
    public HttpClient Client { get; }

    /// <summary>Its address without the token.</summary>
    public Uri Address { get; }

    /// <summary>The printed address, with the token.</summary>
    public Uri PageAddress { get; }

    /// <summary>The token; null if it was started without one.</summary>
    public string? Token { get; }

    /// <summary>How much memory it has, in bytes.</summary>
    public long WorkingSet
    {
        get
        {
            process.Refresh();
            return process.WorkingSet64;
        }
    }

    /// <summary>The most memory that it had, in bytes.</summary>
    public long PeakMemory
    {
        get
        {
            process.Refresh();
            return process.PeakWorkingSet64;
        }
    }

    /// <summary>Reads the document that serve prints with --json, and ends it.</summary>
    public static JsonElement ReadDocument(string workingFolder, params string[] arguments)
    {
        using var process = ProgramRun.Start(
            workingFolder, ["exec", ProgramRun.ProgramPath, "serve", .. arguments, "--no-browser", "--json"]);
        var document = "";
        while (!document.Contains('}') && process.StandardOutput.ReadLine() is { } line)
            document += line;
        process.Kill();
        return JsonDocument.Parse(document).RootElement;
    }

    /// <summary>Starts it on a port of its own.</summary>
    public static RunningServer Start(string workingFolder, params string[] arguments) => Start(workingFolder, FreePort(), arguments);

    /// <summary>Starts it on a given port.</summary>
    public static RunningServer Start(string workingFolder, int port, params string[] arguments)
    {
        var process = ProgramRun.Start(
            workingFolder, ["exec", ProgramRun.ProgramPath, "serve", "--no-browser", "--port", $"{port}", .. arguments]);
        if (process.StandardOutput.ReadLine() is { } address)
            return new RunningServer(process, address);
        var run = ProgramRun.Finish(process);
        throw new InvalidOperationException($"It ended with {run.ExitCode}: {run.Error}");
    }

    /// <summary>A port that nobody listens on.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Another client, with connections of its own.</summary>
    public HttpClient NewClient(bool hasToken = true)
    {
        var handler = new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, MaxResponseDrainSize = 0 };
        var client = new HttpClient(handler) { BaseAddress = Address, Timeout = TimeSpan.FromMinutes(2) };
        if (hasToken && Token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return client;
    }

    /// <summary>The token as a line of a request's head.</summary>
    public string TokenLine => $"Authorization: Bearer {Token}\r\n";

    /// <summary>A connection without HTTP.</summary>
    public Socket Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, Address.Port);
        return socket;
    }

    /// <summary>Gets JSON. Fails unless the status is 200.</summary>
    public async Task<JsonElement> Json(string path)
    {
        using var answer = await Client.GetAsync(path, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path}: {answer.StatusCode} {text}");
        Assert.Equal("application/json; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Gets or posts, and fails unless the response is a binary frame.</summary>
    public async Task<Frame> Frame(string path, byte[]? picture = null)
    {
        using var body = picture is null ? null : new ByteArrayContent(picture);
        using var answer = body is null
            ? await Client.GetAsync(path, TestContext.Current.CancellationToken)
            : await Client.PostAsync(path, body, TestContext.Current.CancellationToken);
        var contents = await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path}: {answer.StatusCode} {System.Text.Encoding.UTF8.GetString(contents)}");
        Assert.Equal("application/octet-stream", answer.Content.Headers.ContentType?.ToString());
        return new Frame(contents);
    }

    /// <summary>Asserts that it refuses a request in one line of JSON.</summary>
    public async Task<string> Refusal(HttpStatusCode status, HttpRequestMessage request)
    {
        using (request)
        using (var answer = await Client.SendAsync(request, TestContext.Current.CancellationToken))
            return await Refusal(status, answer);
    }

    /// <summary>Asserts that it refuses to show a path.</summary>
    public Task<string> Refusal(HttpStatusCode status, string path) => Refusal(status, new HttpRequestMessage(HttpMethod.Get, path));

    /// <summary>Asserts that an answer is a refusal in one line of JSON.</summary>
    public static async Task<string> Refusal(HttpStatusCode status, HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.StatusCode == status, $"{answer.RequestMessage?.RequestUri}: {(int)answer.StatusCode} {text}");
        Assert.Equal("application/json; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        Assert.DoesNotContain('\n', text);
        var only = Assert.Single(JsonDocument.Parse(text).RootElement.EnumerateObject());
        Assert.Equal("error", only.Name);
        var line = only.Value.GetString()!;
        Assert.NotEmpty(line);
        Assert.Equal(line.ReplaceLineEndings(" "), line);
        return line;
    }

    /// <summary>Sends a signal and waits for the end of the process. Returns its exit code, duration and standard error.</summary>
    public (int ExitCode, TimeSpan Time, string Error) Signal(string name)
    {
        var clock = Stopwatch.StartNew();
        using (var kill = Process.Start("kill", [$"-{name}", $"{process.Id}"]))
            kill.WaitForExit();
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)))
            Assert.Fail("it did not end");
        return (process.ExitCode, clock.Elapsed, errors.Result);
    }

    /// <summary>Kills the process and returns its standard error.</summary>
    public string Stop()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        return errors.Result;
    }

    /// <summary>Kills the process. Fails if it reported a bug in itself.</summary>
    public void Dispose()
    {
        Client.Dispose();
        var said = Stop();
        process.Dispose();
        if (said.Contains("bug", StringComparison.OrdinalIgnoreCase) || said.Contains("unhandled", StringComparison.OrdinalIgnoreCase))
            throw new InvalidOperationException(said);
    }
}
