namespace MnistCnn.Tests.Web;

/// <summary>Scales, ticks and labels of the charts on the page: scale.js.</summary>
public sealed class PageChartTests
{
    private static readonly PageModule Scale = new("scale.js");

    [Theory]
    [InlineData(0.9, 1)]
    [InlineData(1, 1)]
    [InlineData(1.01, 2)]
    [InlineData(2.5, 5)]
    [InlineData(5.1, 10)]
    [InlineData(0.0003, 0.0005)]
    [InlineData(40, 50)]
    public void Steps_are_1_2_or_5_times_a_power_of_ten(double least, double step) =>
        Assert.Equal(step, Scale.Evaluate<double>($"page.roundStep({least})"), 1e-12);

    [Theory]
    [InlineData("{ highest: 100 }", "[91.3, 97.2, 98.6]", 90, 100, new[] { "90", "92", "94", "96", "98", "100" })]
    [InlineData("{ lowest: 0 }", "[0.31, 0.12, 0.05]", 0, 0.4, new[] { "0.0", "0.1", "0.2", "0.3", "0.4" })]
    [InlineData("{}", "[7, 7]", 6.4, 7.6, new[] { "6.4", "6.6", "6.8", "7.0", "7.2", "7.4", "7.6" })]
    [InlineData("{ lowest: 0 }", "[0, 0]", 0, 1, new[] { "0.0", "0.2", "0.4", "0.6", "0.8", "1.0" })]
    [InlineData("{ highest: 100 }", "[99.98, 100]", 99.98, 100, new[] { "99.980", "99.985", "99.990", "99.995", "100.000" })]
    public void The_axis_of_values_covers_them_with_round_ticks(string limits, string values, double bottom, double top, string[] ticks)
    {
        var axis = Scale.Evaluate<double[]>($"(scale => [scale.bottom, scale.top])({Of(limits, values)})");
        Assert.Equal(bottom, axis[0], 1e-9);
        Assert.Equal(top, axis[1], 1e-9);
        Assert.Equal(ticks, Scale.Evaluate<string[]>($"page.valueTicks({Of(limits, values)}).map(tick => tick.label)"));
        Assert.Equal([200, 10], Scale.Evaluate<double[]>($"(scale => [scale.y(scale.bottom), scale.y(scale.top)])({Of(limits, values)})"));
    }

    [Fact]
    public void Epochs_run_from_the_left_edge_to_the_right()
    {
        var scale = Of("{}", "[1, 2, 3, 4, 5]");
        Assert.Equal([40, 540], Scale.Evaluate<double[]>($"(scale => [scale.x(1), scale.x(5)])({scale})"));
        Assert.Equal([1, 3, 5], Scale.Evaluate<double[]>($"(scale => [1, 3, 5].map(epoch => scale.epochAt(scale.x(epoch))))({scale})"));
        Assert.Equal(540, Scale.Evaluate<double>($"(scale => scale.x(20))({Of("{}", "[1, 2]", last: 20)})")); // a running run
    }

    [Theory]
    [InlineData(2, new[] { 1, 2 })]
    [InlineData(10, new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })]
    [InlineData(30, new[] { 1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30 })]
    [InlineData(164, new[] { 1, 20, 40, 60, 80, 100, 120, 140, 160 })]
    public void Ticks_of_epochs_leave_room_for_their_labels(int last, int[] ticks) =>
        Assert.Equal(ticks, Scale.Evaluate<int[]>($"page.epochTicks({Of("{}", "[1, 2]", last)})"));

    [Theory]
    [InlineData("[50, 100]", new double[] { 50, 100 })]
    [InlineData("[50, 52, 54]", new double[] { 50, 65, 80 })]
    [InlineData("[195, 196, 197]", new double[] { 170, 185, 200 })]
    [InlineData("[5, 199, 200]", new double[] { 10, 185, 200 })]
    [InlineData("[]", new double[0])]
    public void Labels_do_not_overlap(string ends, double[] heights) =>
        Assert.Equal(heights, Scale.Evaluate<double[]>($"page.spreadLabels({ends}, 15, 10, 200)"));

    private static string Of(string limits, string values, int last = 0) =>
        $"page.scaleOf([{{ last: {last}, points: {values}.map((value, index) => [index + 1, value]) }}], {limits}, "
        + "{ left: 40, right: 540, ceiling: 10, floor: 200 })";
}
