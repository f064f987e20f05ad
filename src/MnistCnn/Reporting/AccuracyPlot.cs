using System.Globalization;
using System.Text;
using MnistCnn.Training;
using ScottPlot;
using ScottPlot.Palettes;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace MnistCnn.Reporting;

/// <summary>
/// The picture of a run: accuracy in percent over the epochs. Drawn anew after every epoch, so that a run that is cut
/// short has its picture.
/// </summary>
/// <param name="path">Where to; its ending is one of <see cref="Endings"/>.</param>
/// <param name="title">The name of the network.</param>
/// <param name="epochs">How many epochs there will be.</param>
/// <param name="history">The epochs that are over already.</param>
public sealed class AccuracyPlot(string path, string title, int epochs, IReadOnlyList<EpochMetrics> history) : ITrainingObserver
{
    private const int Width = 800;
    private const int Height = 500;

    private static readonly MarkerShape[] Markers =
        [MarkerShape.FilledCircle, MarkerShape.OpenSquare, MarkerShape.FilledDiamond, MarkerShape.OpenTriangleUp];

    private static readonly LinePattern[] Lines =
        [LinePattern.Solid, LinePattern.Dashed, LinePattern.Dotted, LinePattern.DenselyDashed];

    // Where a system names no font as its standard one, Skia takes the first that it finds, which may be a serif one.
    private static readonly string SansSerif =
        new[] { "Segoe UI", "Helvetica Neue", "DejaVu Sans", "Liberation Sans", "Noto Sans" }
            .FirstOrDefault(SKFontManager.Default.FontFamilies.Contains) ?? Fonts.Default;

    private readonly List<double> accuracies = [.. history.Select(epoch => epoch.TestAccuracy)];

    /// <summary>The endings that a plot's path can have, for help and messages.</summary>
    public const string Endings = ".png, .jpg, .jpeg, .bmp, .webp, .svg";

    /// <summary>Whether the path has one of <see cref="Endings"/>.</summary>
    public static bool HasKnownEnding(string path) =>
        Endings.Split(", ").Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
        accuracies.Add(epoch.TestAccuracy);
        var best = accuracies.Max();
        Draw(path, Invariant($"{title} on MNIST: best {best:F2} % (epoch {accuracies.IndexOf(best) + 1})"), [new Curve(title, accuracies)], epochs);
    }

    /// <summary>Draws curves into one picture.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Endings"/>.</param>
    /// <param name="title">The line above it.</param>
    /// <param name="curves">What to draw; a legend names them where there are several.</param>
    /// <param name="epochs">How many epochs the axis shows.</param>
    public static void Draw(string path, string title, IReadOnlyList<Curve> curves, int epochs)
    {
        using var plot = new Plot();
        plot.Add.Palette = new ColorblindFriendly();
        foreach (var (index, curve) in curves.Index())
        {
            var line = plot.Add.Scatter(
                Enumerable.Range(1, curve.Accuracies.Count).Select(epoch => (double)epoch).ToArray(), curve.Accuracies.ToArray());
            line.LineWidth = 2;
            line.MarkerSize = 8;
            line.MarkerShape = Markers[index % Markers.Length];
            line.LinePattern = Lines[index % Lines.Length];
            line.LegendText = curves.Count > 1 ? curve.Name : "";
        }

        plot.Font.Set(SansSerif);
        plot.Title(title, size: 20);
        plot.XLabel("Epoch", size: 16);
        plot.YLabel("Accuracy on the test images (%)", size: 16);
        plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Bottom.MinorTickStyle.Length = 0;
        plot.Axes.Bottom.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.MinimumSize = 80;
        plot.Axes.AutoScale();
        plot.Axes.SetLimitsX(0.5, Math.Max(epochs, 2) + 0.5);
        plot.Legend.FontSize = 14;
        if (curves.Count > 1)
            plot.ShowLegend(Alignment.LowerRight);

        var format = ImageFormats.FromFilename(path);
        var bytes = format == ImageFormat.Svg
            ? Encoding.UTF8.GetBytes(plot.GetSvgXml(Width, Height))
            : plot.GetImageBytes(Width, Height, format);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
