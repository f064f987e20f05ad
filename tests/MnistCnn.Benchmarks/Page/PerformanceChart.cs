using MnistCnn.Reporting.Plots;
using SkiaSharp;

namespace MnistCnn.Benchmarks;

/// <summary>Draws the seconds per epoch of all programs as bars. Its text is readable if the picture is 400 pixels wide.</summary>
internal static class PerformanceChart
{
    private const int Width = 840, Margin = 20, LabelWidth = 250, ValueWidth = 96, ValueGap = 10, RowHeight = 40;

    // Pixels of the file per pixel of the sizes above, for sharp text on dense screens.
    private const int Scale = 2;

    private static readonly TextStyle TitleStyle = new(27, IsBold: true);
    private static readonly TextStyle GroupStyle = new(24, IsBold: true);
    private static readonly TextStyle BarStyle = new(23);
    private static readonly TextStyle NoteStyle = new(21, IsGrey: true);

    private static readonly SKColor OursColor = SKColor.Parse(ChartPlot.ColorOf(1).ToHex());

    private static readonly Palette Light = new(SKColors.White, Rival: new(0xff_b8b8b8), Range: new(0xff_303030));
    private static readonly Palette Dark = new(new(0xff_0d1117), Rival: new(0xff_666d76), Range: new(0xff_f0f0f0));

    /// <param name="isDark">Draws on a dark background, with the lightness of the text inverted.</param>
    public static void Draw(string path, Measurements measurements, bool isDark)
    {
        using var noCanvas = new SKNoDrawCanvas(1, 1);
        using var measure = new TextPainter(noCanvas);
        Row[] rows =
        [
            .. TextRows(measure, PerformancePage.Finding(measurements), TitleStyle),
            .. TextRows(measure, "Seconds per epoch of MNIST, training and test. Shorter is better.", NoteStyle),
            .. PerformancePage.Networks.SelectMany(network => BarRows(measurements, network)),
            new Row("", NoteStyle),
            .. TextRows(measure, PerformancePage.Caption(measurements), NoteStyle),
        ];
        var longest = rows.Max(row => row.Figure?.Values.Max() ?? 0);
        var colors = isDark ? Dark : Light;
        PlotFile.Write(path, Scale * Width, Scale * (int)(2 * Margin + rows.Sum(row => row.Height)), canvas =>
        {
            using var painter = new TextPainter(canvas);
            using var textPaint = new SKPaint();
            if (isDark)
                textPaint.ColorFilter = SKColorFilter.CreateHighContrast(false, SKHighContrastConfigInvertStyle.InvertLightness, 0);
            canvas.Clear(colors.Background);
            canvas.Scale(Scale);
            var top = (float)Margin;
            foreach (var row in rows)
            {
                var middle = top + row.Height / 2;
                var end = row.Figure is null ? 0 : DrawBar(canvas, row, middle, longest, colors);
                var baseline = middle + row.Style.Size * TextPainter.MiddleToBaseline;
                canvas.SaveLayer(SKRect.Create(0, top, Width, row.Height), textPaint);
                painter.Draw(row.Text, row.Style, Margin, baseline);
                painter.Draw(row.Figure?.MedianText ?? "", row.Style, end + ValueGap, baseline);
                canvas.Restore();
                top += row.Height;
            }
        });
    }

    private static IEnumerable<Row> TextRows(TextPainter painter, string text, TextStyle style) =>
        painter.Wrap(text, style, Width - 2 * Margin).Select(line => new Row(line, style));

    private static IEnumerable<Row> BarRows(Measurements measurements, (string Name, string Title) network)
    {
        yield return new Row(network.Title, GroupStyle) { Height = 1.3f * RowHeight };
        foreach (var (program, label) in PerformancePage.Bars)
            if (measurements.Epoch(network.Name, program) is { } figure)
                yield return new Row(label, BarStyle)
                {
                    Figure = figure,
                    Height = RowHeight,
                    IsOurs = program == ProgramName.This,
                    IsThin = program == ProgramName.ArticleAsPrinted,
                };
    }

    // Returns the right end of the line.
    private static float DrawBar(SKCanvas canvas, Row row, float middle, double longest, Palette colors)
    {
        const float left = Margin + LabelWidth;
        var pixelsPerSecond = (Width - Margin - ValueWidth - left) / (float)longest;
        var (median, low, high) = (X(row.Figure!.Median), X(row.Figure.Values.Min()), X(row.Figure.Values.Max()));
        var half = row.Height * (row.IsThin ? 0.16f : 0.4f);
        using var fill = new SKPaint { Color = row.IsOurs ? OursColor : colors.Rival };
        canvas.DrawRect(left, middle - half, median - left, 2 * half, fill);

        using var line = new SKPaint { Color = colors.Range, StrokeWidth = 2, IsAntialias = true };
        canvas.DrawLine(low, middle, high, middle, line);
        foreach (var end in new[] { low, high })
            canvas.DrawLine(end, middle - 6, end, middle + 6, line);
        return high;

        float X(double seconds) => left + (float)seconds * pixelsPerSecond;
    }

    /// <param name="Background">GitHub's color.</param>
    /// <param name="Rival">Color of the other programs' bars.</param>
    /// <param name="Range">Color of the lines from the lowest to the highest value.</param>
    private sealed record Palette(SKColor Background, SKColor Rival, SKColor Range);

    /// <summary>A line of text, or a bar with its label.</summary>
    private sealed record Row(string Text, TextStyle Style)
    {
        public float Height { get; init; } = Style.Size * 1.35f;

        public Figure? Figure { get; init; }

        public bool IsOurs { get; init; }

        public bool IsThin { get; init; }
    }
}
