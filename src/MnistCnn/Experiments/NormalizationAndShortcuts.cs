using MnistCnn.Charts;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Experiments;

/// <summary>
/// Separates what keeps gradients alive from what makes depth pay: stacks of blocks with and without shortcuts, batch normalization and
/// He's initial weights. Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.1, which argues that batch
/// normalization keeps the gradients of deep plain networks healthy, so that vanishing gradients are not the cause of degradation.
/// </summary>
internal sealed class NormalizationAndShortcuts() : StackExperiment(
    "normalization",
    "Batch normalization or He's initial weights keep gradients alive too, but only shortcuts make depth pay.",
    full: new ExperimentSettings(Seeds: 5, Epochs: 1, TrainLimit: 19_200, TestLimit: 1_000),
    quick: new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 1_280, TestLimit: 100, Quick: true))
{
    private static readonly string[] AllWeights = [PyTorch, He];
    private static readonly string[] StackTypes = [Plain, Residual, NormalizedPlain, NormalizedResidual];

    protected override IEnumerable<(string Network, int Blocks, string Weights)> Stacks(bool isQuick) =>
        from blocks in isQuick ? new[] { 8, 28 } : [8, 16, 28]
        from weights in AllWeights
        from type in StackTypes
        select (type, blocks, weights);

    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<StackRow> rows)
    {
        var (shallow, deep) = (rows.Select(row => row.Blocks).DefaultIfEmpty().Min(), DeepestOf(rows));
        return
        [
            new(
            [
                CompareGradients(rows, PyTorch),
                Effect.Ratio(
                    $"The first gradient of {deep} plain blocks with batch normalization is", "the last one",
                    Norms(rows, NormalizedPlain), Norms(rows, NormalizedPlain, layer: 2 * deep), 1 / Vanished),
            ], "batch normalization"),
            new(
            [
                Effect.Ratio(
                    $"He's initial weights make the first gradient of {deep} plain blocks", "as large as PyTorch's",
                    Norms(rows, Plain, weights: He), Norms(rows, Plain), Vanished),
                Effect.Ratio(
                    $"The first gradient of {deep} plain blocks with He's initial weights is", "the last one",
                    Norms(rows, Plain, weights: He), Norms(rows, Plain, 2 * deep, He), 1 / Vanished),
            ], "He's initial weights"),
            new(
            [
                CompareErrors(rows, PyTorch, NormalizedPlain, deep, NormalizedResidual, deep),
                CompareErrors(rows, PyTorch, NormalizedPlain, deep, NormalizedPlain, shallow),
                CompareErrors(rows, PyTorch, NormalizedResidual, shallow, NormalizedResidual, deep),
            ], "shortcuts"),
        ];
    }

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<StackRow> rows)
    {
        var deep = DeepestOf(rows);
        return
        [
            [
                .. from weights in AllWeights
                   let curves = CreateCurves(
                       rows.Where(row => row.Weights == weights && row.Step == 0 && row.Blocks == deep),
                       (name, stack, index) => [CreateGradientCurve(name, stack) with { StyleIndex = index }])
                   select new Chart(
                       $"{weights}'s initial weights: {CompareGradients(rows, weights).Finding}",
                       $"Convolutions back from the output of {deep} blocks",
                       "Norm of the gradient before training, geometric mean", curves, LogY: true),
            ],
            [
                .. from weights in AllWeights
                   let curves = CreateCurves(
                       rows.Where(row => row.Weights == weights && row is { TrainError: not null, Layer: 1 }),
                       (name, stack, index) =>
                           Curve.MeanWithSamples(name, stack.Select(row => ((double)row.Blocks, row.TrainError!.Value)), index))
                   select new Chart(
                       $"{weights}'s initial weights: "
                           + CompareErrors(rows, weights, NormalizedPlain, deep, NormalizedResidual, deep).Finding,
                       "Blocks of two convolutions",
                       $"Training error after {rows.Max(row => row.Step)} steps (%), one point per seed", curves, LogX: true),
            ],
        ];
    }

    protected override ResultTable Table(IReadOnlyList<StackRow> rows)
    {
        var last = rows.Select(row => row.Step).DefaultIfEmpty().Max();
        return new ResultTable(
            [
                "Blocks", "Initial weights", "First gradient", "Last gradient", $"First after {last} steps",
                MeanAndDeviationHeading("Training error"),
            ],
            [
                .. from stack in rows.GroupBy(row => (row.Blocks, row.Network, row.Weights))
                   select new[]
                   {
                       $"{stack.Key.Blocks} {stack.Key.Network}",
                       stack.Key.Weights,
                       MeanNorm(stack, 0, 1),
                       MeanNorm(stack, 0, 2 * stack.Key.Blocks),
                       MeanNorm(stack, last, 1),
                       ErrorOf([.. stack.Where(row => row.Layer == 1)]),
                   },
            ]);
    }

    // A training without an error diverged.
    private static string ErrorOf(IReadOnlyList<StackRow> stack)
    {
        var errors = stack.Select(row => row.TrainError).OfType<double>().ToArray();
        var trainings = stack.Count(row => row.Step == 0);
        return errors.Length == trainings ? MeanAndDeviation(errors)
            : errors.Length == 0 ? "diverged"
            : $"{MeanAndDeviation(errors)} ({trainings - errors.Length} of {trainings} diverged)";
    }

    private static Effect CompareGradients(IReadOnlyList<StackRow> rows, string weights) => Effect.Ratio(
        $"Batch normalization makes the first gradient of {DeepestOf(rows)} plain blocks", "as large",
        Norms(rows, NormalizedPlain, weights: weights), Norms(rows, Plain, weights: weights), Vanished);

    // Errors of the training images.
    private static Effect CompareErrors(
        IReadOnlyList<StackRow> rows, string weights, string higher, int higherBlocks, string lower, int lowerBlocks)
    {
        return Effect.Difference(
            $"The training error of {higherBlocks} {higher} blocks ends", $"the error of {lowerBlocks} {lower} blocks",
            Errors(higher, higherBlocks), Errors(lower, lowerBlocks));

        IEnumerable<(long, double)> Errors(string network, int blocks) =>
            from row in rows
            where row is { TrainError: not null, Layer: 1 } && (row.Network, row.Weights, row.Blocks) == (network, weights, blocks)
            select (row.Seed, row.TrainError!.Value);
    }

    // In the order of the stack types, with the same style in all charts.
    private static Curve[] CreateCurves(
        IEnumerable<StackRow> rows, Func<string, IEnumerable<StackRow>, int, IEnumerable<Curve>> create) =>
    [
        .. from type in StackTypes.Index()
           let stack = rows.Where(row => row.Network == type.Item).ToArray()
           where stack.Length > 0
           from curve in create(type.Item, stack, type.Index)
           select curve,
    ];
}
