using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Tests;
using MnistCnn.Tests.Export;
using MnistCnn.Tests.Web;
using SkiaSharp;

namespace MnistCnn.SystemTests;

/// <summary>
/// Many clients and slow ones, on loopback alone: an honest one still gets its answers, and memory stays within bounds. The times are
/// printed, and nothing is held against them.
/// </summary>
[Trait("Kind", "Waiting")]
public sealed class ServeLoadTests : IDisposable
{
    private const int Megabyte = 1 << 20;
    private const int LargestBody = 8 * Megabyte;

    // As docs/guides/serve.md has it: of those that wait, and of event streams.
    private const int Longest = 64;

    private readonly TemporaryFolder folder = new();
    private readonly RunningServer server;

    public ServeLoadTests()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], test: 500);
        using (var network = RandomNetwork.Create("residual", new NetworkShape(3, 512, 512, 10)))
            new SafetensorsFile(network.state_dict(), new Dictionary<string, string>
            {
                ["architecture"] = "residual",
                ["shape"] = "3x512x512",
                ["classes"] = JsonSerializer.Serialize(Enumerable.Range(0, 10).Select(number => $"class {number}")),
                ["mean"] = "0.5",
                ["deviation"] = "0.25",
            }).Write(folder["large.safetensors"]);
        server = RunningServer.Start(folder.FullPath, "residual", "inception", "large.safetensors", "--data", "data");
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        server.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_thousand_idle_or_incomplete_requests_block_no_other_client()
    {
        await AskHonestly(20);
        var before = server.WorkingSet;
        var port = server.Address.Port;
        string[] halves =
        [
            "", "", "GET /api/models HT", $"GET /api/models HTTP/1.1\r\nHost: localhost:{port}\r\n{server.TokenLine}X-More: ",
            $"POST /api/models/residual/look HTTP/1.1\r\nHost: localhost:{port}\r\n{server.TokenLine}Content-Length: {LargestBody}\r\n\r\n",
            $"POST /api/models/residual/look HTTP/1.1\r\nHost: localhost:{port}\r\n{server.TokenLine}"
                + "Transfer-Encoding: chunked\r\n\r\n4\r\nslow",
        ];
        var sockets = new List<Socket>();
        try
        {
            for (var count = 0; count < 1000; count++)
            {
                sockets.Add(server.Connect());
                await sockets[^1].SendAsync(Encoding.ASCII.GetBytes(halves[count % halves.Length]), Stop);
            }

            for (var round = 0; round < 4; round++)
            {
                await AskHonestly(10);
                foreach (var (index, socket) in sockets.Index().Where(entry => entry.Index % halves.Length == 4))
                    await Send(socket, [(byte)index]);
            }

            Print("memory of a thousand slow clients", server.WorkingSet - before);
            Assert.InRange(server.WorkingSet - before, -500L * Megabyte, 150L * Megabyte);

            // Those that began a request and do not go on are told so, or their connection is closed.
            foreach (var (index, socket) in sockets.Index().Where(entry => entry.Index < 60 && halves[entry.Index % halves.Length] != ""))
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
                patience.CancelAfter(TimeSpan.FromMinutes(1));
                using var reader = new StreamReader(new NetworkStream(socket));
                Assert.Matches("^$|^HTTP/1.1 40[08] ", await ReadUntilClosed(reader, patience.Token));
            }
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }

        await AskHonestly(10);
    }

    [Fact]
    public async Task Requests_beyond_the_queue_are_refused_and_the_others_answered()
    {
        await AskHonestly(1);
        var slow = Enumerable.Range(0, 8).Select(image => Status($"/api/models/inception/where?image={image}&method=occlusion&class=1"))
            .ToArray();
        await Task.Delay(200, Stop); // so that they are first
        var statuses = await Task.WhenAll(Enumerable.Range(0, 300).Select(image => Status($"/api/models/residual/look?image={image}")));
        Assert.All(await Task.WhenAll(slow), status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.All(statuses, status => Assert.Contains(status, new[] { HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable }));
        TestContext.Current.TestOutputHelper?.WriteLine($"of 300: {statuses.Count(status => status == HttpStatusCode.OK)} answered");
        Assert.InRange(statuses.Count(status => status == HttpStatusCode.OK), Longest - slow.Length, 299);
        await AskHonestly(5);
    }

    [Fact]
    public async Task Canceled_requests_leave_the_queue()
    {
        await AskHonestly(5);
        for (var round = 0; round < 5; round++)
        {
            using var given = new CancellationTokenSource();
            var requests = Enumerable.Range(0, 200)
                .Select(image => server.Client.GetAsync($"/api/models/inception/look?image={image}", given.Token)).ToArray();
            await Task.Delay(20 * round, Stop);
            await given.CancelAsync();
            foreach (var request in requests)
                await Task.WhenAny(request);

            // It may take the server a moment to see that they have gone.
            while (await Status("/api/models/residual/look?image=1") == HttpStatusCode.ServiceUnavailable)
                await Task.Delay(10, Stop);
            Assert.All(
                await Task.WhenAll(Enumerable.Range(0, Longest / 2).Select(image => Status($"/api/models/residual/look?image={image}"))),
                status => Assert.Equal(HttpStatusCode.OK, status));
        }
    }

    [Fact]
    public async Task Memory_does_not_grow_with_the_number_of_requests()
    {
        var (early, clock) = (0L, Stopwatch.StartNew());
        var picture = Picture();
        for (var count = 1; count <= 10_000; count++)
        {
            var id = count % 4 == 0 ? "inception" : "residual";
            var wire = id == "residual" ? "rBlock1/Add:0:" : "inceptionA/Concat:2:";
            using (await server.Client.GetAsync($"/api/models/{id}/look?image={count % 500}&right={count % 5}&wire={wire}", Stop))
            {
            }

            if (count % 10 == 0)
                await server.Frame($"/api/models/{id}/look", picture);
            if (count % 100 == 0)
                await server.Frame($"/api/models/{id}/where?image=1&method=gradient&class=3");
            if (count == 2000)
                early = server.WorkingSet;
        }

        Print("working set after 2,000 requests", early);
        Print($"working set after 10,000 requests, {clock.Elapsed.TotalMilliseconds / 10_000:0.0} ms each", server.WorkingSet);
        Assert.InRange(server.WorkingSet - early, -500L * Megabyte, 40L * Megabyte);
    }

    [Fact]
    public async Task At_most_64_event_streams_are_open()
    {
        for (var round = 0; round < 2; round++)
        {
            var watchers = await Task.WhenAll(Enumerable.Range(0, 1000 / (1 + round)).Select(_ =>
                server.Client.GetAsync("/api/runs/events", HttpCompletionOption.ResponseHeadersRead, Stop)));
            Assert.Equal(Longest, watchers.Count(watcher => watcher.StatusCode == HttpStatusCode.OK));
            foreach (var watcher in watchers.Where(watcher => watcher.StatusCode != HttpStatusCode.OK).Take(20))
                await RunningServer.Refusal(HttpStatusCode.ServiceUnavailable, watcher);
            await AskHonestly(10);
            foreach (var watcher in watchers)
                watcher.Dispose();
            while (true) // until the server has seen that they have gone
            {
                using var another = await server.Client.GetAsync("/api/runs/events", HttpCompletionOption.ResponseHeadersRead, Stop);
                if (another.StatusCode == HttpStatusCode.OK)
                    break;
                await Task.Delay(20, Stop);
            }

            await Task.Delay(1000, Stop);
        }
    }

    // A hundred megapixels are 400 MB when they are decoded: one at a time.
    [Fact]
    public async Task Images_with_many_pixels_are_decoded_one_at_a_time()
    {
        await AskHonestly(5);
        var bomb = SmallPictures.Png(10_000, 10_000, 8, new byte[10_000 * 30_001]);
        Print("a hundred megapixels as a file", bomb.Length);
        var clock = Stopwatch.StartNew();
        var bombs = Enumerable.Range(0, 6).Select(_ => server.Frame("/api/models/residual/look", bomb)).ToArray();
        var asked = 0;
        while (!Task.WhenAll(bombs).IsCompleted)
        {
            await AskHonestly(1);
            asked++;
        }

        foreach (var frame in bombs)
            Assert.True((await frame)["blank"].GetBoolean());
        TestContext.Current.TestOutputHelper?.WriteLine($"6 of them: {clock.Elapsed.TotalSeconds:0.0} s, meanwhile {asked} others");
        Assert.True(asked > 3);
        Print("peak memory", server.PeakMemory);
        Assert.InRange(server.PeakMemory, 1, 1200L * Megabyte);
    }

    [Fact]
    public async Task Many_large_bodies_at_once_do_not_fill_memory()
    {
        await AskHonestly(5);
        var body = new byte[LargestBody];
        var statuses = new Dictionary<HttpStatusCode, int>();
        await Task.WhenAll(Enumerable.Range(0, 150).Select(async _ =>
        {
            using var content = new ByteArrayContent(body);
            using var answer = await server.Client.PostAsync("/api/models/residual/look", content, Stop);
            lock (statuses)
                statuses[answer.StatusCode] = statuses.GetValueOrDefault(answer.StatusCode) + 1;
        }));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", statuses));
        Assert.Subset(
            new HashSet<HttpStatusCode> { HttpStatusCode.BadRequest, HttpStatusCode.ServiceUnavailable }, statuses.Keys.ToHashSet());
        Print("peak memory", server.PeakMemory);
        Assert.InRange(server.PeakMemory, 1, 1000L * Megabyte);
        await AskHonestly(5);
    }

    [Fact]
    public async Task Clients_that_do_not_read_responses_do_not_fill_memory()
    {
        await AskHonestly(5);
        var picture = SmallPictures.Encode(4, 4, (x, y) => new SKColor((byte)(60 * x), (byte)(60 * y), 9));
        var whole = await server.Frame("/api/models/large/look?maps=4096&size=1024", picture);
        Print("one answer", whole.Length);
        Assert.InRange(whole.Length, 15L * Megabyte, 32L * Megabyte);
        var head = $"POST /api/models/large/look?maps=4096&size=1024 HTTP/1.1\r\nHost: localhost:{server.Address.Port}\r\n"
            + $"{server.TokenLine}Content-Length: {picture.Length}\r\n\r\n";
        byte[] request = [.. Encoding.ASCII.GetBytes(head), .. picture];
        var before = server.PeakMemory;
        var sockets = new List<Socket>();
        try
        {
            for (var count = 0; count < 50; count++)
            {
                sockets.Add(server.Connect());
                sockets[^1].ReceiveBufferSize = 4096;
                await sockets[^1].SendAsync(request, Stop);
                if (count % 10 == 0)
                    await AskHonestly(1);
            }

            Print("50 unread answers", server.PeakMemory - before);
            Assert.InRange(server.PeakMemory - before, 0, 1400L * Megabyte); // 2.1 GB without a limit
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }

        await AskHonestly(5);
    }

    // What a page does, again where it is asked to try again.
    // A server that closes a connection with unread bytes resets it, which may discard its answer on the way.
    private static async Task<string> ReadUntilClosed(StreamReader reader, CancellationToken cancellation)
    {
        try
        {
            return await reader.ReadToEndAsync(cancellation);
        }
        catch (IOException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            return "";
        }
    }

    private async Task AskHonestly(int times)
    {
        using var client = server.NewClient();
        var (picture, slowest) = (Picture(), TimeSpan.Zero);
        for (var count = 0; count < times; count++)
        {
            var clock = Stopwatch.StartNew();
            using var content = new ByteArrayContent(picture);
            using var answer = await client.PostAsync("/api/models/residual/look", content, Stop);
            if (answer.StatusCode == HttpStatusCode.ServiceUnavailable)
            {
                await Task.Delay(20, Stop);
                count--;
                continue;
            }

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.False(new Frame(await answer.Content.ReadAsByteArrayAsync(Stop))["blank"].GetBoolean());
            slowest = clock.Elapsed > slowest ? clock.Elapsed : slowest;
        }

        if (times > 1)
            TestContext.Current.TestOutputHelper?.WriteLine($"an honest client: {slowest.TotalMilliseconds:0} ms at most");
    }

    private async Task<HttpStatusCode> Status(string path)
    {
        using var answer = await server.Client.GetAsync(path, Stop);
        return answer.StatusCode;
    }

    private static async Task Send(Socket socket, byte[] bytes)
    {
        try
        {
            await socket.SendAsync(bytes, Stop);
        }
        catch (SocketException)
        {
            // The server has closed it.
        }
    }

    private static void Print(string name, long bytes) => TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {bytes / 1e6:0.0} MB");

    private static byte[] Picture() =>
        SmallPictures.Encode(100, 100, (x, y) => x is > 45 and < 55 && y is > 15 and < 85 ? SKColors.Black : SKColors.White);
}
