using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MnistCnn.Reporting;

internal static class EvaluationReport
{
    // Rows of each table that replaces a confusion matrix of many classes.
    private const int MaxRows = 10;

    // A file has no width; it may be shown in any terminal.
    private const int FileColumns = 80;

    private const string Corner = "actual /\npredicted";
    private const int CornerWidth = 9;

    // Longer class names are replaced by numbers in the heading of a matrix.
    private const int MaxHeadingWidth = 3;

    /// <param name="top">The k of top-k accuracy, for which <paramref name="evaluation"/> has ranks; or null.</param>
    /// <param name="isChosenOnTest">Whether the epoch of the weights was chosen by its accuracy on these images.</param>
    public static void Write(
        Architecture architecture, IReadOnlyList<string> names, Evaluation evaluation, int? top, bool isChosenOnTest,
        Func<IReadOnlyList<string>> draw, bool json)
    {
        var confusion = evaluation.ConfusionMatrix;
        var balanced = Evaluation.BalancedAccuracy(evaluation.ClassAccuracies);
        var topAccuracy = top is { } k ? evaluation.TopKAccuracy(k) : (double?)null;
        Output.Write(json, Document, WriteText, draw);

        object Document(IReadOnlyList<string> files) => new
        {
            Architecture = architecture.Name,
            evaluation.Accuracy,
            ChosenOnTestImages = isChosenOnTest,
            BalancedAccuracy = balanced,
            Top = top is null ? null : new { K = top, Accuracy = topAccuracy },
            evaluation.Loss,
            evaluation.Correct,
            evaluation.Total,
            ClassNames = names,
            Classes = evaluation.ClassMetrics.Select((metrics, number) =>
                new { Class = number, Name = names[number], metrics.Images, metrics.Precision, metrics.Recall }),
            Confusion = names.Select((_, actual) => names.Select((_, predicted) => confusion[actual, predicted])),
            Files = files,
        };

        void WriteText(IAnsiConsole console)
        {
            string?[] figures =
            [
                $"{architecture.Title}: accuracy {evaluation.Accuracy:F2} % ({evaluation.Correct:N0} of {evaluation.Total:N0})",
                TrainingText.BalancedAccuracy(evaluation.Accuracy, balanced),
                top is null ? null : $"top-{top} accuracy {topAccuracy:F2} %",
                $"loss {evaluation.Loss:F4}",
            ];
            Terminal.WriteLine(string.Join(", ", figures.Where(figure => figure is not null)));
            if (isChosenOnTest)
                Terminal.WriteLine($"The epoch of these weights was {TrainingText.ChosenOnTest}.");
            foreach (var table in CreateTables(console, names, evaluation))
                console.Write(table);
        }
    }

    /// <summary>Creates the confusion matrix or, if it is too large, the most confused pairs and the classes of lowest recall.</summary>
    public static IReadOnlyList<Table> CreateTables(IAnsiConsole console, IReadOnlyList<string> names, Evaluation evaluation)
    {
        var matrix = names.Count <= ClassName.MaxMatrixClasses ? CreateMatrix(console, names, evaluation) : null;
        return matrix is not null
            ? [matrix]
            : [CreateMostConfused(names, evaluation.ConfusionMatrix), CreateLowestRecall(names, evaluation.ClassMetrics)];
    }

    // Returns null if the matrix is wider than the terminal even with shortened names.
    private static Table? CreateMatrix(IAnsiConsole console, IReadOnlyList<string> classNames, Evaluation evaluation)
    {
        var (confusion, metrics) = (evaluation.ConfusionMatrix, evaluation.ClassMetrics);
        string[] names = [.. classNames.Select(PrintableText.Escape)];
        var isNumbered = names.Any(name => name.GetCellWidth() > MaxHeadingWidth);
        var digits = $"{names.Length - 1}".Length;
        string[] labels = [.. names.Select((name, number) => isNumbered ? $"{$"{number}".PadLeft(digits)} {name}" : name)];
        var isFile = console.Profile.Width == Terminal.Unlimited;
        var widest = labels.Max(label => Math.Max(CornerWidth, label.GetCellWidth()));
        var full = WithLabels(widest);
        var width = ((IRenderable)full).Measure(RenderOptions.Create(console, console.Profile.Capabilities), int.MaxValue).Max;
        var excess = width - (isFile ? FileColumns : console.Profile.Width);
        if (excess > 0 && widest - excess >= CornerWidth)
            return WithLabels(widest - excess);
        return excess <= 0 || isFile ? full : null;

        Table WithLabels(int labelWidth)
        {
            var matrix = new Table().Border(TableBorder.Simple).AddColumn(Corner);
            foreach (var heading in names.Select((name, number) => isNumbered ? $"{number}" : name).Append("Precision").Append("Recall"))
                matrix.AddColumn(heading.EscapeMarkup(), column => column.RightAligned().PadLeft(0).PadRight(0));
            for (var actual = 0; actual < names.Length; actual++)
                matrix.AddRow(
                [
                    new Text(ClassName.Truncate(labels[actual], labelWidth)),
                    .. names.Select((_, predicted) => new Text(confusion[actual, predicted] is > 0 and var count ? $"{count}" : ".")),
                    new Text(Percent(metrics[actual].Precision)),
                    new Text(Percent(metrics[actual].Recall)),
                ]);
            return matrix;
        }
    }

    private static Table CreateMostConfused(IReadOnlyList<string> names, int[,] confusion)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("Most confused: actual", "predicted");
        table.AddColumn("Images", column => column.RightAligned());
        var pairs =
            from actual in Enumerable.Range(0, names.Count)
            from predicted in Enumerable.Range(0, names.Count)
            where actual != predicted && confusion[actual, predicted] > 0
            orderby confusion[actual, predicted] descending
            select (actual, predicted);
        foreach (var (actual, predicted) in pairs.Take(MaxRows))
            table.AddRow(Name(names[actual]), Name(names[predicted]), new Text($"{confusion[actual, predicted]}"));
        return table;
    }

    private static Table CreateLowestRecall(IReadOnlyList<string> names, IReadOnlyList<ClassMetrics> classes)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("Lowest recall");
        foreach (var heading in new[] { "Images", "Precision", "Recall" })
            table.AddColumn(heading, column => column.RightAligned());
        var rows = names.Zip(classes).Where(row => row.Second.Images > 0).OrderBy(row => row.Second.Recall);
        foreach (var (name, metrics) in rows.Take(names.Count > ClassName.MaxMatrixClasses ? MaxRows : ClassName.MaxMatrixClasses))
            table.AddRow(
                Name(name), new Text($"{metrics.Images}"), new Text(Percent(metrics.Precision)), new Text(Percent(metrics.Recall)));
        return table;
    }

    private static Text Name(string name) => new(ClassName.Truncate(name, ClassName.MaxColumns));

    private static string Percent(double? value) => value is { } percent ? $"{percent:F2} %" : "-";
}
