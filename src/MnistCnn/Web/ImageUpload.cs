using Microsoft.AspNetCore.Http;
using MnistCnn.Data;
using MnistCnn.Runs;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>An uploaded image file, preprocessed for a network.</summary>
/// <param name="Pixels">(C, H, W), from 0 to 255.</param>
/// <param name="Digits">Number of digits side by side; the pixels show the largest one. 0 if no ink was found: all pixels are 0.</param>
internal sealed record ImageUpload(byte[] Pixels, int Digits)
{
    private const string Name = "The image";
    private const int ChunkSize = 1 << 14;

    /// <summary>Reads and preprocesses the image file in the body of a request.</summary>
    public static async Task<ImageUpload> Read(HttpContext context, TrainedNetwork network)
    {
        network.EnsureTakesImageFiles();
        var contents = await ReadBody(context);
        if (contents.Length == 0)
            throw new UserException("There is no image: send an image file as the body, or name a test image with image=INDEX.");
        try
        {
            var header = ImageDecoder.ReadHeader(contents, Name);
            using var turn = await Limits.WaitForDecode(header.Height, header.Width, context.RequestAborted);
            var row = network.ReadsDigits ? DigitImage.ReadAll(contents, Name) : null;
            var pixels = network.ReadsDigits ? row?.Main : ImageDecoder.ReadImage(contents, Name, network.ImageSettings);
            return pixels is null
                ? new ImageUpload(new byte[network.Shape.Channels * network.Shape.Height * network.Shape.Width], Digits: 0)
                : new ImageUpload(pixels, row is { AreApart: true } ? row.Digits.Count : 1);
        }
        catch (InvalidDataException error)
        {
            throw new UserException(error.Message, error); // the client's file, not the server's
        }
    }

    // Allocates memory for the bytes that arrived, not for the announced length.
    private static async Task<byte[]> ReadBody(HttpContext context)
    {
        using var body = new MemoryStream();
        var chunk = new byte[ChunkSize];
        while (await context.Request.Body.ReadAsync(chunk, context.RequestAborted) is var length and > 0)
        {
            context.Response.RegisterForDispose(Limits.HoldMemory(2 * length)); // in the stream and in the array
            body.Write(chunk, 0, length);
        }

        return body.ToArray();
    }
}
