using MathNet.Numerics.Statistics;

namespace MnistCnn.Charts;

/// <summary>Curves over common axes. The title states the result; axis labels include the unit.</summary>
/// <param name="IntegerAxisMax">Right end of a horizontal axis of whole numbers from 1, such as epochs; null for an automatic axis.</param>
/// <param name="LogX">Whether the horizontal axis is logarithmic, with one tick per distinct x value.</param>
/// <param name="LogY">Whether the vertical axis is logarithmic. Values of 0 or below become gaps.</param>
internal sealed record Chart(
    string Title, string XLabel, string YLabel, IReadOnlyList<Curve> Curves,
    int? IntegerAxisMax = null, bool LogX = false, bool LogY = false)
{
    public const string AccuracyLabel = "Accuracy on the test images (%)";
}

/// <summary>A curve of a chart. NaN in <paramref name="Y"/> is a gap in its line.</summary>
/// <param name="Name">Label at the end of the curve if the chart has several; an empty name draws none.</param>
internal sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>Lower edge of a band around the curve, one value per point; null for no band.</summary>
    public IReadOnlyList<double>? Low { get; init; }

    public IReadOnlyList<double>? High { get; init; }

    /// <summary>Whether the line is thin, without markers; without a line, whether the markers are small.</summary>
    public bool IsThin { get; init; }

    /// <summary>Whether a line joins the points. Off for names on the x axis, such as seeds: nothing lies between two of them.</summary>
    public bool HasLine { get; init; } = true;

    /// <summary>Texts at the points, one per point; an empty text draws nothing.</summary>
    public IReadOnlyList<string>? Marks { get; init; }

    /// <summary>Index of color, dash pattern and marker, from 0; null for the curve's index in its chart.</summary>
    public int? StyleIndex { get; init; }

    /// <summary>Returns the value at an x coordinate, or null if the curve has no point there.</summary>
    public double? ValueAt(double x) => X.Zip(Y).Where(point => point.First == x).Select(point => (double?)point.Second).SingleOrDefault();

    public static Curve OverEpochs(string name, IEnumerable<double> values) =>
        new(name, [.. values.Select((_, index) => index + 1.0)], [.. values]);

    /// <summary>Averages the values at each x coordinate, with a band from the lowest to the highest.</summary>
    public static Curve MeanWithRange(string name, IEnumerable<(double X, double Y)> points) =>
        AverageWithRange(name, points, Enumerable.Average);

    /// <summary>Like <see cref="MeanWithRange"/>, with the geometric mean: for ratios and logarithmic axes.</summary>
    public static Curve GeometricMeanWithRange(string name, IEnumerable<(double X, double Y)> points) =>
        AverageWithRange(name, points, Statistics.GeometricMean);

    /// <summary>Averages the values at each x coordinate; a second curve has a point per value.</summary>
    public static Curve[] MeanWithSamples(string name, IEnumerable<(double X, double Y)> points, int styleIndex)
    {
        (double X, double Y)[] samples = [.. points];
        return
        [
            MeanWithRange(name, samples) with { Low = null, High = null, StyleIndex = styleIndex },
            new Curve("", [.. samples.Select(point => point.X)], [.. samples.Select(point => point.Y)])
            {
                HasLine = false,
                IsThin = true,
                StyleIndex = styleIndex,
            },
        ];
    }

    private static Curve AverageWithRange(string name, IEnumerable<(double X, double Y)> points, Func<IEnumerable<double>, double> average)
    {
        var values = points.GroupBy(point => point.X, point => point.Y).OrderBy(group => group.Key).ToArray();
        return new Curve(name, [.. values.Select(group => group.Key)], [.. values.Select(average)])
        {
            Low = [.. values.Select(group => group.Min())],
            High = [.. values.Select(group => group.Max())],
        };
    }
}

/// <summary>A table of formatted results. The first column names the row.</summary>
internal sealed record ResultTable(IReadOnlyList<string> Headings, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    private IReadOnlyList<double> TestPercentages { get; init; } = [];

    /// <summary>Creates a table that ends with the mean of percentages of test images, and its deviation over the seeds.</summary>
    public static ResultTable OverTestImages(
        IReadOnlyList<string> headings, string quantity, IEnumerable<(string[] Cells, IEnumerable<double> Percentages)> rows)
    {
        var all = rows.Select(row => (row.Cells, Percentages: row.Percentages.ToArray())).ToArray();
        return new ResultTable(
            [.. headings, Wording.MeanAndDeviationHeading(quantity)],
            [.. all.Select(row => (string[])[.. row.Cells, Wording.MeanAndDeviation(row.Percentages)])])
        {
            TestPercentages = [.. all.Where(row => row.Percentages.Length > 0).Select(row => row.Percentages.Average())],
        };
    }

    /// <summary>Describes the binomial standard errors of the percentages with a test set of this size, if there are any.</summary>
    public IEnumerable<string> DescribeTestErrors(long testImages)
    {
        var errors = TestPercentages.Select(percent => Math.Round(Math.Sqrt(percent * (100 - percent) / testImages), 2)).Order().ToArray();
        var range = errors is [var least, .., var most] && least < most ? $"{least:F2} to {most:F2}" : $"{errors.FirstOrDefault():F2}";
        return errors.Length == 0 ? [] : [$"The test images add a standard error of {range} percentage points."];
    }
}

/// <summary>Grey images in rows and columns, with one heading per column. It owns the tensors.</summary>
/// <param name="Name">File name of the plot, without its extension.</param>
/// <param name="Columns">Columns from left to right: images of one size from top to bottom, (N, H, W), uint8, on the CPU.</param>
internal sealed record ImageGrid(string Name, string Title, IReadOnlyList<(string Heading, Tensor Images)> Columns) : IDisposable
{
    public void Dispose()
    {
        foreach (var (_, images) in Columns)
            images.Dispose();
    }
}
