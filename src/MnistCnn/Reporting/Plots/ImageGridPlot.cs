using MnistCnn.Charts;
using MnistCnn.Data;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

internal static class ImageGridPlot
{
    private const int Side = 112, Gap = 12, Head = 90;

    public static void Draw(string path, ImageGrid grid)
    {
        var columns = grid.Columns;
        var rows = columns.Max(column => column.Images.shape[0]);
        var width = columns.Count * (Side + Gap) + Gap;
        PlotFile.Write(path, width, Head + (int)rows * (Side + Gap), canvas =>
        {
            using var painter = new TextPainter(canvas);
            painter.Title(grid.Title, width / 2f);
            foreach (var (column, (heading, images)) in columns.Index())
            {
                var left = Gap + column * (Side + Gap);
                painter.Label(heading, left + Side / 2f, Head - 12);
                for (var row = 0; row < images.shape[0]; row++)
                {
                    using var pixels = images.narrow(0, row, 1);
                    using var image = TensorImage.Create(pixels);
                    var cell = SKRect.Create(left, Head + row * (Side + Gap), Side, Side);
                    canvas.DrawImage(image, cell, new SKSamplingOptions(SKFilterMode.Nearest));
                }
            }
        });
    }
}
