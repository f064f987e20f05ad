using MnistCnn.Files;
using MnistCnn.Runtime;
using ScottPlot;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

internal static class PlotFile
{
    public const string Endings = ".png, .jpg, .jpeg, .bmp, .webp, .svg";

    // Paths of plots whose failure was reported.
    private static readonly ConcurrentDictionary<string, bool> Failed = new();

    public static bool HasKnownEnding(string path) =>
        Endings.Split(", ").Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>Draws plots into folders that may not exist yet.</summary>
    /// <param name="option">The option that sets where the plots go, for the warning if one cannot be drawn.</param>
    /// <returns>The paths of the plots that were drawn.</returns>
    public static IReadOnlyList<string> DrawAll(string option, params (string Path, Action<string> Draw)[] plots)
    {
        string[] drawn = [.. plots.Where(plot => TryDraw(plot.Path, () => Draw(plot))).Select(plot => plot.Path)];
        if (drawn.Length < plots.Length)
            Terminal.WriteErrorLine($"Choose another place for plots with {option}.");
        return drawn;

        static void Draw((string Path, Action<string> Draw) plot)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(plot.Path)!);
            plot.Draw(plot.Path);
        }
    }

    /// <summary>Draws a plot. Any exception becomes one warning per file, because results must not be lost with their plot.</summary>
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
                Terminal.WriteErrorLine($"warning: {path} was not drawn: {ErrorText.Line(error)}");
            return false;
        }
    }

    /// <summary>Writes a plot of a size in pixels on a white background; a failure leaves an existing file as it is.</summary>
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
