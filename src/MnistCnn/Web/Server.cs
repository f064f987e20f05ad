using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MnistCnn.Files;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>The local server: its port, its limits, and what it does with a request before the <see cref="Api"/> sees it.</summary>
internal static class Server
{
    private const int PortsToTry = 100;

    // Connections that do nothing cost little; a thousand of them must not keep the page out.
    private const int MostConnections = 4096;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly MinDataRate Slowest = new(bytesPerSecond: 20_000, gracePeriod: Patience);

    /// <summary>Starts it.</summary>
    /// <param name="settings">Where it listens.</param>
    /// <param name="map">Maps what it answers.</param>
    /// <returns>The server, which is to be stopped and disposed of; and its address for a browser.</returns>
    /// <exception cref="UserException">The port is taken, or the address not one of this machine's.</exception>
    public static async Task<(WebApplication App, string Address)> Start(ServeSettings settings, Action<WebApplication> map)
    {
        // An empty one, so that no variable and no file of the current folder changes what it listens on.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var port = FreePort(settings);
        builder.Services.AddRoutingCore();
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        builder.Services.ConfigureHttpJsonOptions(options =>
        {
            options.SerializerOptions.PropertyNamingPolicy = JsonFormat.Line.PropertyNamingPolicy;
            options.SerializerOptions.Encoder = JsonFormat.Line.Encoder;
        });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => Limit(options, settings.Address, port));
        var app = builder.Build();
        app.Use(Answer.Failures);
        app.Use(new Guard(settings.Address is null ? Guard.Loopback : Guard.HostsOf(settings.Address)).Check);
        app.UseRouting();
        map(app);
        app.UseEndpoints(_ => { });
        app.Run(context => Answer.Refuse(context, StatusCodes.Status404NotFound, $"There is nothing at {context.Request.Path}."));
        try
        {
            await app.StartAsync();
        }
        catch (IOException error) when (settings.Port is null && error.InnerException is AddressInUseException)
        {
            await app.DisposeAsync();
            return await Start(settings, map); // another program was faster; now its port is known to be taken
        }

        var host = settings.Address is { } address && !Guard.IsAny(address) ? Guard.Text(address) : "localhost";
        return (app, $"http://{host}:{port}/");
    }

    private static void Limit(KestrelServerOptions options, IPAddress? address, int port)
    {
        options.AddServerHeader = false;
        options.Limits.MaxConcurrentConnections = MostConnections;
        options.Limits.MaxRequestBodySize = Pictures.LargestBody;
        options.Limits.MinRequestBodyDataRate = Slowest;
        options.Limits.MinResponseDataRate = Slowest;
        options.Limits.RequestHeadersTimeout = Patience;
        options.Limits.MaxRequestBufferSize = 1 << 16;
        options.Limits.MaxRequestHeadersTotalSize = 1 << 14;
        if (address is null)
            options.ListenLocalhost(port);
        else
            options.Listen(address, port);
    }

    // A port that others listen on already is not taken from them.
    private static int FreePort(ServeSettings settings)
    {
        IPAddress[] addresses = settings.Address is null ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [settings.Address];
        int[] ports = settings.Port is { } asked ? [asked] : [.. Enumerable.Range(ServeSettings.FirstPort, PortsToTry)];
        foreach (var port in ports)
            if (Array.TrueForAll(addresses, address => IsFree(address, port)))
                return port;
        throw new UserException(settings.Port is null
            ? $"The ports from {ports[0]} to {ports[^1]} are all taken. Name another one with --port."
            : $"Port {settings.Port} is taken. Name another one with --port, or none to have a free one chosen.");
    }

    private static bool IsFree(IPAddress address, int port)
    {
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
            return true;
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            return false;
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.AddressNotAvailable && !IPAddress.IsLoopback(address))
        {
            throw new UserException($"{address} is not an address of this machine.", error);
        }
        catch (SocketException)
        {
            return true; // there is no IPv6 here
        }
    }
}
