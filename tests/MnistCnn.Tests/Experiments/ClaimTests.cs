using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Runs;

namespace MnistCnn.Tests.Experiments;

/// <summary>Verdicts of each experiment from invented rows: with the claim, against it, and too few.</summary>
public sealed class ClaimTests
{
    [Fact]
    public void Gradients_that_vanish_without_shortcuts_alone_bear_the_claim_out()
    {
        Assert.Equal(VerdictOutcome.Supported, Of(plain: 1e-27f, residual: 0.2).Outcome);
        Assert.Equal(VerdictOutcome.NotSupported, Of(plain: 0.1, residual: 0.2).Outcome);
        Assert.Equal(VerdictOutcome.NotSupported, Of(plain: 1e-27, residual: 1e-27).Outcome);
        Assert.Equal("Supported", Of(plain: 0, residual: 0.2).Heading);
        Assert.Equal("Not supported", Of(plain: 0, residual: 0).Heading);
        Assert.Contains("of 32 residual blocks", Of(plain: 0, residual: 0).Text);

        Verdict Of(double plain, double residual) => ConcludeSingleVerdict("gradients",
            from seed in Seeds
            from blocks in new[] { 2, 32 }
            from network in new[] { (Name: "plain", First: plain), (Name: "residual", First: residual) }
            from layer in Enumerable.Range(1, 2 * blocks)
            let norm = blocks == 2 || layer > 1 ? 0.3 : network.First * (1 + 0.1 * seed)
            select new StackRow(network.Name, blocks, seed, 0, layer, norm, null));
    }

    [Fact]
    public void Each_network_with_shortcuts_must_be_above_its_twin_in_the_mean_and_at_the_end()
    {
        Assert.All(Of(early: 60, late: 97), verdict => Assert.Equal("Supported", verdict.Heading));
        Assert.StartsWith(
            "Supported for Residual and Residual's plain twin: Averaged over the epochs, Residual is ", Of(early: 33, late: 97)[0].Text);
        var higherLater = Of(early: 80, late: 88);
        Assert.StartsWith(
            "Not supported for Residual and Residual's plain twin: Residual ends 1.80 percentage points below Residual's plain twin, 95 %",
            higherLater[0].Text);
        Assert.StartsWith("Supported for ResNet-18 and Plain-18: ", higherLater[1].Text);

        IReadOnlyList<Verdict> Of(double early, double late) => ConcludeVerdicts("convergence",
            from seed in Seeds
            from network in new[] { "Residual", "Residual's plain twin", "ResNet-18", "Plain-18" }
            from epoch in new[] { 1, 2 }
            let accuracy = network != "Residual" ? network == "ResNet-18" ? 99 : 90 - 60 * (2 - epoch) : epoch == 1 ? early : late
            select Epoch(network, seed, epoch, accuracy + (network == "Residual" ? 0.1 * seed : 0)));
    }

    [Fact]
    public void Networks_with_blocks_must_be_above_the_plain_one_and_above_one_of_their_size()
    {
        string[] pairs =
        [
            "Inception and Plain", "Inception and Inception-sized Plain", "Residual and Plain", "Residual and Residual-sized Plain",
        ];
        Assert.Equal(pairs.Select(pair => $"Supported for {pair}"), Of(early: 97, late: 99).Select(verdict => verdict.Conclusion));
        Assert.Equal(
            new[] { "Supported", "Not supported", "Supported", "Not supported" },
            Of(early: 97, late: 98.2).Select(verdict => verdict.Heading));
        Assert.Equal("Residual ends 1.00 percentage points above Plain, 95 % CI 1.00 to 1.00, 3 seeds", $"{Of(97, 99)[2].Effects[0]}");

        // A network that ends higher but was lower in most epochs does not converge faster.
        var late = Of(early: 90, late: 99)[0];
        Assert.Equal([VerdictOutcome.Supported, VerdictOutcome.NotSupported], late.Effects.Select(effect => effect.Outcome));
        Assert.StartsWith(
            "Not supported for Inception and Plain: Averaged over the epochs, Inception is 2.00 percentage points below", late.Text);

        IReadOnlyList<Verdict> Of(double early, double late) => ConcludeVerdicts("blocks",
            from seed in Seeds
            from network in new[]
            {
                (Name: "Inception", Early: early, Late: late), (Name: "Residual", Early: early, Late: late),
                (Name: "Plain", Early: 95, Late: 98), (Name: "Inception-sized Plain", Early: 95, Late: 98.5),
                (Name: "Residual-sized Plain", Early: 95, Late: 98.5),
            }
            from epoch in new[] { 1, 2 }
            select Epoch(network.Name, seed, epoch, (epoch == 1 ? network.Early : network.Late) + 0.01 * seed));
    }

