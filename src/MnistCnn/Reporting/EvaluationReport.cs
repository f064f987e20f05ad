using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Training;
using Spectre.Console;
using static System.FormattableString;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>evaluate</c> sees.</summary>
public static class EvaluationReport
{
    /// <summary>Writes the tables, or JSON, to standard output.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="evaluation">What it did.</param>
    /// <param name="files">The paths of what was drawn.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(Architecture architecture, Evaluation evaluation, IReadOnlyList<string> files, bool json)
    {
        var confusion = evaluation.Confusion;
        var digits = Enumerable.Range(0, MnistData.Classes).ToArray();
        var classes = digits.Select(digit => new
        {
            Class = digit,
            Images = digits.Sum(found => confusion[digit, found]),
            Precision = Percent(confusion[digit, digit], digits.Sum(truth => confusion[truth, digit])),
            Recall = Percent(confusion[digit, digit], digits.Sum(found => confusion[digit, found])),
        }).ToArray();

        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Architecture = architecture.Name,
                    evaluation.Accuracy,
                    evaluation.Loss,
                    evaluation.Correct,
                    evaluation.Total,
                    Classes = classes,
                    Confusion = digits.Select(truth => digits.Select(found => confusion[truth, found])),
                    Files = files,
                },
                JsonFormat.Indented));
            return;
        }

        Console.Out.WriteLine(Invariant(
            $"{architecture.Title}: accuracy {evaluation.Accuracy:F2} % ({evaluation.Correct:N0} of {evaluation.Total:N0}), loss {evaluation.Loss:F4}"));

        // What a digit was taken for, and beside it how far its name can be trusted and how much of it was found.
        var table = new Table().Border(TableBorder.Simple).AddColumn("is / found");
        foreach (var heading in digits.Select(digit => $"{digit}").Append("Precision").Append("Recall"))
            table.AddColumn(heading, column => column.RightAligned().PadLeft(0).PadRight(0));
        foreach (var row in classes)
            table.AddRow(
            [
                new Text($"{row.Class}"),
                .. digits.Select(found => new Text(confusion[row.Class, found] == 0 ? "." : $"{confusion[row.Class, found]}")),
                new Text(row.Precision is { } precision ? Invariant($"{precision:F2} %") : "-"),
                new Text(row.Recall is { } recall ? Invariant($"{recall:F2} %") : "-"),
            ]);
        Terminal.Of(Console.Out).Write(table);
        foreach (var file in files)
            Console.Out.WriteLine(file);
    }

    private static double? Percent(int part, int whole) => whole == 0 ? null : 100.0 * part / whole;
}
