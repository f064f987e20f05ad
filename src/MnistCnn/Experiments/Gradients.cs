using MnistCnn.Charts;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Experiments;

/// <summary>Measures the gradient in every layer of plain and residual stacks of blocks, before and after some training.</summary>
internal sealed class Gradients() : StackExperiment(
    "gradients",
    "In a deep network the gradient vanishes, and shortcuts keep it alive.",
    full: new ExperimentSettings(Seeds: 5, Epochs: 1, TrainLimit: 19_200),
    quick: new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 3_200, TestLimit: 1_000, Quick: true))
{
    private static readonly (string Name, string CurveName)[] StackTypes = [(Residual, "with shortcuts"), (Plain, "without shortcuts")];

    protected override IEnumerable<(string Network, int Blocks, string Weights)> Stacks(bool isQuick) =>
        from blocks in isQuick ? new[] { 2, 8, 32 } : [2, 4, 8, 16, 32, 64]
        from type in StackTypes
        select (type.Name, blocks, PyTorch);

    // In the deepest stacks, before training.
    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<StackRow> rows)
    {
        var blocks = DeepestOf(rows);
        return
        [
            new(
            [
                Effect.Ratio(
                    $"In {blocks} plain blocks, the gradient of the last convolution is", "the one of the first",
                    Norms(rows, Plain, 2 * blocks), Norms(rows, Plain), Vanished),
                Effect.Ratio(
                    $"The gradient of the first convolution of {blocks} residual blocks is", $"the one of {blocks} plain blocks",
                    Norms(rows, Residual), Norms(rows, Plain), Vanished),
            ]),
        ];
    }

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<StackRow> rows) =>
        [[CreateGradientChart(rows), CreateAccuracyChart(rows)]];

    protected override ResultTable Table(IReadOnlyList<StackRow> rows)
    {
        var last = rows.Select(row => row.Step).DefaultIfEmpty().Max();
        return ResultTable.OverTestImages(
            ["Stack", "First gradient", $"After {last} steps"],
            "Accuracy",
            from stack in rows.GroupBy(row => (row.Blocks, row.Network))
            let end = FirstLayers(stack, stack.Key.Network, last).ToArray()
            orderby stack.Key
            select (
                new[]
                {
                    $"{stack.Key.Blocks} {stack.Key.Network} blocks",
                    MeanNorm(stack, step: 0, layer: 1),
                    MeanNorm(stack, last, layer: 1),
                },
                end.Select(row => row.TestAccuracy).OfType<double>()));
    }

    // In the direction of backpropagation: from the output of the stack to its input.
    private static Chart CreateGradientChart(IReadOnlyList<StackRow> rows)
    {
        var blocks = DeepestOf(rows);
        var deepest = rows.Where(row => row.Step == 0 && row.Blocks == blocks).ToArray();
        var curves = StackTypes
            .Select(stack => CreateGradientCurve(stack.CurveName, deepest.Where(row => row.Network == stack.Name)))
            .Where(curve => curve.Y.Count > 0).ToArray();
        var left = curves.Select(curve => $"{FormatFraction(curve.Y[^1] / curve.Y[0])} {curve.Name}");
        return new Chart(
            $"The rest of the gradient after {blocks} untrained blocks: {string.Join(", ", left)}",
            "Convolutions back from the output of the stack",
            "Norm of the gradient of a convolution's weights, geometric mean",
            [.. curves.Select(curve => curve.Y.Contains(0) ? curve with { Name = $"{curve.Name}, then 0" } : curve)],
            LogY: true);
    }

    private static string FormatFraction(double fraction) =>
        fraction == 0 || !double.IsFinite(fraction) ? "nothing"
        : fraction < 0.001 ? PowerOfTen(Math.Log10(fraction))
        : $"{100 * fraction:G2} %";

    private static Chart CreateAccuracyChart(IReadOnlyList<StackRow> rows)
    {
        var step = rows.Max(row => row.Step);
        var curves = (
            from stack in StackTypes
            let measured = FirstLayers(rows, stack.Name, step).Where(row => row.TestAccuracy is not null).ToArray()
            where measured.Length > 0
            select Curve.MeanWithRange(stack.CurveName, measured.Select(row => ((double)row.Blocks, row.TestAccuracy!.Value)))).ToArray();
        var most = rows.Max(row => row.Blocks);
        var deepest = curves.Where(curve => curve.X[^1] == most).Select(curve => $"{curve.Y[^1]:F0} % {curve.Name}");
        var title = $"After {step} steps, {most} blocks reach {string.Join(", ", deepest)}";
        return new Chart(title, "Blocks of two convolutions", Chart.AccuracyLabel, curves, LogX: true);
    }

    private static IEnumerable<StackRow> FirstLayers(IEnumerable<StackRow> rows, string network, long step) =>
        rows.Where(row => row.Network == network && row.Step == step && row.Layer == 1);
}