    [Fact]
    public void Gradients_and_training_errors_decide_what_normalization_weights_and_shortcuts_do()
    {
        Assert.Equal(["Supported", "Supported", "Supported"], Headings(normalized: 5, he: 0.01, plainError: 80, deepResidualError: 5));
        Assert.Equal(
            ["Not supported", "Supported", "Supported"], Headings(normalized: 1e-20, he: 0.01, plainError: 80, deepResidualError: 5));
        Assert.Equal(["Supported", "Not supported", "Supported"], Headings(normalized: 5, he: 1e-20, plainError: 80, deepResidualError: 5));
        Assert.Equal(["Supported", "Supported", "Not supported"], Headings(normalized: 5, he: 0.01, plainError: 3, deepResidualError: 5));
        Assert.Equal(["Supported", "Supported", "Not supported"], Headings(normalized: 5, he: 0.01, plainError: 80, deepResidualError: 40));
        var results = Conclude("normalization", Rows(5, 0.01, 80, 5));
        Assert.Contains(results.Table.Rows, row => row is ["28 residual", "He", .., "diverged"]);
        Assert.Empty(results.Notes); // no test images
        Assert.Equal(2, results.Charts.Count);
        Assert.StartsWith(
            "PyTorch's initial weights: Batch normalization makes the first gradient of 28 plain blocks", results.Charts[0][0].Title);

        IEnumerable<string> Headings(double normalized, double he, double plainError, double deepResidualError) =>
            ConcludeVerdicts("normalization", Rows(normalized, he, plainError, deepResidualError)).Select(verdict => verdict.Heading);

        static IEnumerable<StackRow> Rows(double normalized, double he, double plainError, double deepResidualError) =>
            from seed in Seeds
            from blocks in new[] { 8, 28 }
            from weights in new[] { "PyTorch", "He" }
            from network in new[] { "plain", "residual", "normalized plain", "normalized residual" }
            from step in new[] { 0, 300 }
            where step == 0 || !(network == "residual" && weights == "He" && blocks == 28)
            from layer in new[] { 1, 2 * blocks }
            let first = network == "plain" ? weights == "He" ? he : 1e-24 : network == "normalized plain" ? normalized : 0.2
            let error = network == "normalized plain" ? blocks == 28 ? plainError : 20 : blocks == 28 ? deepResidualError : 10
            select new StackRow(
                network, blocks, seed, step, layer, (layer == 1 ? first : 0.2) * (1 + 0.1 * seed), null, weights,
                step == 0 ? null : error + 0.1 * seed);
    }

    [Fact]
    public void Each_part_that_is_switched_off_must_cost_accuracy_on_the_test_groups()
    {
        Assert.Equal(["Supported", "Inconclusive"], Of(without: 98).Select(verdict => verdict.Heading));
        Assert.Equal("Not supported", Of(without: 99.5)[0].Heading);
        Assert.StartsWith("Inconclusive for Residual: With the shortcut of rBlock1, Residual is 0.00 ", Of(without: 99)[0].Text);
        Assert.StartsWith(
            "Supported for Residual: With the shortcut of rBlock1, Residual is 1.00 percentage points above Residual without, 95 % CI ",
            Of(without: 98)[0].Text);
        Assert.Contains(", 3 test groups", Of(without: 98)[0].Text);

        IReadOnlyList<Verdict> Of(double without) => ConcludeVerdicts("ablation",
            from number in Enumerable.Range(1, 3)
            from part in new[] { (Block: "whole", Part: "whole", Accuracy: 99.0), (Block: "rBlock1", Part: "shortcut", Accuracy: without) }
            select new AblationRow("Residual", part.Block, part.Part, number, part.Accuracy + 0.1 * number));
    }

    [Fact]
    public void A_bottleneck_must_save_more_than_half_of_the_work_and_of_the_time()
    {
        Assert.Equal("Supported", Of(multiplyAdds: 10, milliseconds: 3).Heading);
        Assert.Equal("Not supported", Of(multiplyAdds: 10, milliseconds: 9).Heading);
        Assert.Equal("Not supported", Of(multiplyAdds: 60, milliseconds: 3).Heading);

        Verdict Of(long multiplyAdds, double milliseconds) => ConcludeSingleVerdict("bottleneck",
            from seed in Seeds
            from width in new int?[] { null, 4, 16 }
            select new BottleneckRow(width, seed, width == 16 ? multiplyAdds : 100, milliseconds * (1 + 0.01 * seed), 10, 90));
    }

