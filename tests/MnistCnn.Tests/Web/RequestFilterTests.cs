using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using MnistCnn.Web;

namespace MnistCnn.Tests.Web;

/// <summary>Requests that reach the server through port mappings, tunnels and proxies, and tokens.</summary>
public sealed class RequestFilterTests
{
    private const string Token = "0123456789abcdef0123456789abcdef", BrowserToken = "fedcba9876543210fedcba9876543210";

    private readonly RequestFilter filter;
    private int warnings;

    public RequestFilterTests() => filter = new(new ServerAccess(null, [], Token, BrowserToken, () => warnings++, "--host"));

    [Theory]
    [InlineData(false, "localhost:8080", true)]
    [InlineData(false, "192.168.1.77:18081", false)]
    [InlineData(false, "127.0.0.2", false)]
    [InlineData(false, "0.0.0.0", false)]
    [InlineData(false, "[2001:db8::1]", false)]
    [InlineData(false, "MYBOX.local:9", true)]
    [InlineData(false, "box.mybox.local", false)]
    [InlineData(true, "localhost:18081", true)]
    [InlineData(true, "192.168.1.77:18081", true)]
    [InlineData(true, "[2001:db8::1]", true)]
    [InlineData(true, "[2001:db8::1]:18081", true)]
    [InlineData(true, "127.0.0.2", true)]
    [InlineData(true, "mybox.local", true)]
    [InlineData(true, "example.org", false)]
    [InlineData(true, "127.0.0.1.nip.io", false)]
    [InlineData(true, "", false)]
    public async Task Any_address_but_only_known_names_are_accepted_from_other_machines(bool listens, string host, bool isAccepted)
    {
        var access = new ServerAccess(listens ? IPAddress.Any : null, ["mybox.local"], null, null, Fail, "--host");
        var (status, text, _) = await Check(new RequestFilter(access), request => request.Host = new HostString(host));
        Assert.Equal(isAccepted ? 204 : 400, status);
        if (!isAccepted && host != "")
            Assert.EndsWith($"start the server with: --host {new HostString(host).Host}\"}}", text);
    }

    // A proxy with TLS, as of an editor in the browser, changes the scheme, and may change the Host header.
    [Theory]
    [InlineData("https://mybox.local", "mybox.local", true)]
    [InlineData("https://mybox.local:444", "localhost:8080", true)]
    [InlineData("http://mybox.local", "mybox.local", true)]
    [InlineData("http://mybox.local:81", "mybox.local", false)]
    [InlineData("http://mybox.local", "localhost:8080", false)]
    [InlineData("https://localhost:8080", "localhost:8080", false)]
    [InlineData("https://example.org", "mybox.local", false)]
    [InlineData("http://192.168.1.77:81", "192.168.1.77:80", false)]
    [InlineData("http://192.168.1.77:81", "192.168.1.77:81", true)]
    public async Task Pages_of_other_origins_are_refused_behind_a_proxy_too(string origin, string host, bool isAccepted)
    {
        var access = new ServerAccess(IPAddress.Any, ["mybox.local"], null, null, Fail, "--host");
        var (status, text, _) = await Check(new RequestFilter(access), request =>
        {
            request.Host = new HostString(host);
            request.Headers.Origin = origin;
            request.Headers["X-Forwarded-Host"] = new Uri(origin).Authority; // anyone can send it
        });
        Assert.Equal(isAccepted ? 204 : 403, status);
        if (!isAccepted)
            Assert.Equal(origin.StartsWith("https", StringComparison.Ordinal), text.Contains($"--host {new Uri(origin).Host}"));
    }

    [Theory]
    [InlineData("Authorization", "Bearer " + Token, 204)]
    [InlineData("Authorization", "bearer " + Token, 204)]
    [InlineData("Authorization", "Basic " + Token, 401)]
    [InlineData("Authorization", Token, 401)]
    [InlineData("Authorization", "Bearer", 401)]
    [InlineData("Authorization", "Bearer " + Token + "0", 401)]
    [InlineData("Authorization", "Bearer " + BrowserToken, 401)]
    [InlineData("Authorization", "Bearer 0123456789ABCDEF0123456789ABCDEF", 401)]
    [InlineData("Cookie", "mnist-cnn-8080=" + Token, 204)]
    [InlineData("Cookie", "mnist-cnn-8081=" + Token, 401)] // another server on this host
    [InlineData("Cookie", "mnist-cnn-8080=", 401)]
    [InlineData("Query", "?token=" + Token, 204)]
    [InlineData("Query", "?token=", 401)]
    [InlineData("Query", "?token=x&token=" + Token, 401)]
    [InlineData("Query", "", 401)]
    public async Task Requests_need_the_token(string place, string value, int expected)
    {
        foreach (var method in new[] { "GET", "HEAD", "POST" })
        {
            var (status, text, headers) = await Check(filter, request =>
            {
                (request.Method, request.Path) = (method, "/api/models");
                if (place == "Query")
                    request.QueryString = new QueryString(value);
                else
                    request.Headers[place] = value;
            });
            Assert.Equal(expected, status);
            Assert.DoesNotContain(Token, text);
            Assert.Equal("", headers.SetCookie.ToString());
            Assert.Equal(expected == 401 ? "Bearer" : "", headers.WWWAuthenticate.ToString());
            if (expected == 401)
                Assert.Contains("the address that the program printed", text);
        }
    }

