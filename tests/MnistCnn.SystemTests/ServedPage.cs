using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MnistCnn.Tests;
using MnistCnn.Tests.Web;

namespace MnistCnn.SystemTests;

/// <summary>The tests of the page take turns with one server and one browser.</summary>
[CollectionDefinition]
public sealed class ThePage : ICollectionFixture<ServedPage>;

/// <summary>The built program as it serves its page, in a folder of its own, and a browser to look at it.</summary>
public sealed class ServedPage : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private RunningServer? server;
    private Browser? browser;

    /// <summary>The browser; the test is skipped where there is none.</summary>
    internal Browser Browser
    {
        get
        {
            Assert.SkipWhen(Browser.Missing is not null, Browser.Missing ?? "");
            return browser ??= new Browser();
        }
    }

    private RunningServer Server => server ??= RunningServer.Start(folder.FullPath);

    /// <summary>Opens a view in a new page. See <see cref="Browser.Open"/>.</summary>
    internal Browser Open(string view, int width = 1280, int height = 900, bool isDark = false, string language = "en-US")
    {
        var opened = Browser; // first, since the test may be skipped
        opened.Open($"{Server.PageAddress}#/{view}", width, height, isDark, language);
        return opened;
    }

    /// <summary>Ends the server and starts another one on its port, which has another token.</summary>
    public void Restart(Action? between = null)
    {
        var port = Server.Address.Port;
        Server.Dispose();
        between?.Invoke();
        server = RunningServer.Start(folder.FullPath, port);
    }

    /// <summary>The printed address, with the token.</summary>
    public Uri Address => Server.PageAddress;

    /// <summary>Path of a file in the folder of the server.</summary>
    public string PathOf(string name) => folder[name];

    /// <summary>Starts the built program in its folder.</summary>
    public Process Start(params string[] arguments) => ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. arguments]);

    /// <summary>Trains, if there is no run of that name yet.</summary>
    public void Train(string run, string architecture = "residual", int images = 1280, int epochs = 2, double learningRate = 0.01)
    {
        if (Directory.Exists(folder[$"runs/{run}"]))
            return;
        var trained = ProgramRun.Finish(Start(
            "train", "--arch", architecture, "--train-limit", $"{images}", "--epochs", $"{epochs}", "--lr",
            learningRate.ToString(CultureInfo.InvariantCulture), "--out", $"runs/{run}"));
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

    /// <summary>Asserts that the console of the browser has no warnings or errors.</summary>
    public void AssertQuiet() => Assert.Empty(browser?.Complaints ?? []);

    public JsonElement Json(string path) => Server.Json(path).GetAwaiter().GetResult();

    public Frame Frame(string path) => Server.Frame(path).GetAwaiter().GetResult();

    /// <summary>Saves a response in the temporary folder.</summary>
    /// <returns>The path of the file.</returns>
    public string Save(string path, string name)
    {
        File.WriteAllBytes(folder[name], Server.Client.GetByteArrayAsync(path).GetAwaiter().GetResult());
        return folder[name];
    }

    public void Dispose()
    {
        browser?.Dispose();
        var said = server?.Stop() ?? "";
        server?.Dispose();
        folder.Dispose();
        Assert.Equal("", said);
    }
}
