using System.Globalization;
using MnistCnn.Networks;
using MnistCnn.Training;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>evaluate</c> sees.</summary>
internal static class EvaluationReport
{
    // Rows of each table that stands in the place of a matrix which nobody would read.
    private const int WorstRows = 10;

    // A file has no width; it may be shown anywhere.
    private const int FileColumns = 80;

    private const string Corner = "is / found";

    // Columns of a matrix can be headed by names of up to so many characters.
    private const int LongestHeading = 3;

    /// <summary>Writes the tables, or JSON, to standard output.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="names">What the classes are called.</param>
    /// <param name="evaluation">What it did, with <see cref="Evaluation.TrueClassRanks"/> where there is a <paramref name="top"/>.</param>
    /// <param name="top">Among how many of the likeliest classes the right one is looked for too.</param>
    /// <param name="isChosenOnTest">Whether the epoch of the weights was chosen by its accuracy on these images.</param>
    /// <param name="draw">Draws the plots and returns the paths of those that could be drawn.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(
        Architecture architecture,
        IReadOnlyList<string> names,
        Evaluation evaluation,
        int? top,
        bool isChosenOnTest,
        Func<IReadOnlyList<string>> draw,
        bool json)
    {
        var results = Results(names, evaluation);
        var balanced = Evaluation.BalancedAccuracy(evaluation.ClassAccuracies);
        var topAccuracy = top is { } count ? evaluation.TopKAccuracy(count) : (double?)null;
        var confusion = evaluation.ConfusionMatrix;
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
            Classes = results,
            Confusion = results.Select(truth => results.Select(found => confusion[truth.Class, found.Class])),
            Files = files,
        };
        Output.Write(
            json,
            Document,
            console =>
            {
                Console.Out.WriteLine(string.Join(", ", new[]
                {
                    $"{architecture.Title}: accuracy {evaluation.Accuracy:F2} % ({evaluation.Correct:N0} of {evaluation.Total:N0})",
                    TrainingText.Balanced(evaluation.Accuracy, balanced),
                    top is null ? null : $"among the {top} likeliest {topAccuracy:F2} %",
                    $"loss {evaluation.Loss:F4}",
                }.Where(figure => figure is not null)));
                if (isChosenOnTest)
                    Console.Out.WriteLine($"The epoch of these weights was {TrainingText.ChosenOnTest}.");
                foreach (var table in Tables(console, names, evaluation))
                    console.Write(table);
            },
            draw);
    }

    /// <summary>
    /// The confusion matrix, where there are not too many classes to read it and it fits the terminal. Otherwise, what was confused most
    /// and the classes that were recognised worst.
    /// </summary>
    public static IReadOnlyList<Table> Tables(IAnsiConsole console, IReadOnlyList<string> names, Evaluation evaluation)
    {
        var results = Results(names, evaluation);
        var confusion = evaluation.ConfusionMatrix;
        return (names.Count <= ClassText.FewClasses ? Matrix(console, results, confusion) : null) is { } matrix
            ? [matrix]
            : [MostConfused(names, confusion), WorstRecognised(results)];
    }

    // What a class was taken for, and beside it how far its name can be trusted and how much of it was found. Null where it is wider
    // than the terminal even with the names cut.
    private static Table? Matrix(IAnsiConsole console, ClassResult[] results, int[,] confusion)
    {
        var isNumbered = results.Any(row => ClassText.Line(row.Name).GetCellWidth() > LongestHeading);
        string[] headings = [.. results.Select(row => isNumbered ? Number(row) : ClassText.Line(row.Name))];
        string[] labels = [.. results.Select(row => isNumbered ? $"{Number(row).PadLeft(Number(results[^1]).Length)} {row.Name}" : row.Name)];
        var isFile = console.Profile.Width == Terminal.Unlimited;
        var longest = labels.Append(Corner).Max(label => ClassText.Line(label).GetCellWidth());
        var natural = WithLabels(longest);
        var over = ((IRenderable)natural).Measure(RenderOptions.Create(console, console.Profile.Capabilities), int.MaxValue).Max - (isFile ? FileColumns : console.Profile.Width);
        if (over > 0 && longest - over >= Corner.Length)
            return WithLabels(longest - over);
        return over <= 0 || isFile ? natural : null;

        Table WithLabels(int width)
        {
            var matrix = new Table().Border(TableBorder.Simple).AddColumn(Corner);
            foreach (var heading in headings.Append("Precision").Append("Recall"))
                matrix.AddColumn(heading.EscapeMarkup(), column => column.RightAligned().PadLeft(0).PadRight(0));
            foreach (var row in results)
                matrix.AddRow(
                [
                    new Text(ClassText.Line(labels[row.Class], width)),
                    .. results.Select(found => new Text(confusion[row.Class, found.Class] == 0 ? "." : $"{confusion[row.Class, found.Class]}")),
                    new Text(Percent(row.Precision)),
                    new Text(Percent(row.Recall)),
                ]);
            return matrix;
        }
    }

    private static Table MostConfused(IReadOnlyList<string> names, int[,] confusion)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("Most confused: is", "found");
        table.AddColumn("Images", column => column.RightAligned());
        var pairs = Enumerable.Range(0, names.Count)
            .SelectMany(truth => Enumerable.Range(0, names.Count).Select(found => (Truth: truth, Found: found, Count: confusion[truth, found])))
            .Where(pair => pair.Truth != pair.Found && pair.Count > 0)
            .OrderByDescending(pair => pair.Count).Take(WorstRows);
        foreach (var (truth, found, count) in pairs)
            table.AddRow(Name(names[truth]), Name(names[found]), new Text($"{count}"));
        return table;
    }

    private static Table WorstRecognised(ClassResult[] results)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("Worst recognised");
        foreach (var heading in new[] { "Images", "Precision", "Recall" })
            table.AddColumn(heading, column => column.RightAligned());
        foreach (var row in results.Where(row => row.Images > 0).OrderBy(row => row.Recall).Take(results.Length > ClassText.FewClasses ? WorstRows : ClassText.FewClasses))
            table.AddRow(Name(row.Name), new Text($"{row.Images}"), new Text(Percent(row.Precision)), new Text(Percent(row.Recall)));
        return table;
    }

    private static ClassResult[] Results(IReadOnlyList<string> names, Evaluation evaluation)
    {
        var confusion = evaluation.ConfusionMatrix;
        var recalls = evaluation.ClassAccuracies;
        var (images, found) = (new int[names.Count], new int[names.Count]);
        for (var truth = 0; truth < names.Count; truth++)
            for (var other = 0; other < names.Count; other++)
            {
                images[truth] += confusion[truth, other];
                found[other] += confusion[truth, other];
            }

        return
        [
            .. names.Select((name, number) => new ClassResult(
                number, name, images[number], found[number] == 0 ? null : 100.0 * confusion[number, number] / found[number], recalls[number])),
        ];
    }

    private static Text Name(string name) => new(ClassText.Line(name, ClassText.LongestName));

    private static string Number(ClassResult row) => row.Class.ToString(CultureInfo.InvariantCulture);

    private static string Percent(double? value) => value is { } percent ? $"{percent:F2} %" : "-";

    private sealed record ClassResult(int Class, string Name, int Images, double? Precision, double? Recall);
}
