using System.Diagnostics;
using System.Text;
using System.Text.Json;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>The tests of the page take turns with one server and one browser.</summary>
[CollectionDefinition]
public sealed class ThePage : ICollectionFixture<ServedPage>;

/// <summary>The built program as it serves its page, in a folder of its own, and a browser to look at it.</summary>
public sealed class ServedPage : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly StringBuilder errors = new();
    private readonly HttpClient client = new();
    private Process? server;
    private Browser? browser;

    /// <summary>Its address, which ends with a slash.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The browser; the test is skipped where there is none.</summary>
    internal Browser Browser
    {
        get
        {
            Assert.SkipWhen(Browser.Missing is not null, Browser.Missing ?? "");
            if (server is null)
                Serve();
            return browser ??= new Browser();
        }
    }

    /// <summary>Opens a view anew. See <see cref="Browser.Open"/>.</summary>
    internal Browser Open(string view, int width = 1280, int height = 900, bool isDark = false, string language = "en-US")
    {
        var opened = Browser; // which starts the server, so that there is an address
        opened.Open($"{Address}#/{view}", width, height, isDark, language);
        return opened;
    }

    /// <summary>Starts the built program in its folder.</summary>
    public Process Start(params string[] arguments) => ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. arguments]);

    /// <summary>Trains, if there is no run of that name yet.</summary>
    public void Train(string run, string architecture = "residual", int images = 1280, int epochs = 2)
    {
        if (Directory.Exists(folder[$"runs/{run}"]))
            return;
        var trained = ProgramRun.Finish(Start(
            "train", "--arch", architecture, "--train-limit", $"{images}", "--epochs", $"{epochs}", "--out", $"runs/{run}"));
        Assert.Equal((0, ""), (trained.ExitCode, trained.Error));
    }

    /// <summary>Another run with the same curve.</summary>
    public void CopyRun(string run, string copy)
    {
        Directory.CreateDirectory(folder[$"runs/{copy}"]);
        foreach (var file in Directory.GetFiles(folder[$"runs/{run}"]))
            File.Copy(file, Path.Combine(folder[$"runs/{copy}"], Path.GetFileName(file)));
    }

    /// <summary>Deletes a run.</summary>
    public void DeleteRun(string run) => Directory.Delete(folder[$"runs/{run}"], recursive: true);

    /// <summary>Asserts that the page's scripts and the browser had nothing to complain about.</summary>
    public void AssertQuiet() => Assert.Empty(browser?.Complaints ?? []);

    /// <summary>What the server answers with JSON.</summary>
    public JsonElement Json(string path) => JsonDocument.Parse(Bytes(path)).RootElement;

    /// <summary>What the server answers with a frame.</summary>
    internal ReceivedFrame Frame(string path) => ReceivedFrame.Parse(Bytes(path));

    /// <summary>What the server answers: a file.</summary>
    public byte[] Bytes(string path) => client.GetByteArrayAsync(Address + path).GetAwaiter().GetResult();

    public void Dispose()
    {
        browser?.Dispose();
        client.Dispose();
        if (server is not null)
        {
            server.Kill(entireProcessTree: true);
            server.WaitForExit();
            server.Dispose();
        }

        folder.Dispose();
        Assert.Equal("", errors.ToString());
    }

    // It prints its address when it listens, and nothing else.
    private void Serve()
    {
        server = Start("serve", "--no-browser");
        server.ErrorDataReceived += (_, line) => errors.Append(line.Data);
        server.BeginErrorReadLine();
        Address = server.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The server did not start: {errors}");
    }
}