    [Fact]
    public void Inception_must_be_above_each_of_its_branches_at_the_end_and_in_the_mean()
    {
        Assert.Equal(["Supported for accuracy", "Supported for convergence"], Of(98, pointwise: 97).Select(verdict => verdict.Conclusion));
        Assert.StartsWith(
            "Not supported for accuracy: Inception ends 1.00 percentage points below only 1x1", Of(98, pointwise: 99)[0].Text);
        Assert.StartsWith("Inconclusive for accuracy: Inception ends 0.00 percentage points", Of(98, pointwise: 98)[0].Text);
        Assert.StartsWith(
            "Not supported for convergence: Averaged over the epochs, Inception is 3.50 percentage points below only 1x1",
            Of(98, pointwise: 97, early: 82)[1].Text);
        Assert.All(Of(98), verdict => Assert.Equal("Inconclusive", verdict.Heading));

        IReadOnlyList<Verdict> Of(double inception, double? pointwise = null, double early = 90) => ConcludeVerdicts("views",
            from seed in Seeds
            from epoch in new[] { 1, 2 }
            from network in new[]
            {
                ("Inception", inception), ("only 1x1", pointwise), ("only 5x5", 96), ("only 3x3 twice", 95.5), ("only pooling", 95),
            }
            where network.Item2 is not null
            let earlier = network.Item1 == "Inception" ? early : pointwise >= 98 ? 90 : network.Item1 == "only 1x1" ? 90 : 70
            select Epoch(network.Item1, seed, epoch, (epoch == 1 ? earlier : network.Item2!.Value) + 0.1 * seed));
    }

    [Fact]
    public void The_printed_network_must_be_above_the_explained_one()
    {
        Assert.StartsWith("Supported: Residual as printed ends 0.30 percentage points above Residual, 95 % CI 0.30 to 0.30", Of(99.3).Text);
        Assert.Equal("Not supported", Of(98.9).Heading);

        Verdict Of(double printed) => ConcludeSingleVerdict("listing",
            from seed in Seeds
            from network in new[] { "Residual as printed", "Residual" }
            from epoch in new[] { 0, 1, 2 }
            let accuracy = epoch == 0 ? (double?)null : network == "Residual" ? 99 : printed
            let loss = accuracy / 100
            select new PrintedVsExplainedRow(network, 1, seed, epoch, loss, loss, accuracy, 1, 1, 1, 1, 1, 1, 1));
    }

    [Fact]
    public void A_deeper_plain_network_must_have_the_higher_training_error_and_no_residual_one()
    {
        const string Error = "The training error of Plain-56 ends";
        Assert.StartsWith($"Supported: {Error} 3.00 percentage points above Plain-20", Of(deepPlain: 8, deepResidual: 2).Text);
        Assert.StartsWith($"Not supported: {Error} 1.00 percentage points below Plain-20", Of(deepPlain: 4, deepResidual: 2).Text);
        Assert.StartsWith($"Not supported: {Error} 1.00 percentage points below ResNet-56", Of(deepPlain: 8, deepResidual: 9).Text);

        Verdict Of(double deepPlain, double deepResidual) => ConcludeSingleVerdict("degradation",
            from seed in Seeds
            from network in new (string Name, int Depth, double Error)[]
            {
                ("Plain-20", 20, 5), ("ResNet-20", 20, 3), ("Plain-56", 56, deepPlain), ("ResNet-56", 56, deepResidual),
            }
            from epoch in new[] { 1, 2 }
            let error = network.Error + seed + (epoch == 1 ? 50 - network.Depth : 0)
            let isResidual = network.Name.StartsWith("ResNet", StringComparison.Ordinal)
            select new DegradationRow(network.Name, network.Depth, isResidual, 1, 1, seed, epoch, 1, error, 1, error));
    }

    // 1, 2 and 9 of 10: 0.26 in the table, in the plot, and in the verdict, which has its reciprocal.
    [Fact]
    public void A_ratio_has_the_same_mean_in_table_plot_and_verdict()
    {
        var results = Conclude("bottleneck",
            from seed in Seeds
            from width in new int?[] { null, 16 }
            select new BottleneckRow(width, seed, width is null ? 100 : 10, width is null ? 10 : seed == 3 ? 9 : seed, 10, 90));
        var mean = Math.Cbrt(0.1 * 0.2 * 0.9);
        Assert.Equal(1 / mean, results.Verdicts[0].Effects[1].Mean!.Value, 1e-9);
        Assert.Equal(100 * mean, results.Charts[0][0].Curves[1].ValueAt(16)!.Value, 1e-9);
        Assert.Equal("0.26", results.Table.Rows[1][3]);
    }

    [Fact]
    public void A_layer_without_a_gradient_is_a_gap_and_seeds_have_no_line()
    {
        var charts = Conclude("listing",
            from seed in Seeds
            from network in new[] { "Residual as printed", "Residual" }
            from epoch in new[] { 0, 1 }
            let accuracy = epoch == 0 ? (double?)null : 99
            let first = network == "Residual" ? 1 : (double?)null
            select new PrintedVsExplainedRow(network, 1, seed, epoch, 1, 1, accuracy, 1, first, 1, 1, first, 1, 1)).Charts;
        Assert.Equal([1, double.NaN, 1, 1, double.NaN, 1, 1], charts[1][0].Curves.Single(curve => curve.Name == "as printed").Y);
        Assert.All(charts[1][1].Curves, curve => Assert.False(curve.HasLine));
    }

