using MnistCnn.Runs;
using MnistCnn.Training;
using Spectre.Console;
using static System.FormattableString;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>evaluate</c> sees.</summary>
public static class EvaluationReport
{
    /// <summary>Writes the tables, or JSON, to standard output.</summary>
    /// <param name="model">The network.</param>
    /// <param name="evaluation">What it did.</param>
    /// <param name="files">The paths of what was drawn.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(TrainedNetwork model, Evaluation evaluation, IReadOnlyList<string> files, bool json)
    {
        var confusion = evaluation.Confusion;
        var digits = Enumerable.Range(0, evaluation.Classes).ToArray();
        var classes = digits.Select(digit => new
        {
            Class = digit,
            Images = digits.Sum(found => confusion[digit, found]),
            Precision = Percent(confusion[digit, digit], digits.Sum(truth => confusion[truth, digit])),
            Recall = Percent(confusion[digit, digit], digits.Sum(found => confusion[digit, found])),
        }).ToArray();

        var document = new
        {
            Architecture = model.Architecture.Name,
            evaluation.Accuracy,
            evaluation.Loss,
            evaluation.Correct,
            evaluation.Total,
            Classes = classes,
            Confusion = digits.Select(truth => digits.Select(found => confusion[truth, found])),
            Files = files,
        };
        // What a class was taken for, and beside it how far its name can be trusted and how much of it was found.
        var table = new Table().Border(TableBorder.Simple).AddColumn("is / found");
        foreach (var heading in model.ClassNames.Append("Precision").Append("Recall"))
            table.AddColumn(heading, column => column.RightAligned().PadLeft(0).PadRight(0));
        foreach (var row in classes)
            table.AddRow(
            [
                new Text(model.ClassNames[row.Class]),
                .. digits.Select(found => new Text(confusion[row.Class, found] == 0 ? "." : $"{confusion[row.Class, found]}")),
                new Text(row.Precision is { } precision ? Invariant($"{precision:F2} %") : "-"),
                new Text(row.Recall is { } recall ? Invariant($"{recall:F2} %") : "-"),
            ]);
        Output.Write(
            json,
            document,
            console =>
            {
                Console.Out.WriteLine(Invariant(
                    $"{model.Architecture.Title}: accuracy {evaluation.Accuracy:F2} % ({evaluation.Correct:N0} of {evaluation.Total:N0}), loss {evaluation.Loss:F4}"));
                console.Write(table);
            },
            files);
    }

    private static double? Percent(int part, int whole) => whole == 0 ? null : 100.0 * part / whole;
}
