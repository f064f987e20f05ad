using System.Net;
using System.Net.NetworkInformation;
using Microsoft.AspNetCore.Http;

namespace MnistCnn.Web;

/// <summary>
/// Refuses requests from pages of other sites: these can reach a server on loopback with a form or with a name that resolves to 127.0.0.1
/// (DNS rebinding). Sets the response headers that keep the page from loading anything from elsewhere.
/// </summary>
/// <remarks>Sources: the Fetch standard, section 3.2 (Origin), and W3C Fetch Metadata (Sec-Fetch-Site).</remarks>
/// <param name="hosts">Names and addresses that are accepted in the Host header, without port.</param>
internal sealed class RequestFilter(IReadOnlySet<string> hosts)
{
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'";

    private static readonly string[] Loopback = ["localhost", "127.0.0.1", "[::1]"];

    /// <summary>Creates the filter of a server that listens on an address, or on loopback only if it is null.</summary>
    public static RequestFilter Create(IPAddress? address)
    {
        string[] others = address is null ? [] : [Dns.GetHostName(), .. (IsAny(address) ? OwnAddresses() : [address]).Select(UrlHost)];
        return new RequestFilter(Loopback.Concat(others).ToHashSet(StringComparer.OrdinalIgnoreCase));

        static IEnumerable<IPAddress> OwnAddresses() => NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(network => network.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address);
    }

    /// <summary>Whether an address stands for all addresses of this machine.</summary>
    public static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    public static string UrlHost(IPAddress address) => new UriBuilder("http", $"{address}").Host;

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
        if (!hosts.Contains(request.Host.Host))
            return ErrorResponses.Write(
                context, StatusCodes.Status400BadRequest, $"This server does not answer to the name '{request.Host.Host}'.");
        var (origin, site) = (request.Headers.Origin.ToString(), request.Headers["Sec-Fetch-Site"].ToString());
        var isOtherOrigin = origin != "" && !origin.Equals($"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
        // A link on another site may lead to the page, but not to its data.
        var isOtherSite = site is not ("" or "same-origin" or "none") && request.Path.StartsWithSegments("/api");
        return isOtherOrigin || isOtherSite
            ? ErrorResponses.Write(context, StatusCodes.Status403Forbidden, "Only this server's own page may send requests.")
            : next(context);
    }
}
