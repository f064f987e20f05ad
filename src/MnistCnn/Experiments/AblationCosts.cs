using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Experiments;

/// <summary>
/// Switches off each branch, each shortcut and each residual block of the bundled networks and evaluates the rest, without training.
/// Ten groups of the test images take the place of the seeds: intervals cover the images, not the training.
/// </summary>
internal sealed class AblationCosts() : Experiment<AblationRow>(
    "ablation",
    "The bundled networks need each of their branches, shortcuts and residual blocks.",
    full: new ExperimentSettings(Seeds: 1, Epochs: 0, TrainLimit: 1),
    quick: new ExperimentSettings(Seeds: 1, Epochs: 0, TrainLimit: 1, TestLimit: 2_000, Quick: true))
{
    private const int Groups = 10;
    private const string Repetition = "test group", Whole = "whole", Shortcut = "shortcut", ResidualBranch = "layers";

    private static readonly Architecture[] Networks = [.. ModelLocator.Bundled.Select(name => Architecture.Find(name)!)];

    public override bool Trains => false;

    public override IEnumerable<Trial<AblationRow>> Trials(ExperimentSettings settings, NetworkShape shape) => shape == NetworkShape.Mnist
        ? from architecture in Networks select new Trial<AblationRow>(architecture.Title, 1, context => Measure(architecture, context))
        : throw new UserException(
            $"The bundled networks take images of {NetworkShape.Mnist.Input} and {NetworkShape.Mnist.Classes} classes, not of "
            + $"{shape.Input} and {shape.Classes} classes.");

    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<AblationRow> rows) =>
    [
        .. from network in Networks
           let effects = CompareParts(rows, network.Title)
           select new Verdict(effects.Length > 0 ? effects : [Compare(rows, network.Title, "each block", "parts")], network.Title),
    ];

    protected override ResultTable Table(IReadOnlyList<AblationRow> rows) => ResultTable.OverTestImages(
        ["Network", "Switched off"],
        "Accuracy",
        from row in rows
        group row by (row.Network, row.Block, row.Part) into part
        let off = part.Key.Part == Whole ? "nothing" : $"{part.Key.Block}: {part.Key.Part}"
        select (new[] { part.Key.Network, off }, part.Select(row => row.Accuracy)));

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<AblationRow> rows) =>
    [
        [
            .. from network in rows.GroupBy(row => row.Network)
               let blocks = network.Select(row => row.Block).Where(block => block != Whole).Distinct().ToArray()
               let worst = CompareParts(rows, network.Key).MaxBy(effect => effect.Mean)
               let whole = network.Where(row => row.Part == Whole).Average(row => row.Accuracy)
               let parts = from part in network.Where(row => row.Part != Whole).GroupBy(row => row.Part)
                           select Curve.MeanWithRange(
                               $"without {part.Key}", part.Select(row => (Array.IndexOf(blocks, row.Block) + 1.0, row.Accuracy))) with
                           {
                               HasLine = false,
                           }
               select new Chart(
                   worst?.Finding ?? network.Key, $"Block, counted from the input: {string.Join(", ", blocks)}", Chart.AccuracyLabel,
                   [new Curve(Whole, [1, blocks.Length], [whole, whole]), .. parts], blocks.Length),
        ],
    ];

    private static IReadOnlyList<AblationRow> Measure(Architecture architecture, TrialContext context)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var trained = ModelLocator.Load(null, architecture, context.Device);
        trained.Network.eval();
        return
        [
            .. from part in FindParts(trained, context.Data.Test.Images)
               from testGroup in Evaluate(part.Overrides).Index().GroupBy(
                   image => image.Index * Groups / (int)context.Data.Test.Count + 1, image => image.Item ? 100.0 : 0)
               select new AblationRow(architecture.Title, part.Block, part.Part, testGroup.Key, testGroup.Average()),
        ];

        // Whether each test image is classified correctly.
        List<bool> Evaluate(InputOverride[] overrides)
        {
            List<bool> correct = [];
            for (var start = 0L; start < context.Data.Test.Count; start += Evaluator.BatchSize)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                using var batchScope = NewDisposeScope();
                var batch = context.Data.Test.Slice(start, Math.Min(Evaluator.BatchSize, context.Data.Test.Count - start));
                var images = trained.Normalization.Apply(batch.Images).to(context.Device);
                var predictions = ActivationTrace.Run(trained.Network, images, overrides).Logits.argmax(1).cpu();
                correct.AddRange((predictions == batch.Labels).data<bool>());
            }

            return correct;
        }
    }

    private static List<(string Block, string Part, InputOverride[] Overrides)> FindParts(TrainedNetwork trained, Tensor images)
    {
        using var scope = NewDisposeScope();
        var trace = ActivationTrace.Run(trained.Network, trained.Normalization.Apply(images.narrow(0, 0, 0)));
        List<(string, string, InputOverride[])> parts = [(Whole, Whole, [])];
        foreach (var ablation in Ablation.Find(trained.Network, trace.Nodes))
        {
            var off = ablation.Override;
            if (ablation.Kind == AblationKind.Branch)
                parts.Add((ablation.Block, ablation.BranchName(trace), [off]));
            if (ablation.Kind == AblationKind.Shortcut)
                parts.AddRange([(ablation.Block, Shortcut, [off]), (ablation.Block, ResidualBranch, [off with { Input = 1 - off.Input }])]);
        }

        return parts;
    }

    private static Effect[] CompareParts(IReadOnlyList<AblationRow> rows, string network) =>
    [
        .. from part in rows.Where(row => row.Network == network && row.Part != Whole).Select(row => (row.Block, row.Part)).Distinct()
           select Compare(rows, network, part.Block, part.Part),
    ];

    private static Effect Compare(IReadOnlyList<AblationRow> rows, string network, string block, string part) => Effect.Difference(
        $"With the {part} of {block}, {network} is", $"{network} without",
        rows.Where(row => row.Network == network && row.Part == Whole).Select(row => (row.Seed, row.Accuracy)),
        rows.Where(row => row.Network == network && row.Part == part && row.Block == block).Select(row => (row.Seed, row.Accuracy)))
        with
    { Repetition = Repetition };
}

/// <summary>A bundled network with a part switched off, on a tenth of the test images.</summary>
/// <param name="Block">Name of the block; "whole" if nothing is switched off.</param>
/// <param name="Part">The part of the block: its shortcut, its layers or the last layer of a branch.</param>
/// <param name="Group">Number of the group of test images, from 1.</param>
/// <param name="Accuracy">Accuracy in percent.</param>
internal sealed record AblationRow(string Network, string Block, string Part, int Group, double Accuracy) : IMeasuredRow
{
    [JsonIgnore]
    public long Seed => Group;
}
