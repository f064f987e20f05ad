using MnistCnn.Experiments;

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

        Verdict Of(double plain, double residual) => ConcludeVerdict("gradients",
            from seed in Seeds
            from blocks in new[] { 2, 32 }
            from network in new[] { (Name: "plain", First: plain), (Name: "residual", First: residual) }
            from layer in Enumerable.Range(1, 2 * blocks)
            let norm = blocks == 2 || layer > 1 ? 0.3 : network.First * (1 + 0.1 * seed)
            select new GradientRow(network.Name, blocks, seed, 0, layer, norm, null));
    }

    [Fact]
    public void Networks_with_shortcuts_must_be_above_their_twins_in_the_mean_and_at_the_end()
    {
        Assert.Equal("Supported", Of(early: 60, late: 97).Heading);
        Assert.Contains("Residual over Residual's plain twin in the mean of the epochs", Of(early: 20, late: 97).Text);
        Assert.StartsWith("Not supported: Residual over Residual's plain twin after 2 epochs, -2.00 ± 0.", Of(early: 80, late: 88).Text);

        Verdict Of(double early, double late) => ConcludeVerdict("convergence",
            from seed in Seeds
            from network in new[] { "Residual", "Residual's plain twin", "ResNet-18", "Plain-18" }
            from epoch in new[] { 1, 2 }
            let accuracy = network != "Residual" ? network == "ResNet-18" ? 99 : 90 - 60 * (2 - epoch) : epoch == 1 ? early : late
            select Epoch(network, seed, epoch, accuracy));
    }

    [Fact]
    public void A_bottleneck_must_save_more_than_half_of_the_work_and_of_the_time()
    {
        Assert.Equal("Supported", Of(multiplyAdds: 10, milliseconds: 3).Heading);
        Assert.Equal("Not supported", Of(multiplyAdds: 10, milliseconds: 9).Heading);
        Assert.Equal("Not supported", Of(multiplyAdds: 60, milliseconds: 3).Heading);

        Verdict Of(long multiplyAdds, double milliseconds) => ConcludeVerdict("bottleneck",
            from seed in Seeds
            from width in new int?[] { null, 4, 16 }
            select new BottleneckRow(width, seed, width == 16 ? multiplyAdds : 100, milliseconds * (1 + 0.01 * seed), 10, 90));
    }

    [Fact]
    public void Inception_must_be_above_each_of_its_branches()
    {
        Assert.Equal("Supported", Of(98, pointwise: 97).Heading);
        Assert.StartsWith("Not supported: Inception over only 1x1 after 1 epoch, -1.00 ± 0.00", Of(98, pointwise: 99).Text);
        Assert.StartsWith("Inconclusive: Inception over only 1x1", Of(98, pointwise: 98).Text);
        Assert.Equal("Inconclusive", Of(98).Heading);

        Verdict Of(double inception, double? pointwise = null) => ConcludeVerdict("views",
            from seed in Seeds
            from network in new[]
            {
                ("Inception", inception), ("only 1x1", pointwise), ("only 5x5", 96), ("only 3x3 twice", 95.5), ("only pooling", 95),
            }
            where network.Item2 is not null
            select Epoch(network.Item1, seed, 1, network.Item2!.Value + 0.1 * seed));
    }

    [Fact]
    public void The_printed_network_must_be_above_the_explained_one()
    {
        Assert.StartsWith("Supported: Residual as printed over Residual after 2 epochs, 0.30 ± 0.00", Of(99.3).Text);
        Assert.Equal("Not supported", Of(98.9).Heading);

        Verdict Of(double printed) => ConcludeVerdict("listing",
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
        const string Deeper = "training error of Plain-56 over Plain-20 after 2 epochs";
        const string WithoutShortcuts = "training error of Plain-56 over ResNet-56 after 2 epochs";
        Assert.StartsWith($"Supported: {Deeper}, 3.00 ± 0.00", Of(deepPlain: 8, deepResidual: 2).Text);
        Assert.StartsWith($"Not supported: {Deeper}, -1.00 ± 0.00", Of(deepPlain: 4, deepResidual: 2).Text);
        Assert.StartsWith($"Not supported: {WithoutShortcuts}, -1.00 ± 0.00", Of(deepPlain: 8, deepResidual: 9).Text);

        Verdict Of(double deepPlain, double deepResidual) => ConcludeVerdict("degradation",
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
        Assert.Equal(1 / mean, results.Verdict.Effects[1].Mean!.Value, 1e-9);
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

    /// <summary>The names of all experiments.</summary>
    public static TheoryData<string> Names { get; } = [.. Experiment.All.Select(experiment => experiment.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Without_rows_every_claim_is_inconclusive(string name)
    {
        using var folder = new TemporaryFolder();
        Assert.Equal("Inconclusive", Find(name).ReadResults(folder.FullPath).Verdict.Heading);
    }

    private static IEnumerable<long> Seeds => [1, 2, 3];

    private static TrainingRow Epoch(string network, long seed, int epoch, double accuracy) =>
        new(network, 10, 100, seed, epoch, epoch, 0.1, 0.1, accuracy);

    private static Verdict ConcludeVerdict<TRow>(string name, IEnumerable<TRow> rows)
        where TRow : IMeasuredRow => Conclude(name, rows).Verdict;

    private static ExperimentResults Conclude<TRow>(string name, IEnumerable<TRow> rows)
        where TRow : IMeasuredRow => ((Experiment<TRow>)Find(name)).Conclude([new TrialResult<TRow>("all", [.. rows])]);

    private static Experiment Find(string name) => Experiment.All.Single(experiment => experiment.Name == name);
}
