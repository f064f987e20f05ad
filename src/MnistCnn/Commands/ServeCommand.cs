using System.CommandLine;
using System.CommandLine.Parsing;
using System.ComponentModel;
using System.Net;
using Microsoft.AspNetCore.Http;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Web;

namespace MnistCnn.Commands;

internal static class ServeCommand
{
    private static readonly Argument<string[]> ModelNames = new("MODEL")
    {
        Description = $"Networks to show, each {SharedOptions.ModelKinds} "
            + $"[default: {string.Join(" and ", ModelLocator.Bundled)}, or the network that --arch names]",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string> RunsFolder = new("--runs")
    {
        Description = "Folder of runs to watch.",
        HelpName = "DIR",
        DefaultValueFactory = _ => "runs",
    };

    private static readonly Option<int?> Port = OptionParsers.OptionalCount(
        "--port", $"Port. [default: {Server.FirstPort}, or the next free one]", ushort.MaxValue);

    private static readonly Option<IPAddress?> Listen = OptionParsers.Parsed(
        "--listen",
        "ADDRESS",
        "Accept connections from other machines: address to listen on, 0.0.0.0 for all. [default: this machine only]",
        text => IPAddress.TryParse(text, out var address) ? address : null,
        "an address of this machine, as in 192.168.1.5, or 0.0.0.0 for all");

    private static readonly Option<string[]> Host = new("--host")
    {
        Description = "Another name under which browsers reach the server, for instance through a proxy; repeatable.",
        HelpName = "NAME",
        CustomParser = ParseHosts,
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<bool> NoToken = OptionParsers.Switch(
        "--no-token", "Answer everyone who can connect: every account of this machine, or of the network with --listen.");

    private static readonly Option<bool> NoBrowser = OptionParsers.Switch("--no-browser", "Do not open the page in a browser.");

    public static Command Create() => OptionParsers.CreateCommand(
        "serve",
        "Serve a web page to draw digits, look inside networks and watch runs.",
        // Synchronous, since System.CommandLine handles signals of asynchronous actions itself: see ShutdownSignals.
        parseResult => Run(parseResult).GetAwaiter().GetResult(),
        [ModelNames, RunsFolder, DataOptions.Data, Port, Listen, Host, NoToken, NoBrowser, SharedOptions.Threads, SharedOptions.Json]);

    private static async Task<int> Run(ParseResult parseResult)
    {
        var runsFolder = Path.GetFullPath(parseResult.GetRequiredValue(RunsFolder));
        if (File.Exists(runsFolder))
            throw new UserException($"{runsFolder} is a file; {RunsFolder.Name} takes a folder of runs.");
        var device = TorchEnvironment.Start(parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads));
        using var data = DataOptions.Load(parseResult, trainLimit: 1, testLimit: null);
        DataOptions.Report(parseResult, data);
        var runs = new RunWatcher(runsFolder);
        if (runs.FindProblem() is { } problem)
            Terminal.WriteErrorLine($"warning: No runs are shown, because their folder cannot be read: {problem}");
        using var models = new ModelCache(device, FindModels(parseResult), parseResult.GetValue(SharedOptions.Arch), runs, data);
        using var queue = new InferenceQueue();
        await queue.Run(() => models.Named.Count, CancellationToken.None); // loads them

        using var interruption = new ShutdownSignals();
        var evaluator = new TestEvaluator(queue, models, interruption.Token);
        var access = CreateAccess(parseResult);
        var api = new Api(queue, models, evaluator, runs, interruption.Token);
        var (app, url) = await Server.Start(access, parseResult.GetValue(Port), api.Map);
        await using (app)
        {
            if (access.Address is not null && !IPAddress.IsLoopback(access.Address))
                Terminal.WriteErrorLine(
                    "warning: Other machines can connect, without encryption: whoever can read the network traffic sees the page"
                    + $"{(access.Token is null ? ", and everyone who can connect can use it" : " and the token")}.");
            var address = RequestFilter.AddToken(url, access.Token);
            Output.Write(parseResult.GetValue(SharedOptions.Json), new { address, token = access.Token }, _ => Terminal.WriteLine(address));
            if (!parseResult.GetValue(NoBrowser) && !Console.IsOutputRedirected)
                OpenBrowser(RequestFilter.AddToken(url, access.BrowserToken));
            await Task.Delay(Timeout.Infinite, interruption.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            await app.StopAsync(new CancellationToken(canceled: true));
        }

        return 0;
    }

    private static ServerAccess CreateAccess(ParseResult parseResult)
    {
        var hasToken = !parseResult.GetValue(NoToken);
        return new ServerAccess(
            parseResult.GetValue(Listen),
            parseResult.GetValue(Host) ?? [],
            Token: hasToken ? ServerAccess.CreateToken() : null,
            BrowserToken: hasToken ? ServerAccess.CreateToken() : null,
            OnBrowserTokenReused: () => Terminal.WriteErrorLine(
                "warning: The address that the browser was started with was used twice. Another account of this machine may have read it. "
                + $"Start the server again with {NoBrowser.Name}, and open the printed address yourself."),
            Host.Name);
    }

    private static IReadOnlyDictionary<string, string> FindModels(ParseResult parseResult)
    {
        var architecture = parseResult.GetValue(SharedOptions.Arch);
        string?[] defaults = architecture is null ? [.. ModelLocator.Bundled] : [null];
        var names = parseResult.GetValue(ModelNames) is { Length: > 0 } given ? given : defaults;
        return ModelCache.AssignIds(names.Select(name => ModelLocator.Find(name, architecture)));
    }

    private static string[] ParseHosts(ArgumentResult result)
    {
        HostString[] hosts = [.. result.Tokens.Select(token => new HostString(token.Value))];
        foreach (var host in hosts)
            if (Uri.CheckHostName(host.Host) is UriHostNameType.Unknown || host.Port is null && host.Host != host.Value)
                result.AddError($"--host takes a name without http:// and path, as in mnist.example.org, not '{host.Value}'.");
        return [.. hosts.Select(host => host.Host)];
    }

    // The messages of xdg-open and of the browser do not reach the terminal.
    private static void OpenBrowser(string url)
    {
        try
        {
            Process.Start(OperatingSystem.IsLinux()
                ? new ProcessStartInfo("sh", ["-c", "exec xdg-open \"$0\" >/dev/null 2>&1", url])
                : new ProcessStartInfo(url) { UseShellExecute = true })?.Dispose();
        }
        catch (Exception error) when (error is Win32Exception or FileNotFoundException or PlatformNotSupportedException)
        {
            // There is no browser; the URL was printed.
        }
    }
}