    // sqrt(0.99 * 0.01 / 10,000) = 0.0995 percentage points, and sqrt(0.9 * 0.1 / 10,000) = 0.3.
    [Theory]
    [InlineData(99, "0.10")]
    [InlineData(90, "0.10 to 0.30")]
    public void A_note_states_the_standard_error_of_the_test_images(double other, string errors)
    {
        var notes = Conclude("listing",
            from seed in Seeds
            from network in new[] { ("Residual", 99), ("Residual as printed", other) }
            select new PrintedVsExplainedRow(network.Item1, 1, seed, 1, 1, 1, network.Item2, 1, 1, 1, 1, 1, 1, 1)).Notes;
        Assert.Equal([$"The test images add a standard error of {errors} percentage points."], notes);
    }

    [Fact]
    public void Notes_state_that_shortcuts_add_no_parameters()
    {
        var notes = Conclude("convergence",
            from network in new[] { ("Residual", 41_514), ("Residual's plain twin", 41_514), ("ResNet-18", 500), ("Plain-18", 300) }
            select new TrainingRow(network.Item1, network.Item2, 1, 1, 1, 1, 1, 1, 1)).Notes;
        Assert.Equal("Residual and Residual's plain twin both have 41,514 parameters: shortcuts add none.", notes[0]);
        Assert.StartsWith("ResNet-18 has 500 parameters and Plain-18 300: additions add none, but shortcuts ", notes[1]);
        Assert.EndsWith("convolutions with 200 parameters.", notes[1]);
    }

    [Fact]
    public void Degradation_is_drawn_over_depth_with_a_point_per_seed()
    {
        var charts = Conclude("degradation",
            from seed in Seeds
            from depth in new[] { 20, 56 }
            from isResidual in new[] { false, true }
            select new DegradationRow($"{isResidual} {depth}", depth, isResidual, 1, 1, seed, 1, 1, depth + seed, 1, depth)).Charts[0];
        Assert.Equal([20, 56], charts[0].Curves[0].X);
        Assert.Equal(22, charts[0].Curves[0].Y[0]);
        Assert.All(charts.SelectMany(chart => chart.Curves).Where(curve => curve.X.Count == 6), curve => Assert.False(curve.HasLine));
        Assert.Equal(2, charts[0].Curves.Count(curve => curve.X.Count == 6));
    }

    /// <summary>The names of all experiments.</summary>
    public static TheoryData<string> Names { get; } = [.. Experiment.All.Select(experiment => experiment.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Without_rows_every_claim_is_inconclusive(string name)
    {
        using var folder = new TemporaryFolder();
        Assert.All(Conclude(Find(name), folder), verdict => Assert.Equal("Inconclusive", verdict.Heading));

        static IReadOnlyList<Verdict> Conclude(Experiment experiment, TemporaryFolder folder) =>
            experiment.ReadResults(folder.FullPath, InfoOf(experiment)).Verdicts;
    }

    private static IEnumerable<long> Seeds => [1, 2, 3];

    private static TrainingRow Epoch(string network, long seed, int epoch, double accuracy) =>
        new(network, 10, 100, seed, epoch, epoch, 0.1, 0.1, accuracy);

    /// <summary>Returns the record of a finished experiment of full size on MNIST.</summary>
    internal static ExperimentInfo InfoOf(Experiment experiment)
    {
        var (settings, unknown) = (experiment.Full, new Dictionary<string, string>());
        var data = new RunData("mnist", settings.TrainLimit, settings.TestLimit ?? 10_000, unknown, Normalization.Mnist, []);
        return new ExperimentInfo(experiment.Name, experiment.Claim, settings, "cpu", 1, unknown, data, DateTimeOffset.UnixEpoch)
        {
            Status = RunStatus.Finished,
        };
    }

    private static Verdict ConcludeSingleVerdict<TRow>(string name, IEnumerable<TRow> rows)
        where TRow : IMeasuredRow => Assert.Single(Conclude(name, rows).Verdicts);

    private static IReadOnlyList<Verdict> ConcludeVerdicts<TRow>(string name, IEnumerable<TRow> rows)
        where TRow : IMeasuredRow => Conclude(name, rows).Verdicts;

    private static ExperimentResults Conclude<TRow>(string name, IEnumerable<TRow> rows)
        where TRow : IMeasuredRow => ((Experiment<TRow>)Find(name)).Conclude([new TrialResult<TRow>("all", [.. rows])], testImages: 10_000);

    private static Experiment Find(string name) => Experiment.All.Single(experiment => experiment.Name == name);
}
