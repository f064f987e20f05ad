using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace MnistCnn.Runtime;

/// <summary>
/// This program once more, in a process of its own that is given work line by line and answers each line with one. When its input ends it
/// stops what it does: so none goes on when the process that started it is gone, however that ended.
/// </summary>
internal sealed class WorkerProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process process;
    private readonly StringBuilder errors = new();

    /// <summary>Starts it.</summary>
    /// <param name="arguments">Its command line.</param>
    /// <exception cref="IOException">It does not start.</exception>
    public WorkerProcess(IEnumerable<string> arguments)
    {
        // dotnet with the program's library, or the program's own host.
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
            throw new IOException($"{host} does not start once more: {error.Message}", error);
        }

        process.ErrorDataReceived += (_, line) => errors.AppendLine(line.Data);
        process.BeginErrorReadLine();
    }

    /// <summary>Gives it a line, and waits for its answer.</summary>
    /// <exception cref="IOException">It ended instead; the message is what it said on standard error.</exception>
    public async Task<string> Ask(string line, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.WriteLineAsync(line.AsMemory(), cancellation);
            await process.StandardInput.FlushAsync(cancellation);
            if (await process.StandardOutput.ReadLineAsync(cancellation) is { } answer)
                return answer;
        }
        catch (IOException) when (!cancellation.IsCancellationRequested)
        {
            // It is gone, and so is its input.
        }

        cancellation.ThrowIfCancellationRequested();
        await process.WaitForExitAsync(cancellation);
        var text = errors.ToString().ReplaceLineEndings("\n").Trim();
        throw new IOException(text.Length > 0
            ? text.StartsWith("error: ", StringComparison.Ordinal) ? text["error: ".Length..] : text
            : $"A process that trained ended with exit code {process.ExitCode} and said nothing: the system may have ended it for want of memory.");
    }

    /// <summary>What a worker does: each line of standard input is work, and what that gives is a line of standard output.</summary>
    /// <param name="work">Does one piece of work; it is cancelled when there will be no more input.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was ended in the middle of a piece of work.</exception>
    public static void Serve(Func<string, CancellationToken, string> work, CancellationToken cancellation)
    {
        // Not disposed: the thread may still be reading when this is over.
        var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var lines = new BlockingCollection<string>();
        new Thread(Read) { IsBackground = true }.Start();
        try
        {
            while (true)
                Console.Out.WriteLine(work(lines.Take(end.Token), end.Token));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // No more is asked of it.
        }

        void Read()
        {
            while (Console.In.ReadLine() is { } line)
                lines.Add(line, CancellationToken.None);
            end.Cancel();
        }
    }

    /// <summary>Ends it, and waits until it has.</summary>
    public void Dispose()
    {
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has gone already.
        }

        if (!process.WaitForExit(Patience))
            process.Kill(entireProcessTree: true);
        process.Dispose();
    }
}
