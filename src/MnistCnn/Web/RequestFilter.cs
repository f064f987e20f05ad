using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;

namespace MnistCnn.Web;

/// <summary>Conditions that requests must meet.</summary>
/// <param name="Address">Address to listen on; null for loopback only.</param>
/// <param name="Hosts">Names that requests may use for this server, besides its own.</param>
/// <param name="Token">Secret that requests must carry; null for none.</param>
/// <param name="BrowserToken">Secret that opens the page once: other accounts can read the command line of a browser.</param>
/// <param name="OnBrowserTokenReused">Called if somebody uses it again.</param>
/// <param name="HostOption">The option that adds to <paramref name="Hosts"/>, for error messages.</param>
internal sealed record ServerAccess(
    IPAddress? Address, IReadOnlyList<string> Hosts, string? Token, string? BrowserToken, Action OnBrowserTokenReused, string HostOption)
{
    /// <summary>Creates a random secret of 128 bits.</summary>
    public static string CreateToken() => RandomNumberGenerator.GetHexString(32, lowercase: true);
}

/// <summary>
/// Refuses requests from pages of other sites: these can reach a server on loopback with a form or with a name that resolves to 127.0.0.1
/// (DNS rebinding). Refuses requests without the token: other accounts of this machine can reach loopback too. Sets the response headers
/// that keep the page from loading anything from elsewhere.
/// </summary>
/// <remarks>Sources: the Fetch standard, section 3.2 (Origin), and W3C Fetch Metadata (Sec-Fetch-Site).</remarks>
internal sealed class RequestFilter(ServerAccess access)
{
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'";

    private const string TokenQuery = "token";

    private static readonly string[] Loopback = ["localhost", "127.0.0.1", "[::1]"];

    private readonly HashSet<string> named = access.Hosts.ToHashSet(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> own = Loopback.Concat(access.Address is null ? [] : [Dns.GetHostName()])
        .ToHashSet(StringComparer.OrdinalIgnoreCase);

    private int browserTokenUses;

    public static string UrlHost(IPAddress address) => new UriBuilder("http", $"{address}").Host;

    public static string AddToken(string url, string? token) => token is null ? url : $"{url}?{TokenQuery}={token}";

    /// <summary>Middleware: sets the headers, then refuses the request or passes it on.</summary>
    public Task Check(HttpContext context, RequestDelegate next)
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-cache";
        if (!IsKnown(request.Host.Host))
            return ErrorResponses.Write(
                context,
                StatusCodes.Status400BadRequest,
                $"This server does not answer to the name '{request.Host.Host}'.{Advice("To allow it,", request.Host.Host)}");
        var (origin, site) = (request.Headers.Origin.ToString(), request.Headers["Sec-Fetch-Site"].ToString());
        // A link on another site may lead to the page, but not to its data.
        var isOtherSite = site is not ("" or "same-origin" or "none") && request.Path.StartsWithSegments("/api");
        if (IsOtherOrigin(request, origin, out var proxy) || isOtherSite)
            return ErrorResponses.Write(
                context,
                StatusCodes.Status403Forbidden,
                $"Only this server's own page may send requests.{Advice($"If a proxy serves it as {origin},", proxy)}");
        return access.Token is null ? next(context) : CheckToken(context, access.Token, next);
    }

    // DNS rebinding needs a name, so any address is safe. A server on loopback has no use for others.
    private bool IsKnown(string host) =>
        own.Contains(host) || named.Contains(host)
        || access.Address is not null && Uri.CheckHostName(host) is UriHostNameType.IPv4 or UriHostNameType.IPv6;

    private string Advice(string purpose, string? host) =>
        Uri.CheckHostName(host) is UriHostNameType.Unknown ? "" : $" {purpose} start the server with: {access.HostOption} {host}";

    // A proxy with TLS changes http to https, and may change the Host header to localhost.
    private bool IsOtherOrigin(HttpRequest request, string origin, out string? proxy)
    {
        proxy = Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps ? uri.Host : null;
        return origin != "" && !origin.Equals($"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase)
            && !(proxy is not null && named.Contains(proxy));
    }

    private Task CheckToken(HttpContext context, string token, RequestDelegate next)
    {
        var (request, response) = (context.Request, context.Response);
        var query = request.Query[TokenQuery].ToString();
        var cookie = $"mnist-cnn-{request.Host.Port ?? 80}"; // browsers send cookies to all ports of a host
        var isStart = request.Path == "/" && HttpMethods.IsGet(request.Method);
        // After a link on another site, browsers send the cookie when the page is loaded again, but not at once and not after a redirect.
        // Over http, they name the site to servers on loopback only.
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        var isLink = site is "cross-site" or "same-site" || site == "" && !Loopback.Contains(request.Host.Host);
        if (isStart && (IsEqual(query, token) || IsFirstUse(query)))
        {
            response.Cookies.Append(cookie, token, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict });
            if (isLink)
                LoadAgain(response);
            else
                response.Redirect("./");
            return Task.CompletedTask;
        }

        var bearer = AuthenticationHeaderValue.TryParse(request.Headers.Authorization, out var header)
            && header.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) ? header.Parameter : null;
        if (IsEqual(request.Cookies[cookie], token) || IsEqual(bearer, token) || IsEqual(query, token))
            return next(context);
        if (isStart && isLink && site != "")
            LoadAgain(response);
        response.Headers.WWWAuthenticate = "Bearer";
        return ErrorResponses.Write(
            context,
            StatusCodes.Status401Unauthorized,
            "The token is missing or out of date. Open the address that the program printed when it started: it contains the token.");
    }

    private static void LoadAgain(HttpResponse response) => response.Headers["Refresh"] = "0; url=./";

    private bool IsFirstUse(string given)
    {
        if (access.BrowserToken is null || !IsEqual(given, access.BrowserToken))
            return false;
        var uses = Interlocked.Increment(ref browserTokenUses);
        if (uses == 2)
            access.OnBrowserTokenReused();
        return uses == 1;
    }

    // In a time that does not depend on the number of equal characters.
    private static bool IsEqual(string? given, string expected) =>
        given is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(expected));
}
