using MnistCnn.Reporting;
using MnistCnn.Training;
using Spectre.Console;
using Spectre.Console.Testing;

namespace MnistCnn.Tests.Reporting;

public sealed class EvaluationReportTests
{
    [Theory]
    [InlineData(80)]
    [InlineData(74)]
    [InlineData(120)]
    [InlineData(Terminal.Unlimited)]
    public void A_matrix_of_ten_classes_with_long_names_fits_the_terminal_and_80_columns_in_a_file(int width)
    {
        var lines = Show(width, Answers.Fashion, Answers.Of(10));
        Assert.All(lines, line => Assert.InRange(line.GetCellWidth(), 0, Math.Min(width, 80)));
        Assert.Matches("^ actual / +0 +1 +2 +3 +4 +5 +6 +7 +8 +9 Precision +Recall$", lines[0]);
        Assert.Matches(width == 74 ? "^ 0 T-shirt/t… +912 " : "^ 0 T-shirt/top +912 ", lines[3]);
        Assert.Equal(13, lines.Length);
    }

    [Fact]
    public void Short_class_names_are_the_headings_of_their_columns()
    {
        var lines = Show(80, ["cat", "犬", "ox"], Answers.Of(3));
        Assert.Matches("^ actual / +cat +犬 +ox Precision +Recall$", lines[0]);
        Assert.Matches("^ 犬 ", lines[4]);
    }

    [Fact]
    public void Columns_stay_aligned_with_class_names_in_any_script()
    {
        string[] names = ["ein sehr langer Name einer Klasse, der nicht endet", "非常に長い名前のクラスでどこまでも続く、終わりなき名前", "a\nb\u001b[31m"];
        var lines = Show(80, names, Answers.Of(3));
        Assert.Single(lines.Where((_, index) => index is not (1 or 2)).Select(line => line.GetCellWidth()).Distinct());
        Assert.Equal(2, lines.Count(line => line.Contains('…')));
        Assert.Contains(@" 2 a\nb\u001b[31m ", lines[5]);
    }

    [Theory]
    [InlineData(80)]
    [InlineData(Terminal.Unlimited)]
    public void Above_20_classes_two_short_tables_replace_the_matrix(int width)
    {
        var lines = Show(width, [.. Enumerable.Range(0, 30).Select(number => $"class {number}")], Uneven(30));
        Assert.Equal(24, lines.Length);
        Assert.Matches("^ Most confused: actual +predicted +Images$", lines[0]);
        Assert.Matches("^ class 28 +class 29 +28$", lines[2]);
        Assert.Matches("^ class 19 +class 20 +19$", lines[11]);
        Assert.Matches("^ Lowest recall +Images +Precision +Recall$", lines[12]);
        Assert.Matches(@"^ class 28 +40 +30.77 % +30.00 %$", lines[14]);
        Assert.Matches("^ class 19 +40 ", lines[23]);
    }

    [Fact]
    public void Up_to_20_classes_the_matrix_is_shown_if_it_fits()
    {
        string[] names = [.. Enumerable.Range(0, 20).Select(number => $"class {number}")];
        Assert.Equal(23, Show(Terminal.Unlimited, names, Answers.Of(20)).Length);
        Assert.Equal(23, Show(120, names, Answers.Of(20)).Length);
        var lines = Show(80, names, Answers.Of(20));
        Assert.StartsWith(" Most confused", lines[0]);
        Assert.Equal(12 + 22, lines.Length);
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
    }

    // Forty images of every class but the last; of class N, N images are predicted as class N + 1.
    private static Evaluation Uneven(int classes)
    {
        long[] labels = [.. Enumerable.Range(0, (classes - 1) * 40).Select(index => (long)(index / 40))];
        long[] predictions = [.. labels.Select((label, index) => index % 40 < label ? label + 1 : label)];
        return new Evaluation(0.5, labels, predictions, [.. labels.Select(_ => 0.5)], classes);
    }

    // Lines that are not blank.
    private static string[] Show(int width, IReadOnlyList<string> names, Evaluation evaluation)
    {
        var console = new TestConsole().Width(width);
        foreach (var table in EvaluationReport.CreateTables(console, names, evaluation))
            console.Write(table);
        return [.. console.Output.Split('\n').Select(line => line.TrimEnd()).Where(line => line != "").Select(line => line[1..])];
    }
}
