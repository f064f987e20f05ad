using System.ComponentModel;

namespace MnistCnn.Runtime;

/// <summary>
/// A second process of this program. It reads one request per line from standard input and writes one response per line to standard
/// output. It stops when its input ends, so it never outlives the process that started it.
/// </summary>
internal sealed class WorkerProcess : IDisposable
{
    private static readonly TimeSpan ExitTimeout = TimeSpan.FromMinutes(1);

    private readonly Process process;
    private readonly StringBuilder errors = new();

    public WorkerProcess(IEnumerable<string> arguments)
    {
        // Started as `dotnet MnistCnn.dll` or by the program's own executable.
        var host = Environment.ProcessPath!;
        var library = typeof(WorkerProcess).Assembly.Location;
        string[] start = Path.GetFileNameWithoutExtension(host) == "dotnet" ? ["exec", library, .. arguments] : [.. arguments];
        try
        {
            process = Process.Start(new ProcessStartInfo(host, start)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardOutputEncoding = Encoding.UTF8,
                StandardErrorEncoding = Encoding.UTF8,
            })!;
        }
        catch (Win32Exception error)
        {
            throw new IOException($"{host} does not start a second time: {error.Message}", error);
        }

        process.ErrorDataReceived += (_, line) => errors.AppendLine(line.Data);
        process.BeginErrorReadLine();
    }

    /// <exception cref="IOException">The process ended; the message is its standard error.</exception>
    public async Task<string> SendAsync(string request, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.WriteLineAsync(request.AsMemory(), cancellation);
            await process.StandardInput.FlushAsync(cancellation);
            if (await process.StandardOutput.ReadLineAsync(cancellation) is { } response)
                return response;
        }
        catch (IOException) when (!cancellation.IsCancellationRequested)
        {
            // The process has ended and closed its pipes.
        }

        cancellation.ThrowIfCancellationRequested();
        await process.WaitForExitAsync(cancellation);
        const string Prefix = "error: ";
        var text = errors.ToString().ReplaceLineEndings("\n").Trim();
        throw new IOException(text.StartsWith(Prefix) ? text[Prefix.Length..]
            : text.Length > 0 ? text
            : $"A worker process ended with exit code {process.ExitCode} without an error message: the system may have run out of memory.");
    }

    /// <summary>Handles requests from standard input until it ends.</summary>
    /// <param name="handle">Returns the response to a request. Its token is cancelled when standard input ends.</param>
    public static void Serve(Func<string, CancellationToken, string> handle, CancellationToken cancellation)
    {
        // Not disposed: the reading thread may outlive this method.
        var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var requests = new BlockingCollection<string>();
        new Thread(Read) { IsBackground = true }.Start();
        try
        {
            while (true)
                Console.Out.WriteLine(handle(requests.Take(end.Token), end.Token));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // Standard input has ended.
        }

        void Read()
        {
            while (Console.In.ReadLine() is { } line)
                requests.Add(line, CancellationToken.None);
            end.Cancel();
        }
    }

    public void Dispose()
    {
        FileErrors.Try(process.StandardInput.Close); // it fails if the process has ended already
        if (!process.WaitForExit(ExitTimeout))
            process.Kill(entireProcessTree: true);
        process.Dispose();
    }
}
