using System.Net;
using System.Net.Sockets;
using MnistCnn.Networks;

namespace MnistCnn.Tests.Web;

/// <summary>Start and end of the server.</summary>
[Trait("Speed", "Slow")]
public sealed class ServeCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ServeCommandTests()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"]);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Every_model_has_a_unique_id()
    {
        foreach (var name in new[] { "a/net", "b/net", "b/net-2", "b/.", "b/ä#%? &", "runs/first/best", "elsewhere/first/best" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder[$"{name}x"])!);
            ServerWithModels.WriteModel(folder[name == "b/." ? "b/..safetensors" : $"{name}.safetensors"], "plain", NetworkShape.Mnist);
        }

        foreach (var run in new[] { "runs/first", "elsewhere/first" })
            File.WriteAllText(folder[$"{run}/run.json"], "{}");
        using var server = RunningServer.Start(
            folder.FullPath, "a/net.safetensors", "b/net.safetensors", "./a/../a/net.safetensors", "b/net-2.safetensors",
            "b/..safetensors", "b/ä#%? &.safetensors",
            "Inception", "runs/first", "elsewhere/first/", "inception", "--data", "data");
        var ids = (await server.Json("/api/models")).EnumerateArray().Select(model => model.GetProperty("id").GetString()!).ToArray();
        Assert.Equal(["net", "net-2", "net-2-2", "model", "ä#%? &", "inception", "first", "first-2"], ids);
        foreach (var id in ids)
            Assert.Equal(id, (await server.Json($"/api/models/{Uri.EscapeDataString(id)}")).GetProperty("id").GetString());
        Assert.Equal("first", (await server.Json("/api/models/run:first")).GetProperty("id").GetString()![4..]);
    }

    [Fact]
    public async Task The_bundled_networks_are_served_by_default()
    {
        using (var server = RunningServer.Start(folder.FullPath))
        {
            Assert.Equal(
                ["residual", "inception"],
                (await server.Json("/api/models")).EnumerateArray().Select(model => model.GetProperty("id").GetString()));
            Assert.Equal(10_000, (await server.Json("/api/models/residual/images")).GetProperty("count").GetInt32());
            var page = await server.Client.GetAsync("/", TestContext.Current.CancellationToken);
            Assert.Equal("text/html; charset=utf-8", page.Content.Headers.ContentType?.ToString());
        }

        Assert.Contains(
            "[default: residual and inception, or the network that --arch names]",
            ProgramRun.Of(folder.FullPath, "serve", "--help").Output);
        using (var server = RunningServer.Start(folder.FullPath, "--arch", "Residual"))
            Assert.Equal(
                ["residual"], (await server.Json("/api/models")).EnumerateArray().Select(model => model.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task A_named_model_stays_loaded_when_its_file_is_deleted()
    {
        ServerWithModels.WriteModel(folder["net.safetensors"], "plain", NetworkShape.Mnist);
        using var server = RunningServer.Start(folder.FullPath, "net.safetensors", "residual", "--data", "data");
        var before = await server.Frame("/api/models/net/look?image=1");
        File.Delete(folder["net.safetensors"]);
        Assert.Equal(2, (await server.Json("/api/models")).GetArrayLength());
        Assert.Equal(Frame.Doubles(before["logits"]), Frame.Doubles((await server.Frame("/api/models/net/look?image=1"))["logits"]));
    }

    [Fact]
    public void A_runs_folder_that_cannot_be_read_is_a_warning()
    {
        // A name that is too long fails for root too, who may read any folder.
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have other limits");
        using (var server = RunningServer.Start(folder.FullPath, "--runs", new string('a', 300)))
        {
            var error = server.Signal("TERM").Error;
            Assert.Matches(@"^warning: No runs are shown, because their folder cannot be read: [^\n]+aaa[^\n]+\n$", error);
        }

        using (var server = RunningServer.Start(folder.FullPath, "--runs", "later"))
            Assert.Equal("", server.Signal("TERM").Error);
    }

    [Fact]
    public void Errors_at_the_start_are_reported_in_one_line()
    {
        File.WriteAllText(folder["broken.safetensors"], "nonsense");
        Directory.CreateDirectory(folder["empty"]);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = $"{((IPEndPoint)taken.LocalEndpoint).Port}";
        Run("residual", "broken.safetensors").AssertFailed(1, "broken.safetensors", "damaged");
        Run("nowhere.safetensors").AssertFailed(1, "nowhere.safetensors does not exist");
        Run("empty").AssertFailed(1, "empty is not a run folder");
        Run("inception", "--arch", "residual").AssertFailed(1, "--arch inception");
        Run("--arch", "plain").AssertFailed(1, "plain", "residual, inception");
        Run("--port", port).AssertFailed(1, $"Port {port} is taken", "--port");
        Run("--listen", "127.0.0.1", "--port", port).AssertFailed(1, $"Port {port} is taken");
        Run("--listen", "10.255.255.1").AssertFailed(1, "10.255.255.1 is not an address of this machine");
        Run("--runs", "broken.safetensors").AssertFailed(1, "broken.safetensors is a file", "--runs");
        Run("--data", "empty").AssertFailed(1, "empty");
        Run("--port", "0").AssertFailed(2, "--port takes a whole number from 1 to 65535, not '0'");
        Run("--port", "70000").AssertFailed(2, "65535", "'70000'");
        Run("--port", "http").AssertFailed(2, "'http'");
        Run("--host", "a.example", "--host", "http://b.example/").AssertFailed(2, "--host takes a name", "'http://b.example/'");
        Run("--host", "a b").AssertFailed(2, "--host takes a name", "'a b'");
        Run("--listen", "localhost").AssertFailed(2, "--listen takes an address", "'localhost'");
        Assert.DoesNotContain(folder.Contents, name => name.StartsWith("runs", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_a_port_each_server_takes_a_free_one()
    {
        var processes = Enumerable.Range(0, 3)
            .Select(_ => ProgramRun.Start(
                folder.FullPath, ["exec", ProgramRun.ProgramPath, "serve", "residual", "--no-browser", "--data", "data"])).ToArray();
        string?[] addresses = [.. processes.Select(process => process.StandardOutput.ReadLine())];
        foreach (var process in processes)
            using (process)
                process.Kill();
        Assert.All(addresses, address => Assert.Matches("^http://localhost:8[01][0-9][0-9]/[?]token=[0-9a-f]{32}$", address));
        Assert.Equal(3, addresses.Select(address => new Uri(address!).Port).Distinct().Count());
        Assert.Equal(3, addresses.Select(address => new Uri(address!).Query).Distinct().Count());
    }

    [Fact]
    public void The_address_is_printed_as_JSON()
    {
        var answer = RunningServer.ReadDocument(folder.FullPath, "residual", "--data", "data");
        var address = new Uri(answer.GetProperty("address").GetString()!);
        Assert.Equal(("localhost", $"?token={answer.GetProperty("token").GetString()}"), (address.Host, address.Query));
    }

    // Without a browser, xdg-open prints seven lines. This one ends the server.
    [Fact]
    public void The_messages_of_the_browser_do_not_reach_the_terminal()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/script"), "this needs script: apt-get install bsdutils");
        File.WriteAllText(folder["xdg-open"], "#!/bin/sh\necho noise\necho noise >&2\necho \"$1\" >opened\nkill -TERM $PPID\n");
        var run = ProgramRun.OfShell(
            folder.FullPath,
            $"chmod +x xdg-open; PATH=\"$PWD:$PATH\" script -qec \"{ProgramRun.Command} serve residual --data data\" /dev/null");
        Assert.Matches("^http://localhost:8[01][0-9][0-9]/[?]token=[0-9a-f]{32}$", File.ReadAllText(folder["opened"]).Trim());
        Assert.Matches("http://localhost:8[01][0-9][0-9]/[?]token=[0-9a-f]{32}\r?\n", run.Output);
        Assert.DoesNotContain("noise", run.Output);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    public async Task With_listen_requests_to_other_names_are_still_refused(string address)
    {
        using var server = RunningServer.Start(folder.FullPath, "residual", "--listen", address);
        Assert.Equal("127.0.0.1", server.Address.Host); // on [::1], another account could have the port
        foreach (var host in new[] { "localhost", "127.0.0.1", Dns.GetHostName(), "192.168.1.77:18081", "[2001:db8::1]:80", "127.0.0.2" })
            using (var request = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = host } })
            using (var answer = await server.Client.SendAsync(request, TestContext.Current.CancellationToken))
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await server.Refusal(HttpStatusCode.BadRequest, new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = "example.org" } });
    }

    [Fact]
    public async Task Without_a_token_everyone_is_answered_and_a_warning_says_so()
    {
        using var server = RunningServer.Start(
            folder.FullPath, "residual", "--listen", "0.0.0.0", "--no-token", "--host", "Mybox.local:90", "--host", "mnist.example.org");
        Assert.Null(server.Token);
        foreach (var host in new[] { "localhost", "mybox.LOCAL:18081", "mnist.example.org" })
            using (var request = new HttpRequestMessage(HttpMethod.Get, "/api/models") { Headers = { Host = host } })
            using (var answer = await server.Client.SendAsync(request, TestContext.Current.CancellationToken))
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var warning = Assert.Single(server.Stop().Split('\n'), line => line.StartsWith("warning: ", StringComparison.Ordinal));
        Assert.Contains("everyone who can connect can use it", warning);
        Assert.Contains("without encryption", warning);
    }

    // The requests are an event stream, an evaluation and the occlusion of the deepest network, which takes many seconds.
    [Theory]
    [InlineData("INT", 2)]
    [InlineData("TERM", 15)]
    public async Task A_signal_stops_the_server_during_requests(string signal, int number)
    {
        Assert.SkipWhen(ProgramRun.IsIgnored(number), "a process that is started where the signal is ignored ignores it too");
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals to send on Windows");
        ServerWithModels.WriteModel(folder["deep.safetensors"], "resnet152", NetworkShape.Mnist);
        using var server = RunningServer.Start(folder.FullPath, "inception", "deep.safetensors");
        await server.Json("/api/models");
        using var events = await server.Client.GetAsync(
            "/api/runs/events", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        var evaluation = server.Client.GetAsync("/api/models/inception/evaluation", TestContext.Current.CancellationToken);
        var occlusions = Enumerable.Range(0, 4)
            .Select(image => $"/api/models/deep/where?image={image}&method=occlusion&class=1")
            .Select(path => server.Client.GetAsync(path, TestContext.Current.CancellationToken)).ToArray();
        await Task.Delay(500, TestContext.Current.CancellationToken);
        Assert.All(occlusions.Append(evaluation), request => Assert.False(request.IsCompleted));
        var (exitCode, time, error) = server.Signal(signal);
        TestContext.Current.TestOutputHelper?.WriteLine($"It ended after {time.TotalSeconds:0.00} s.");
        Assert.Equal((0, ""), (exitCode, error));
        foreach (var request in occlusions.Append(evaluation))
            Assert.True(await IsRefused(request));

        // The connection is closed, or the response has status 503.
        static async Task<bool> IsRefused(Task<HttpResponseMessage> request)
        {
            try
            {
                return (await request).StatusCode == HttpStatusCode.ServiceUnavailable;
            }
            catch (HttpRequestException)
            {
                return true;
            }
        }
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, ["serve", "--no-browser", .. arguments]);
}
