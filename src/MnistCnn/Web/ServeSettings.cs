using System.Net;

namespace MnistCnn.Web;

/// <summary>How the page is served.</summary>
/// <param name="Address">The address to listen on; null for loopback alone.</param>
/// <param name="Port">The port; null for the first free one from <see cref="FirstPort"/>.</param>
internal sealed record ServeSettings(IPAddress? Address, int? Port)
{
    /// <summary>The port that is taken where it is free and none is asked for.</summary>
    public const int FirstPort = 8080;
}
