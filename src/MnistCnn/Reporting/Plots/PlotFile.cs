using System.Collections.Concurrent;
using MnistCnn.Files;
using MnistCnn.Runtime;
using ScottPlot;
using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Reporting.Plots;

/// <summary>Files with pictures.</summary>
internal static class PlotFile
{
    /// <summary>The endings that a picture's path can have, for help and messages.</summary>
    public const string Endings = ".png, .jpg, .jpeg, .bmp, .webp, .svg";

    /// <summary>Whether the path has one of <see cref="Endings"/>.</summary>
    public static bool HasKnownEnding(string path) =>
        Endings.Split(", ").Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>A tensor as an image to draw.</summary>
    /// <param name="pixels">Grey values or red, green and blue, 0 is black: (1, H, W) or (3, H, W), uint8, on the CPU.</param>
    public static SKImage Of(Tensor pixels)
    {
        var (width, height) = ((int)pixels.shape[2], (int)pixels.shape[1]);
        var isGrey = pixels.shape[0] == 1;
        using var scope = NewDisposeScope();
        // Skia takes four bytes a pixel and does not read the last one.
        var interleaved = isGrey ? pixels : cat([pixels, pixels.narrow(0, 0, 1)]).permute(1, 2, 0);
        var info = new SKImageInfo(width, height, isGrey ? SKColorType.Gray8 : SKColorType.Rgb888x);
        return SKImage.FromPixelCopy(info, interleaved.contiguous().bytes);
    }

    // Paths of plots whose failure was reported.
    private static readonly ConcurrentDictionary<string, bool> Failed = new();

    /// <summary>
    /// Draws a plot. Results must not be lost because their plot fails: any exception becomes a warning on standard error, one per file
    /// even if it is drawn after every epoch.
    /// </summary>
    /// <param name="path">The plot's file, for the warning.</param>
    /// <param name="draw">Draws and writes the file.</param>
    /// <returns>Whether the file was written.</returns>
    public static bool TryDraw(string path, Action draw)
    {
        try
        {
            draw();
            return true;
        }
        catch (Exception error)
        {
            if (Failed.TryAdd(path, true))
                Terminal.Warn($"warning: {path} was not drawn: {ErrorText.Line(error)}");
            return false;
        }
    }

    /// <summary>Draws plots into folders that may not exist yet.</summary>
    /// <param name="option">The option that sets where the plots go, for the warning if one cannot be drawn.</param>
    /// <param name="plots">The path of each plot and the method that draws it.</param>
    /// <returns>The paths of the plots that were drawn.</returns>
    public static IReadOnlyList<string> DrawAll(string option, params (string Path, Func<string, bool> Draw)[] plots)
    {
        string[] drawn =
        [
            .. from plot in plots
               where TryDraw(plot.Path, () => Directory.CreateDirectory(Path.GetDirectoryName(plot.Path)!)) && plot.Draw(plot.Path)
               select plot.Path,
        ];
        if (drawn.Length < plots.Length)
            Terminal.Warn($"Plots can go elsewhere with {option}.");
        return drawn;
    }

    /// <summary>Draws a picture into a file, whole or not at all.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Endings"/>.</param>
    /// <param name="width">In pixels.</param>
    /// <param name="height">In pixels.</param>
    /// <param name="draw">Draws it, on white.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, int width, int height, Action<SKCanvas> draw)
    {
        using var contents = new MemoryStream();
        var format = ImageFormats.FromFilename(path);
        if (format == ImageFormat.Svg)
        {
            using var canvas = SKSvgCanvas.Create(new SKRect(0, 0, width, height), contents);
            canvas.Clear(SKColors.White);
            draw(canvas);
        }
        else
        {
            using var surface = SKSurface.Create(new SKImageInfo(width, height));
            surface.Canvas.Clear(SKColors.White);
            draw(surface.Canvas);
            using var image = new Image(surface);
            contents.Write(image.GetImageBytes(format));
        }

        contents.Position = 0;
        AtomicFile.Write(path, contents.CopyTo);
    }
}