    [Theory]
    [InlineData("", "/", "")]
    [InlineData("none", "/", "")]
    [InlineData("cross-site", "", "0; url=./")] // browsers withhold the cookie from the redirect
    public async Task The_printed_address_moves_the_token_into_a_cookie(string site, string path, string refresh)
    {
        var (status, text, headers) = await Check(filter, request => Open(request, Token, site));
        Assert.Equal((path == "/" ? 302 : 200, path == "/" ? "./" : "", refresh), (
            status, headers.Location.ToString(), headers["Refresh"].ToString()));
        Assert.Equal($"mnist-cnn-8080={Token}; path=/; samesite=strict; httponly", headers.SetCookie.ToString());
        Assert.Equal("", text);
        Assert.Equal("no-referrer", headers["Referrer-Policy"].ToString());
    }

    // Over http, browsers name the site of a link to servers on loopback only; a withheld cookie comes when the page is loaded again.
    [Theory]
    [InlineData("localhost", "cross-site", "", 401, "0; url=./")]
    [InlineData("localhost", "same-origin", "", 401, "")]
    [InlineData("localhost", "", "", 401, "")]
    [InlineData("192.0.2.2", "", Token, 200, "0; url=./")]
    [InlineData("192.0.2.2", "", "", 401, "")]
    public async Task A_link_on_another_site_leads_to_the_page_with_the_cookie(
        string host, string site, string token, int expected, string refresh)
    {
        var listening = new RequestFilter(new ServerAccess(IPAddress.Any, [], Token, BrowserToken, Fail, "--host"));
        var (status, _, headers) = await Check(listening, request =>
        {
            Open(request, token, site);
            request.Host = new HostString(host, 8080);
        });
        Assert.Equal((expected, refresh), (status, headers["Refresh"].ToString()));
    }

    [Fact]
    public async Task The_token_on_the_command_line_of_the_browser_works_once()
    {
        Assert.Equal((302, 0), ((await Check(filter, request => Open(request, BrowserToken))).Status, warnings));
        Assert.Equal((401, 1), ((await Check(filter, request => Open(request, BrowserToken))).Status, warnings));
        Assert.Equal((302, 1), ((await Check(filter, request => Open(request, Token))).Status, warnings));
    }

    [Fact]
    public async Task A_browser_gets_the_error_as_text()
    {
        var (status, text, headers) = await Check(filter, request => request.Headers.Accept = "text/html,application/xhtml+xml,*/*;q=0.8");
        Assert.Equal((401, "text/plain; charset=utf-8"), (status, headers.ContentType.ToString()));
        Assert.StartsWith("The token is missing", text);
        Assert.DoesNotContain('\n', text);
    }

    private static void Fail() => Assert.Fail("The token of the browser was not used.");

    private static void Open(HttpRequest request, string token, string site = "")
    {
        request.QueryString = new QueryString($"?token={token}");
        request.Headers["Sec-Fetch-Site"] = site;
    }

    // Status 204 means that the request was passed on.
    private static async Task<(int Status, string Text, IHeaderDictionary Headers)> Check(RequestFilter filter, Action<HttpRequest> change)
    {
        var (context, body) = (new DefaultHttpContext(), new MemoryStream());
        (context.Request.Method, context.Request.Path, context.Request.Scheme) = ("GET", "/", "http");
        context.Request.Host = new HostString("localhost", 8080);
        context.Response.Body = body;
        change(context.Request);
        await filter.Check(context, passed =>
        {
            passed.Response.StatusCode = 204;
            return Task.CompletedTask;
        });
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()), context.Response.Headers);
    }
}
