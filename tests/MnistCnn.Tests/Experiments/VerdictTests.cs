using System.Text.Json;
using MnistCnn.Experiments;
using MnistCnn.Files;

namespace MnistCnn.Tests.Experiments;

/// <summary>The rule by which rows become a verdict, with rows that are made up.</summary>
public sealed class VerdictTests
{
    private const string Subject = "One is", Reference = "the other";

    // Quantiles of Student's t from its tables: 12.706, 4.303 and 2.262 at 1, 2 and 9 degrees of freedom.
    [Theory]
    [InlineData(new[] { 5.0, 6 }, 5.5, 12.706 * 0.70711 / 1.41421)]
    [InlineData(new[] { 4.5, 5.2, 5.9 }, 5.2, 4.303 * 0.7 / 1.73205)]
    [InlineData(new[] { 1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, 5.5, 2.262 * 3.02765 / 3.16228)]
    [InlineData(new[] { 2.0, 2, 2 }, 2, 0)]
    public void The_interval_is_that_of_students_t(double[] values, double mean, double half)
    {
        var effect = Points(values);
        Assert.Equal(mean, effect.Mean!.Value, 1e-3);
        Assert.Equal(mean - half, effect.Low!.Value, 2e-3);
        Assert.Equal(mean + half, effect.High!.Value, 2e-3);
    }

    [Theory]
    [InlineData(new[] { 4.5, 5.2, 5.9 }, "supported",
        "Supported: One is 5.20 percentage points above the other, 95 % CI 3.46 to 6.94, 3 seeds")]
    [InlineData(new[] { -4.5, -5.2, -5.9 }, "not supported",
        "Not supported: One is 5.20 percentage points below the other, 95 % CI 3.46 to 6.94, 3 seeds")]
    [InlineData(new[] { 1.0, 2, -1 }, "inconclusive",
        "Inconclusive: One is 0.67 percentage points above the other, 95 % CI -3.13 to 4.46, 3 seeds")]
    [InlineData(new[] { 0.0, 0, 0 }, "inconclusive",
        "Inconclusive: One is 0.00 percentage points above the other, 95 % CI 0.00 to 0.00, 3 seeds")]
    [InlineData(new[] { 0.1, 0.1 }, "supported",
        "Supported: One is 0.10 percentage points above the other, 95 % CI 0.10 to 0.10, 2 seeds")]
    [InlineData(new[] { 90.0 }, "inconclusive", "Inconclusive: One is 90.00 percentage points above the other, 1 seed")]
    [InlineData(new double[0], "inconclusive", "Inconclusive: One is how far above the other: not measured yet")]
    public void A_claim_is_supported_if_the_whole_interval_is_above_the_bound(double[] values, string outcome, string text)
    {
        var verdict = new Verdict([Points(values)]);
        Assert.Equal(text, verdict.Text);
        var saved = JsonSerializer.Serialize(verdict, JsonFormat.Line);
        Assert.Contains($"\"outcome\":\"{outcome}\",\"text\":", saved);
        Assert.Equal(text, JsonFormat.Parse<Verdict>(saved, "").Text);
    }

    // Of three that differ by this much, the interval is 2 ± 1.
    [Theory]
    [InlineData(0.9, "Supported")]
    [InlineData(1.1, "Inconclusive")]
    [InlineData(2.9, "Inconclusive")]
    [InlineData(3.1, "Not supported")]
    public void A_claim_that_asks_for_more_has_a_bound_of_its_own(double bound, string heading)
    {
        var half = 1.73205 / 4.30265;
        var effect = Effect.Difference(Subject, Reference, BySeed([2 - half, 2, 2 + half]), BySeed([0, 0, 0]), bound);
        Assert.Equal(heading, new Verdict([effect]).Heading);
        Assert.Contains($"; claimed: above {bound.ToString(System.Globalization.CultureInfo.InvariantCulture)}", effect.ToString());
    }

    [Theory]
    [InlineData(0.0002, "2.0e-4")]
    [InlineData(0.512, "0.51")]
    [InlineData(999, "999.00")]
    [InlineData(8_465.64, "8,500")]
    [InlineData(16_012, "16,000")]
    [InlineData(5.2e26, "5.2e+26")]
    public void Factors_have_few_digits(double factor, string expected) =>
        Assert.StartsWith(
            $"{Subject} {expected} times {Reference}", Effect.Ratio(Subject, Reference, BySeed([factor]), BySeed([1])).Finding);

    [Fact]
    public void Factors_are_compared_by_their_logarithms()
    {
        var effect = Effect.Ratio(Subject, Reference, BySeed([1, 4, 16]), BySeed([1, 1, 1]));
        Assert.Equal(4, effect.Mean!.Value, 1e-9);
        Assert.Equal(4 / effect.Low!.Value, effect.High!.Value / 4, 1e-9);
        Assert.Equal(VerdictOutcome.Inconclusive, effect.Outcome);
        Assert.Equal(VerdictOutcome.Supported, Effect.Ratio(Subject, Reference, BySeed([5, 6, 7]), BySeed([1, 1, 1])).Outcome);
        Assert.Equal(VerdictOutcome.NotSupported, Effect.Ratio(Subject, Reference, BySeed([1, 1, 1]), BySeed([5, 6, 7])).Outcome);
        var equal = Effect.Ratio(Subject, Reference, BySeed([6, 6]), BySeed([1, 1]));
        Assert.Equal("One is 6.00 times the other, 95 % CI 6.00 to 6.00, 2 seeds", $"{equal}");
        var single = Effect.Ratio(Subject, Reference, BySeed([6e20]), BySeed([1]), 1000);
        Assert.Equal("One is 6.0e+20 times the other, 1 seed; claimed: above 1,000", $"{single}");

        // Factors so far apart that the interval ends beyond all numbers.
        var wild = new Verdict([Effect.Ratio(Subject, Reference, BySeed([1e200, 1]), BySeed([1, 1e200]))]);
        Assert.Equal(VerdictOutcome.Inconclusive, wild.Outcome);
        Assert.DoesNotContain("NaN", wild.Text);
        Assert.Contains("inconclusive", JsonSerializer.Serialize(wild, JsonFormat.Line));
    }

    [Fact]
    public void Only_seeds_that_both_have_are_compared_each_with_its_own()
    {
        var effect = Effect.Difference(Subject, Reference, [(1, 50), (2, 60), (3, 70), (5, 99)], [(3, 69), (1, 49), (2, 59), (4, 0)]);
        Assert.Equal([1, 1, 1], effect.Values);
        Assert.Equal(VerdictOutcome.Supported, effect.Outcome);
    }

    [Fact]
    public void A_claim_of_several_quantities_is_supported_by_all_and_contradicted_by_one()
    {
        Effect clear = Named("clear", [8, 9, 10]), near = Named("near", [4, 6, 8]);
        Effect open = Named("open", [-3, 1, 2]), less = Named("less", [-3, -4, -5]);
        Assert.Equal(
            "Supported: near 6.00 percentage points above 0, 95 % CI 1.03 to 10.97, 3 seeds (the least clear of 3 quantities)",
            new Verdict([clear, near, clear]).Text);
        Assert.StartsWith("Inconclusive: open ", new Verdict([clear, open, near]).Text);
        Assert.StartsWith("Inconclusive: none how far above 0: not measured", new Verdict([clear, Named("none", [])]).Text);
        Assert.Equal(
            "Not supported: less 4.00 percentage points below 0, 95 % CI 1.52 to 6.48, 3 seeds",
            new Verdict([clear, open, less, Named("none", [])]).Text);

        // The clearest contradiction decides. An effect without spread is clearer than one with spread.
        Assert.StartsWith("Not supported: least ", new Verdict([less, Named("least", [-3, -3.1, -3.2]), less]).Text);
        Assert.StartsWith("Supported: near ", new Verdict([Named("exact", [0.1, 0.1, 0.1]), near]).Text);
    }

    [Fact]
    public void Before_all_trials_are_done_there_is_no_verdict()
    {
        var interim = new Verdict([Points([4.5, 5.2, 5.9])], "one of two") { IsInterim = true };
        Assert.Equal(VerdictOutcome.Interim, interim.Outcome);
        Assert.StartsWith("Interim for one of two: One is 5.20 percentage points above the other, 95 % CI 3.46", interim.Text);
        var saved = JsonSerializer.Serialize(interim, JsonFormat.Line);
        Assert.Contains("\"outcome\":\"interim\"", saved);
        Assert.Equal(interim.Text, JsonFormat.Parse<Verdict>(saved, "").Text);
        Assert.StartsWith("Supported for one of two: ", (interim with { IsInterim = false }).Text);
    }

    private static Effect Points(double[] values) => Named(Subject, values, Reference);

    private static Effect Named(string name, double[] values, string reference = "0") =>
        Effect.Difference(name, reference, BySeed(values), BySeed([.. values.Select(_ => 0.0)]));

    private static IEnumerable<(long Seed, double Value)> BySeed(IReadOnlyList<double> values) =>
        values.Select((value, index) => (index + 1L, value));
}
