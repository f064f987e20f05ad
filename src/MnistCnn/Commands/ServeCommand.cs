using System.CommandLine;
using System.CommandLine.Parsing;
using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Web;

namespace MnistCnn.Commands;

/// <summary><c>serve</c>: a page to draw on, and to see what the blocks do.</summary>
internal static class ServeCommand
{
    private static readonly Argument<string[]> ModelNames = new("MODEL")
    {
        Description = $"Networks to show, each {SharedOptions.ModelKinds} [default: {string.Join(" and ", ModelLocator.Ready)}, or the network that --arch names]",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string> RunsFolder = new("--runs")
    {
        Description = "Folder of runs to watch.",
        HelpName = "DIR",
        DefaultValueFactory = _ => "runs",
    };

    private static readonly Option<int?> Port = OptionParsers.OptionalCount(
        "--port", $"Port. [default: {ServeSettings.FirstPort}, or the next free one]", ushort.MaxValue);

    private static readonly Option<IPAddress?> Listen = new("--listen")
    {
        Description = "Accept connections from other machines: address to listen on, 0.0.0.0 for all. [default: this machine only]",
        HelpName = "ADDRESS",
        CustomParser = Address,
    };

    private static readonly Option<bool> NoBrowser = new("--no-browser") { Description = "Do not open the page in a browser." };

    public static Command Create()
    {
        var command = new Command("serve", "Serve a web page to draw digits, look inside networks and watch runs.")
        {
            ModelNames, RunsFolder, DataOptions.Data, Port, Listen, NoBrowser, SharedOptions.Threads, SharedOptions.Json,
        };
        command.SetAction(parseResult => Run(parseResult).GetAwaiter().GetResult()); // so that signals are this program's to handle: ShutdownSignals
        return command;
    }

    private static async Task<int> Run(ParseResult parseResult)
    {
        var folder = Path.GetFullPath(parseResult.GetRequiredValue(RunsFolder));
        if (File.Exists(folder))
            throw new UserException($"{folder} is a file; {RunsFolder.Name} takes a folder of runs.");
        var device = TorchEnvironment.Start(parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads));
        using var data = DataOptions.Load(parseResult, trainLimit: 1, testLimit: null);
        DataOptions.Report(parseResult, data);
        var runs = new RunWatcher(folder);
        using var models = new Models(device, Named(parseResult), parseResult.GetValue(SharedOptions.Arch), runs, data);
        using var queue = new InferenceQueue();
        await queue.Run(() => models.Named.ToArray(), CancellationToken.None);

        using var interruption = new ShutdownSignals();
        var settings = new ServeSettings(parseResult.GetValue(Listen), parseResult.GetValue(Port));
        var (app, address) = await Server.Start(settings, new Api(queue, models, runs, interruption.Token).MapPaths);
        await using (app)
        {
            if (settings.Address is not null && !IPAddress.IsLoopback(settings.Address))
                Console.Error.WriteLine($"warning: Anyone who can reach {address} can see everything on this page; there is no password. Ctrl-C stops the server.");
            Output.Write(parseResult.GetValue(SharedOptions.Json), new { address }, _ => Console.Out.WriteLine(address));
            if (!parseResult.GetValue(NoBrowser) && !Console.IsOutputRedirected)
                OpenBrowser(address);
            await Task.Delay(Timeout.Infinite, interruption.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            await app.StopAsync(new CancellationToken(canceled: true));
        }

        return 0;
    }

    // The files of the networks, by what requests call them.
    private static Dictionary<string, string> Named(ParseResult parseResult)
    {
        string?[] standard = parseResult.GetValue(SharedOptions.Arch) is null ? [.. ModelLocator.Ready] : [null];
        var names = parseResult.GetValue(ModelNames) is { Length: > 0 } given ? given : standard;
        var named = new Dictionary<string, string>();
        foreach (var name in names)
        {
            var path = ModelLocator.Find(name, parseResult.GetValue(SharedOptions.Arch));
            if (named.ContainsValue(path))
                continue;
            var id = name is not null && Directory.Exists(name) ? Path.GetFileName(Path.GetDirectoryName(path))! : Path.GetFileNameWithoutExtension(path);
            id = id.Trim('.') == "" ? "model" : id; // "." would be another place in a path
            var free = id;
            for (var count = 2; named.ContainsKey(free); count++)
                free = $"{id}-{count}";
            named.Add(free, path);
        }

        return named;
    }

    private static IPAddress? Address(ArgumentResult result)
    {
        if (IPAddress.TryParse(result.Text(), out var address))
            return address;
        result.AddError($"--listen takes an address of this machine, as in 192.168.1.5, or 0.0.0.0 for all, not '{result.Text()}'.");
        return null;
    }

    private static void OpenBrowser(string address)
    {
        try
        {
            Process.Start(new ProcessStartInfo(address) { UseShellExecute = true })?.Dispose();
        }
        catch (Exception error) when (error is Win32Exception or FileNotFoundException or PlatformNotSupportedException)
        {
            // There is no browser here; the address was printed.
        }
    }
}
