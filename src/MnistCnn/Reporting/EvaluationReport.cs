using MnistCnn.Runs;
using MnistCnn.Training;
using Spectre.Console;
using static System.FormattableString;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>evaluate</c> sees.</summary>
internal static class EvaluationReport
{
    /// <summary>Writes the tables, or JSON, to standard output.</summary>
    /// <param name="model">The network.</param>
    /// <param name="evaluation">What it did.</param>
    /// <param name="files">The paths of what was drawn.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(TrainedNetwork model, Evaluation evaluation, IReadOnlyList<string> files, bool json)
    {
        var confusion = evaluation.Confusion;
        var numbers = Enumerable.Range(0, evaluation.Classes).ToArray();
        ClassResult[] classes =
        [
            .. numbers.Select(number => new ClassResult(
                number,
                numbers.Sum(found => confusion[number, found]),
                Percent(confusion[number, number], numbers.Sum(truth => confusion[truth, number])),
                Percent(confusion[number, number], numbers.Sum(found => confusion[number, found])))),
        ];
        var document = new
        {
            Architecture = model.Architecture.Name,
            evaluation.Accuracy,
            evaluation.Loss,
            evaluation.Correct,
            evaluation.Total,
            Classes = classes,
            Confusion = numbers.Select(truth => numbers.Select(found => confusion[truth, found])),
            Files = files,
        };
        Output.Write(
            json,
            document,
            console =>
            {
                Console.Out.WriteLine(Invariant(
                    $"{model.Architecture.Title}: accuracy {evaluation.Accuracy:F2} % ({evaluation.Correct:N0} of {evaluation.Total:N0}), loss {evaluation.Loss:F4}"));
                console.Write(Table(model.ClassNames, classes, confusion));
            },
            files);
    }

    // What a class was taken for, and beside it how far its name can be trusted and how much of it was found.
    private static Table Table(IReadOnlyList<string> names, ClassResult[] classes, int[,] confusion)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("is / found");
        foreach (var heading in names.Append("Precision").Append("Recall"))
            table.AddColumn(heading.EscapeMarkup(), column => column.RightAligned().PadLeft(0).PadRight(0));
        foreach (var row in classes)
            table.AddRow(
            [
                new Text(names[row.Class]),
                .. classes.Select(found => new Text(confusion[row.Class, found.Class] == 0 ? "." : $"{confusion[row.Class, found.Class]}")),
                new Text(row.Precision is { } precision ? Invariant($"{precision:F2} %") : "-"),
                new Text(row.Recall is { } recall ? Invariant($"{recall:F2} %") : "-"),
            ]);
        return table;
    }

    private static double? Percent(int part, int whole) => whole == 0 ? null : 100.0 * part / whole;

    private sealed record ClassResult(int Class, int Images, double? Precision, double? Recall);
}
