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
    public void Ten_classes_with_long_names_fit_the_terminal_and_80_columns_of_a_file(int width)
    {
        var lines = Show(width, Answers.Fashion, Answers.Of(10));
        Assert.All(lines, line => Assert.InRange(line.GetCellWidth(), 0, Math.Min(width, 80)));
        Assert.Matches("^ is / found +0 +1 +2 +3 +4 +5 +6 +7 +8 +9 Precision +Recall$", lines[0]);
        Assert.Matches(width == 74 ? "^ 0 T-shirt/t… +912 " : "^ 0 T-shirt/top +912 ", lines[2]);
        Assert.Equal(12, lines.Length);
    }

    [Fact]
    public void Names_of_a_few_characters_head_their_columns()
    {
        var lines = Show(80, ["cat", "犬", "ox"], Answers.Of(3));
        Assert.Matches("^ is / found +cat +犬 +ox Precision +Recall$", lines[0]);
        Assert.Matches("^ 犬 ", lines[3]);
    }

    [Fact]
    public void Names_in_any_script_leave_the_columns_in_line()
    {
        var lines = Show(80, ["ein sehr langer Name einer Klasse, der nicht endet", "非常に長い名前のクラスでどこまでも続く、終わりなき名前", "a\nb\u001b[31m"], Answers.Of(3));
        Assert.Single(lines.Where((_, place) => place != 1).Select(line => line.GetCellWidth()).Distinct());
        Assert.Equal(2, lines.Count(line => line.Contains('…')));
        Assert.Contains(" 2 a b [31m ", lines[4]);
    }

    [Theory]
    [InlineData(80)]
    [InlineData(Terminal.Unlimited)]
    public void Above_20_classes_the_worst_are_told_instead_of_the_matrix(int width)
    {
        var lines = Show(width, [.. Enumerable.Range(0, 30).Select(number => $"class {number}")], Uneven(30));
        Assert.Equal(24, lines.Length);
        Assert.Matches("^ Most confused: is +found +Images$", lines[0]);
        Assert.Matches("^ class 28 +class 29 +28$", lines[2]);
        Assert.Matches("^ class 19 +class 20 +19$", lines[11]);
        Assert.Matches("^ Worst recognised +Images +Precision +Recall$", lines[12]);
        Assert.Matches(@"^ class 28 +40 +30.77 % +30.00 %$", lines[14]);
        Assert.Matches("^ class 19 +40 ", lines[23]);
    }

    [Fact]
    public void Up_to_20_classes_the_matrix_is_shown_where_it_fits()
    {
        string[] names = [.. Enumerable.Range(0, 20).Select(number => $"class {number}")];
        Assert.Equal(22, Show(Terminal.Unlimited, names, Answers.Of(20)).Length);
        Assert.Equal(22, Show(120, names, Answers.Of(20)).Length);
        var lines = Show(80, names, Answers.Of(20));
        Assert.StartsWith(" Most confused", lines[0]);
        Assert.Equal(12 + 22, lines.Length);
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
    }

    // Forty images of each class but the last, of which as many as the class's number are taken for the next class.
    private static Evaluation Uneven(int classes)
    {
        long[] labels = [.. Enumerable.Range(0, (classes - 1) * 40).Select(index => (long)(index / 40))];
        long[] predictions = [.. labels.Select((label, index) => index % 40 < label ? label + 1 : label)];
        return new Evaluation(0.5, labels, predictions, [.. labels.Select(_ => 0.5)], classes);
    }

    // The lines that are not blank.
    private static string[] Show(int width, IReadOnlyList<string> names, Evaluation evaluation)
    {
        var console = new TestConsole().Width(width);
        foreach (var table in EvaluationReport.Tables(console, names, evaluation))
            console.Write(table);
        return [.. console.Output.Split('\n').Select(line => line.TrimEnd()).Where(line => line != "").Select(line => line[1..])];
    }
}
