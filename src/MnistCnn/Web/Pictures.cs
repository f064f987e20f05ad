using Microsoft.AspNetCore.Http;
using MnistCnn.Data;
using MnistCnn.Runs;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>Pictures that requests bring, as images of the kind that a network takes.</summary>
internal static class Pictures
{
    /// <summary>The largest body of a request, in bytes.</summary>
    public const long LargestBody = 8 << 20;

    private const string Name = "The picture";
    private const long SmallPicture = 1 << 22;
    private const int Part = 1 << 14;

    // A picture of a small file may have a hundred megapixels: of such, one at a time is decoded.
    private static readonly SemaphoreSlim OneLarge = new(1);
    private static readonly SemaphoreSlim Small = new(Environment.ProcessorCount);

    /// <summary>Reads the picture in a request's body.</summary>
    /// <param name="request">The request.</param>
    /// <param name="network">The network that it is for.</param>
    /// <param name="held">Counts the body.</param>
    /// <returns>The image, (C, H, W), from 0 to 255; and whether it is empty since no ink was found.</returns>
    /// <exception cref="InvalidDataException">It is not a picture, or it is damaged or too large.</exception>
    /// <exception cref="UserException">The network takes no pictures.</exception>
    /// <exception cref="BadHttpRequestException">The body is too large, or came too slowly.</exception>
    public static async Task<(byte[] Pixels, bool Blank)> Read(HttpRequest request, TrainedNetwork network, HeldBytes held)
    {
        network.EnsureTakesPictures();
        var stop = request.HttpContext.RequestAborted;
        var contents = await Body(request, held, stop);
        if (contents.Length == 0)
            throw new InvalidDataException("There is no picture: put one into the body, or name a test image with image=INDEX.");
        var header = ImageDecoder.ReadHeader(contents, Name);
        var gate = (long)header.Height * header.Width > SmallPicture ? OneLarge : Small;
        await gate.WaitAsync(stop);
        try
        {
            var pixels = network.ImageOf(contents, Name);
            return (pixels ?? new byte[network.Shape.Channels * network.Shape.Height * network.Shape.Width], pixels is null);
        }
        finally
        {
            gate.Release();
        }
    }

    // Takes memory for what has come, not for what was announced.
    private static async Task<byte[]> Body(HttpRequest request, HeldBytes held, CancellationToken stop)
    {
        using var body = new MemoryStream();
        var part = new byte[Part];
        while (await request.Body.ReadAsync(part, stop) is var length and > 0)
        {
            held.Add(2 * length); // here and, soon, in one piece
            body.Write(part, 0, length);
        }

        return body.ToArray();
    }
}
