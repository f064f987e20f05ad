using System.Net;
using System.Net.NetworkInformation;
using Microsoft.AspNetCore.Http;

namespace MnistCnn.Web;

/// <summary>
/// Lets only the page itself and programs of this machine ask: another site's page may reach a server on loopback, by a form or by a
/// name that points at 127.0.0.1, and would then see what its user sees.
/// </summary>
/// <remarks>Source: the Fetch standard, sections 3.2 (Origin) and, for Sec-Fetch-Site, W3C's Fetch Metadata.</remarks>
/// <param name="hosts">The names and addresses that the server answers to.</param>
internal sealed class Guard(IReadOnlySet<string> hosts)
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>What is answered to on loopback.</summary>
    public static IReadOnlySet<string> Loopback { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "localhost", "127.0.0.1", "[::1]" };

    /// <summary>What is answered to when it listens on an address: that one, or all that this machine has.</summary>
    public static IReadOnlySet<string> HostsOf(IPAddress address)
    {
        IPAddress[] own = IsAny(address)
            ? [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(network => network.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address)]
            : [address];
        return Loopback.Append(Dns.GetHostName()).Concat(own.Select(Text)).ToHashSet(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Whether an address stands for all that this machine has.</summary>
    public static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    /// <summary>An address as it stands in a URL.</summary>
    public static string Text(IPAddress address) => $"{new UriBuilder("http", $"{address}").Host}";

    /// <summary>Refuses what comes from elsewhere, and tells the browser to load nothing from elsewhere.</summary>
    public Task Check(HttpContext context, RequestDelegate next)
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-cache";
        if (!hosts.Contains(request.Host.Host))
            return Answer.Refuse(context, StatusCodes.Status400BadRequest, $"This server does not answer to the name '{request.Host.Host}'.");
        var (origin, site) = (request.Headers.Origin.ToString(), request.Headers["Sec-Fetch-Site"].ToString());
        var isOther = origin != "" && !string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
        // A link from another page may lead to this one, but not to its data.
        var isData = request.Path.StartsWithSegments("/api");
        return isOther || (isData && site is not ("" or "same-origin" or "none"))
            ? Answer.Refuse(context, StatusCodes.Status403Forbidden, "Only this server's own page may ask.")
            : next(context);
    }
}
