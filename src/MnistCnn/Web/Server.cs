using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MnistCnn.Files;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>The HTTP server: port, limits per connection and middleware.</summary>
internal static class Server
{
    public const int FirstPort = 8080;

    private const int PortsToTry = 100;
    private const int MostConnections = 4096; // idle ones cost little; a thousand of them must not keep the page out

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly MinDataRate SlowestRate = new(bytesPerSecond: 20_000, gracePeriod: Patience);

    /// <param name="port">The port; null for the first free one from <see cref="FirstPort"/>.</param>
    /// <returns>The server, which the caller stops and disposes, and its URL.</returns>
    /// <exception cref="UserException">The port is taken, or the address is not one of this machine.</exception>
    public static async Task<(WebApplication App, string Url)> Start(ServerAccess access, int? port, Action<WebApplication> map)
    {
        var address = access.Address;
        // Not localhost for 0.0.0.0: a browser tries [::1] first, where another account could listen on the same port and get the token.
        var host = address is null || address.Equals(IPAddress.IPv6Any) ? "localhost"
            : RequestFilter.UrlHost(address.Equals(IPAddress.Any) ? IPAddress.Loopback : address);
        foreach (var candidate in port is { } only ? [only] : Enumerable.Range(FirstPort, PortsToTry))
        {
            var app = Build(access, candidate, map);
            try
            {
                await app.StartAsync();
                return (app, $"http://{host}:{candidate}/");
            }
            catch (SocketException error) when (error.SocketErrorCode is SocketError.AddressNotAvailable)
            {
                await app.DisposeAsync();
                throw new UserException($"{address} is not an address of this machine.", error);
            }
            catch (Exception error) when (error is IOException or SocketException)
            {
                await app.DisposeAsync(); // another program has the port, or only an administrator may have it
            }
        }

        var ports = port is null ? $"The ports from {FirstPort} to {FirstPort + PortsToTry - 1} are" : $"Port {port} is";
        throw new UserException($"{ports} taken.").With(Remedy.ChoosePort);
    }

    private static WebApplication Build(ServerAccess access, int port, Action<WebApplication> map)
    {
        // The empty builder reads no environment variables and no files of the current folder.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        AddServices(builder.Services);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => ConfigureKestrel(options, access.Address, port));
        var app = builder.Build();
        app.Use(ErrorResponses.HandleExceptions);
        app.Use(new RequestFilter(access).Check);
        app.UseRouting();
        app.UseRateLimiter();
        map(app);
        app.UseEndpoints(_ => { });
        app.Run(context => ErrorResponses.Write(context, StatusCodes.Status404NotFound, $"There is nothing at {context.Request.Path}."));
        return app;
    }

    private static void AddServices(IServiceCollection services)
    {
        services.AddRoutingCore();
        services.AddRateLimiter(options =>
        {
            options.AddConcurrencyLimiter(Limits.WatcherPolicy, watchers => watchers.PermitLimit = Limits.MostWatchers);
            options.OnRejected = (_, _) => throw new BusyException("Too many pages are watching. Try again in a moment.");
        });
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        services.ConfigureHttpJsonOptions(options =>
        {
            options.SerializerOptions.PropertyNamingPolicy = JsonFormat.Line.PropertyNamingPolicy;
            options.SerializerOptions.Encoder = JsonFormat.Line.Encoder;
            options.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower));
        });
    }

    private static void ConfigureKestrel(KestrelServerOptions options, IPAddress? address, int port)
    {
        options.AddServerHeader = false;
        options.Limits.MaxConcurrentConnections = MostConnections;
        options.Limits.MaxRequestBodySize = Limits.LargestBody;
        options.Limits.MinRequestBodyDataRate = SlowestRate;
        options.Limits.MinResponseDataRate = SlowestRate;
        options.Limits.RequestHeadersTimeout = Patience;
        options.Limits.KeepAliveTimeout = 4 * Patience; // also how long a silent new connection may take the place of others
        options.Limits.MaxRequestBufferSize = 1 << 16;
        options.Limits.MaxRequestHeadersTotalSize = 1 << 14;
        if (address is null)
            options.ListenLocalhost(port);
        else
            options.Listen(address, port);
    }
}
