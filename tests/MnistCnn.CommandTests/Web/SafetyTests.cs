using System.Net;
using System.Net.Sockets;
using System.Text;
using SkiaSharp;

namespace MnistCnn.Tests.Web;

/// <summary>Requests that the server refuses, and the security of its responses. Every refusal is one line of text.</summary>
[Collection<ServerWithModels.Shared>]
public sealed class SafetyTests(ServerWithModels models)
{
    private const int LargestBody = 8 << 20;

    private RunningServer Server => models.Server;

    private int Port => Server.Address.Port;

    [Theory]
    [InlineData("localhost")]
    [InlineData("LOCALHOST")]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("localhost:9")] // through a tunnel, the port is another one
    [InlineData("[::1]:9")]
    public async Task Requests_to_its_own_names_are_answered(string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/models") { Headers = { Host = host } };
        using var answer = await Server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("example.org")]
    [InlineData("example.org:80")]
    [InlineData("localhost.example.org")]
    [InlineData("localhost.")]
    [InlineData("127.0.0.1.nip.io")]
    [InlineData("127.0.0.2")]
    [InlineData("127.1")]
    [InlineData("0.0.0.0")]
    [InlineData("[::ffff:127.0.0.1]")]
    [InlineData("[0:0:0:0:0:0:0:1]")]
    [InlineData("xn--localhost")]
    public async Task Requests_to_other_names_are_refused(string host)
    {
        foreach (var path in new[] { "/", "/api/models", "/nothing" })
        {
            var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Host = host } };
            Assert.Contains("does not answer to", await Server.Refusal(HttpStatusCode.BadRequest, request));
        }
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\nConnection: close\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\nConnection: close\r\n\r\n")]
    [InlineData("GET http://example.org/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")]
    [InlineData("GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: [::]\r\nConnection: close\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n")]
    public async Task Requests_without_a_valid_host_are_refused(string request) => Assert.StartsWith("HTTP/1.1 400 ", await Raw(request));

    [Theory]
    [InlineData("Origin", "http://example.org", "/")]
    [InlineData("Origin", "null", "/")]
    [InlineData("Origin", "http://localhost", "/api/models")] // another port
    [InlineData("Origin", "https://localhost:{0}", "/api/models")]
    [InlineData("Origin", "http://localhost:{0}.example.org", "/api/models")]
    [InlineData("Origin", "http://127.0.0.1:{0}", "/api/models")] // another of its names is another origin
    [InlineData("Sec-Fetch-Site", "cross-site", "/api/models")]
    [InlineData("Sec-Fetch-Site", "same-site", "/api/models")]
    [InlineData("Sec-Fetch-Site", "same-site", "/api/models/residual/look?image=1")]
    [InlineData("Sec-Fetch-Site", "same-site", "/api/runs/events")]
    [InlineData("Sec-Fetch-Site", "something new", "/API/models")]
    public async Task Requests_from_the_pages_of_other_sites_are_refused(string header, string value, string path)
    {
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Post })
        {
            using var request = new HttpRequestMessage(method, path);
            Assert.True(request.Headers.TryAddWithoutValidation(header, string.Format(null, value, Port)));
            Assert.Contains("own page", await Server.Refusal(HttpStatusCode.Forbidden, request));
        }
    }

    [Theory]
    [InlineData("Origin", "http://localhost:{0}", "/api/models")]
    [InlineData("Sec-Fetch-Site", "same-origin", "/api/models")]
    [InlineData("Sec-Fetch-Site", "none", "/api/models")] // typed by its user
    [InlineData("Sec-Fetch-Site", "cross-site", "/")] // a link to the page
    [InlineData("Sec-Fetch-Site", "same-site", "/")]
    public async Task Requests_from_the_page_itself_and_links_to_it_are_answered(string header, string value, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        Assert.True(request.Headers.TryAddWithoutValidation(header, string.Format(null, value, Port)));
        using var answer = await Server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/app.js")]
    [InlineData("/api/models")]
    [InlineData("/api/runs/events")]
    [InlineData("/nothing")]
    public async Task Requests_without_the_token_are_refused(string path)
    {
        using var client = Server.NewClient(hasToken: false);
        using var answer = await client.GetAsync(path, TestContext.Current.CancellationToken);
        Assert.Contains("the address that the program printed", await RunningServer.Refusal(HttpStatusCode.Unauthorized, answer));
    }

    [Fact]
    public async Task The_cookie_of_the_printed_address_opens_everything()
    {
        using var client = Server.NewClient(hasToken: false);
        using var start = await client.GetAsync(Server.PageAddress, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Redirect, start.StatusCode);
        client.DefaultRequestHeaders.Add("Cookie", Assert.Single(start.Headers.GetValues("Set-Cookie")).Split(';')[0]);
        foreach (var path in new[] { $"{new Uri(Server.PageAddress, start.Headers.Location!)}", "/app.js", "/api/models" })
            using (var answer = await client.GetAsync(path, TestContext.Current.CancellationToken))
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("POST", "/")]
    [InlineData("POST", "/api/models")]
    [InlineData("POST", "/api/models/residual/evaluation")]
    [InlineData("PUT", "/api/models/residual/look")]
    [InlineData("DELETE", "/api/models/residual")]
    [InlineData("PATCH", "/api/runs")]
    [InlineData("OPTIONS", "/api/runs")]
    [InlineData("SOMETHING", "/api/models/residual/map")]
    public async Task Other_methods_are_refused(string method, string path)
    {
        using var answer = await Server.Client.SendAsync(
            new HttpRequestMessage(new HttpMethod(method), path), TestContext.Current.CancellationToken);
        Assert.Contains(method, await RunningServer.Refusal(HttpStatusCode.MethodNotAllowed, answer));
        Assert.Contains("GET", answer.Content.Headers.Allow);
    }

    [Fact]
    public async Task HEAD_is_refused_without_a_body()
    {
        var answer = await Raw($"HEAD / HTTP/1.1\r\nHost: localhost:{Port}\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 405 ", answer);
        Assert.EndsWith("\r\n\r\n", answer);
    }

    [Theory]
    [InlineData("GET", "/", 200)]
    [InlineData("GET", "/api/models", 200)]
    [InlineData("GET", "/api/models/residual/images/0.png", 200)]
    [InlineData("GET", "/api/models/residual/look?image=0", 200)]
    [InlineData("GET", "/api/models/residual/look", 400)]
    [InlineData("GET", "/nothing", 404)]
    [InlineData("PUT", "/", 405)]
    public async Task Every_response_has_the_security_headers(string method, string path, int status)
    {
        using var answer = await Server.Client.SendAsync(
            new HttpRequestMessage(new HttpMethod(method), path), TestContext.Current.CancellationToken);
        Assert.Equal(status, (int)answer.StatusCode);
        var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.All(
            ["script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"],
            part => Assert.Contains(part, policy));
        Assert.Matches("^default-src '(self|none)';", policy);
        Assert.DoesNotContain("unsafe", policy);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("no-referrer", Assert.Single(answer.Headers.GetValues("Referrer-Policy")));
        Assert.Equal("same-origin", Assert.Single(answer.Headers.GetValues("Cross-Origin-Resource-Policy")));
        Assert.False(answer.Headers.Contains("Server"));
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("/../../../../etc/passwd")]
    [InlineData("/%2e%2e/%2e%2e/etc/passwd")]
    [InlineData("/..%2f..%2fetc%2fpasswd")]
    [InlineData("/..%5c..%5cetc")]
    [InlineData("/index.html/../../app.js%00")]
    [InlineData("//etc/passwd")]
    [InlineData("/api/models/run:..")]
    [InlineData("/api/models/run:../look?image=0")]
    [InlineData("/api/models/run:..%2f..%2fdata")]
    [InlineData("/api/models/run:.")]
    [InlineData("/api/models/run:")]
    [InlineData("/api/models/run:%2fetc")]
    [InlineData("/api/models/..%2fdata")]
    [InlineData("/api/models/colour.safetensors")]
    [InlineData("/api/models/%20")]
    [InlineData("/api/models/%0aX-Header:%20x")]
    [InlineData("/api/models/residual/images/1.png.exe")]
    [InlineData("/api/models/residual/images/-1.png")]
    [InlineData("/api/models/residual/images/300.png")]
    [InlineData("/api/models/residual/images/99999999999.png")]
    [InlineData("/api/models/colour/images")]
    [InlineData("/api/models/colour/images/0.png")]
    [InlineData("/api/models/colour/evaluation")]
    [InlineData("/api/models/colour/look?image=0")]
    public async Task Other_paths_do_not_exist(string path)
    {
        var answer = await Raw($"GET {path} HTTP/1.1\r\nHost: localhost:{Port}\r\nConnection: close\r\n\r\n");
        Assert.Matches("^HTTP/1.1 40[04] ", answer);
        Assert.DoesNotContain("root:", answer);
        Assert.DoesNotContain("\nX-Header", answer);
        if (answer.StartsWith("HTTP/1.1 404", StringComparison.Ordinal))
            Assert.Contains("{\"error\":\"", answer);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='5' height='5'/></svg>")]
    [InlineData("<!doctype html><script>alert(1)</script>")]
    [InlineData("\u0089PNG")]
    [InlineData("GIF89a")]
    [InlineData("RIFF\u0004\0\0\0WEBP")]
    [InlineData("BM")]
    public async Task A_body_that_is_not_an_image_is_refused(string body)
    {
        foreach (var id in new[] { "residual", "colour" })
            foreach (var path in new[] { "look", "map?node=image", "where?method=gradient&class=0" })
                await Server.Refusal(HttpStatusCode.BadRequest, Post($"/api/models/{id}/{path}", Encoding.Latin1.GetBytes(body)));
    }

    [Theory]
    [InlineData("residual", SKEncodedImageFormat.Png)]
    [InlineData("colour", SKEncodedImageFormat.Png)]
    [InlineData("colour", SKEncodedImageFormat.Jpeg)]
    [InlineData("colour", SKEncodedImageFormat.Webp)]
    public async Task A_truncated_image_is_refused(string id, SKEncodedImageFormat format)
    {
        var picture = SmallPictures.Encode(30, 30, (x, y) => new SKColor((byte)(8 * x), (byte)(x * y), (byte)(200 * (x / 15))), format);
        await Server.Frame($"/api/models/{id}/look?maps=1&size=1", picture);
        for (var length = 1; length < picture.Length - 20; length += 1 + picture.Length / 30)
            await Server.Refusal(HttpStatusCode.BadRequest, Post($"/api/models/{id}/look", picture[..length]));
    }

    [Fact]
    public async Task An_image_with_too_many_pixels_is_refused_by_its_header() => Assert.Contains(
        "an image may have 100 million",
        await Server.Refusal(HttpStatusCode.BadRequest, Post("/api/models/residual/look", SmallPictures.Png(20_000, 20_000, 8, []))));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_that_is_too_large_is_refused(bool isChunked)
    {
        await Server.Refusal(HttpStatusCode.BadRequest, Post("/api/models/residual/look", new byte[LargestBody]));
        using var request = Post("/api/models/residual/look", new byte[LargestBody + 1]);
        request.Headers.TransferEncodingChunked = isChunked;
        request.Headers.ExpectContinue = !isChunked;
        Assert.Contains($"{LargestBody}", await Server.Refusal(HttpStatusCode.RequestEntityTooLarge, request));
        Assert.Equal(ServerWithModels.Ids.Length, (await Server.Json("/api/models")).GetArrayLength());
    }

    [Theory]
    [InlineData("look?image=1&right=x", "Right")]
    [InlineData("look?image=1&right=1025", "right takes a number from -1024 to 1024, not 1025")]
    [InlineData("look?image=1&down=-1e300", "down")]
    [InlineData("look?image=1&down=NaN", "down")]
    [InlineData("look?image=1&degrees=Infinity", "degrees")]
    [InlineData("look?image=1&scale=0", "scale takes a number from 0.1 to 10, not 0")]
    [InlineData("look?image=1&thicker=29", "thicker")]
    [InlineData("look?image=1&maps=many", "maps")]
    [InlineData("look?image=1&size=", "size")]
    [InlineData("look?image=one", "image")]
    [InlineData("look?image=1&wire=", "NODE:INPUT:INSTEAD")]
    [InlineData("look?image=1&wire=rBlock1/Add:x:", "NODE:INPUT:INSTEAD")]
    [InlineData("look?image=1&wire=rBlock1/Add:-1:", "NODE:INPUT:INSTEAD")]
    [InlineData("look?image=1&wire=a:b:c:d", "NODE:INPUT:INSTEAD")]
    [InlineData("look?image=1&wire=rBlock1/Add:0:&wire=rBlock1/Add:0:Relu", "replaced twice")]
    [InlineData("look?image=1&wire=rBlock9/Add:0:", "no input 0 of an operation 'rBlock9/Add'")]
    [InlineData("look?image=1&wire=rBlock1/Add:0:conv1/Conv", "16x24x24, not 16x12x12")]
    [InlineData("where?image=1&method=guess&class=0", "There is no method 'guess'. The known ones: occlusion, gradient.")]
    [InlineData("where?image=1&method=gradient&class=10", "There is no class 10: the network has 10.")]
    [InlineData("where?image=1&method=gradient&class=-1", "There is no class -1")]
    [InlineData("where?image=1&method=gradient", "class")]
    [InlineData("where?image=1&class=1", "method")]
    public async Task An_invalid_query_gets_one_line_of_text(string path, string message) =>
        Assert.Contains(message, await Server.Refusal(HttpStatusCode.BadRequest, $"/api/models/residual/{path}"));

    [Fact]
    public async Task The_size_of_a_response_is_limited()
    {
        var whole = await Server.Client.GetByteArrayAsync(
            "/api/models/resnet18/look?image=1&maps=2147483647&size=2147483647", TestContext.Current.CancellationToken);
        Assert.InRange(whole.Length, 100_000, 32 << 20);
        var least = await Server.Frame("/api/models/residual/look?image=1&maps=-5&size=0");
        Assert.All(least["layers"].EnumerateArray(), layer => Assert.Equal(1, layer.GetProperty("maps").GetArrayLength()));
    }

    // A bug would have status 500, and the server would report it on standard error.
    [Fact]
    public async Task Random_queries_get_a_frame_or_an_error_response()
    {
        var random = new Random(15);
        string[] values =
        [
            "", "0", "1", "-1", "7", "0.5", "-0.5", "1e9", "1e-9", "NaN", "-Infinity", "2147483648", "-2147483648", "9e999", "null",
            "%00", "%ff", "%0d%0a", "a b", "%F0%9F%98%80",
            "gradient", "occlusion", "image", "conv1/Conv", "rBlock1/Add", "rBlock1/Add:0:", "rBlock1/Add:0:Relu",
            "rBlock1/conv2/Conv:0:Relu", "Relu:0:image", "linear/Gemm:0:",
            "Flatten:0:", "Flatten", "linear/Gemm", ":::", ":0:", "<script>", "'\"", new string('9', 400), "rBlock1/Add:99999999999:",
        ];
        string[] names =
        [
            "image", "node", "channel", "maps", "size", "right", "down", "degrees", "scale", "thicker", "wire", "wire", "method", "class",
            "other",
        ];
        var statuses = new Dictionary<HttpStatusCode, int>();
        for (var count = 0; count < 200; count++)
        {
            var path = new[] { "look", "map", "where" }[random.Next(3)];
            var likely = random.Next(3) == 0 ? "" : "image=3&node=rBlock1/Add&method=gradient&class=1&";
            var query = likely + string.Join('&', Enumerable.Range(0, random.Next(1, 4))
                .Select(_ => $"{names[random.Next(names.Length)]}={values[random.Next(values.Length)]}"));
            using var answer = await Server.Client.GetAsync($"/api/models/residual/{path}?{query}", TestContext.Current.CancellationToken);
            statuses[answer.StatusCode] = statuses.GetValueOrDefault(answer.StatusCode) + 1;
            if (answer.StatusCode == HttpStatusCode.OK)
                _ = new Frame(await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
            else
                await RunningServer.Refusal(
                    answer.StatusCode == HttpStatusCode.NotFound ? HttpStatusCode.NotFound : HttpStatusCode.BadRequest, answer);
        }

        Assert.True(
            statuses.GetValueOrDefault(HttpStatusCode.OK) > 10 && statuses.GetValueOrDefault(HttpStatusCode.BadRequest) > 50,
            string.Join(", ", statuses));
    }

    private static HttpRequestMessage Post(string path, byte[] body) => new(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };

    private async Task<string> Raw(string request)
    {
        using var socket = Server.Connect();
        var line = request.IndexOf("\r\n", StringComparison.Ordinal) + 2;
        await socket.SendAsync(Encoding.Latin1.GetBytes(request.Insert(line, Server.TokenLine)), TestContext.Current.CancellationToken);
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }
}
