using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Reporting.Plots;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Training;

public sealed class LearningRateTestTests
{
    private static readonly TrainSettings Plain = new() { Architecture = Architecture.Find("plain")!, BatchSize = 16 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Falls from 2.3 at a rate of 0.001 to 0.5 at 0.1, and then explodes.
    private static double Valley(double rate) => rate switch
    {
        < 0.001 => 2.3,
        < 0.1 => 2.3 - 0.9 * Math.Log10(rate / 0.001),
        _ => 0.5 * Math.Pow(rate / 0.1, 3),
    };

    [Fact]
    public void The_suggestion_is_a_quarter_of_the_rate_with_the_lowest_smoothed_loss()
    {
        var test = Test(Valley);
        Assert.InRange(test.Lowest.LearningRate, 0.1, 0.5); // smoothing delays the minimum
        Assert.Equal(test.Lowest.LearningRate / 4, test.Suggestion!.Value, 0.002);
    }

    [Fact]
    public void The_suggestion_has_two_digits()
    {
        Assert.Equal(0.034, Suggestion(0.1349));
        Assert.Equal(0.000034, Suggestion(0.0001351));

        static double? Suggestion(double rate) => new LearningRateTest(
            [.. Enumerable.Repeat(new LearningRateStep(1e-6, 2, 2), 10), new LearningRateStep(rate, 1, 1)]).Suggestion;
    }

    // The first smoothed losses are means over a few batches.
    [Fact]
    public void A_low_loss_at_the_start_is_not_the_lowest()
    {
        var test = Test(rate => rate < 2e-7 ? 0.4 : Valley(rate));
        Assert.InRange(test.Lowest.LearningRate, 0.1, 0.5);
    }

    [Fact]
    public void A_loss_that_never_falls_gives_no_suggestion()
    {
        Assert.Null(Test(_ => 2.3).Suggestion);
        Assert.Null(Test(rate => 2.3 + rate).Suggestion);
        var random = new Random(1);
        Assert.Null(Test(_ => 2.3 + 0.2 * random.NextDouble()).Suggestion);
    }

    [Fact]
    public void The_test_ends_if_the_smoothed_loss_is_four_times_its_lowest_value_or_not_finite()
    {
        var tried = 0;
        var test = Test(rate => (tried++, rate < 1 ? 2 : 10_000).Item2);
        Assert.Equal(test.Steps.Count + 1, tried);
        Assert.All(test.Steps, step => Assert.InRange(step.LearningRate, 0, 1));
        Assert.Equal(test.Steps.Count, Test(rate => rate < 1 ? 2 : double.NaN).Steps.Count);
        Assert.Equal(LearningRateTest.StepCount, Test(rate => rate < 1 ? 2 : 7).Steps.Count);
        Assert.Contains("1E-07", Assert.Throws<DivergenceException>(() => Test(_ => double.NaN)).Message);
    }

    [Fact]
    public void The_first_smoothed_loss_is_the_first_loss_and_a_constant_loss_stays()
    {
        Assert.All(Test(_ => 2.3).Steps, step => Assert.Equal(2.3, step.SmoothedLoss, 1e-12));
        var steps = Test(rate => rate == LearningRateTest.Rates.First() ? 2 : 1).Steps;
        Assert.Equal(2, steps[0].SmoothedLoss, 1e-12);
        Assert.Equal(28 / 19.0, steps[1].SmoothedLoss, 1e-12);
    }

    [Fact]
    public void The_rates_rise_exponentially()
    {
        double[] rates = [.. LearningRateTest.Rates];
        Assert.Equal((100, 1e-7, 10), (rates.Length, rates[0], Math.Round(rates[^1], 9)));
        Assert.All(rates.Zip(rates[1..]), pair => Assert.Equal(Math.Pow(1e8, 1 / 99.0), pair.Second / pair.First, 1e-9));
    }

    // Five steps per epoch: the second epoch has another order.
    [Fact]
    public void Steps_with_one_rate_equal_those_of_a_run_over_several_epochs()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 70, testLimit: 10);
        using var run = Trainer.Create(Plain with { Epochs = 2, LearningRate = 0.1 }, data, CPU);
        var recorder = new Recorder();
        run.Fit([recorder], Cancellation);
        using var trainer = Trainer.Create(Plain, data, CPU);
        var steps = trainer.TrainSteps(Enumerable.Repeat(0.1, 10), Cancellation).ToArray();
        Assert.Equal(recorder.Steps.Take(5), steps.Take(5));
        Assert.Equal(Enumerable.Range(1, 10), steps.Select(step => step.Step));
        Assert.NotEqual(steps[0].Loss, steps[5].Loss);
    }

    [Fact]
    public void Each_step_has_its_rate_and_a_cancelled_test_ends()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 70, testLimit: 10);
        using var trainer = Trainer.Create(Plain, data, CPU);
        using var stop = new CancellationTokenSource();
        List<StepMetrics> steps = [];
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var step in trainer.TrainSteps([0.1, 0.2, 0.3, 0.4], stop.Token))
            {
                steps.Add(step);
                if (step.Step == 3)
                    stop.Cancel();
            }
        });
        Assert.Equal([0.1, 0.2, 0.3], steps.Select(step => step.LearningRate));
    }

    // A one-cycle schedule of one epoch has fewer steps than the test.
    [Fact]
    public void The_test_has_no_schedule()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 70, testLimit: 10);
        var settings = LearningRateTest.Prepare(Plain with { Epochs = 1, Schedule = Schedule.OneCycle });
        using var trainer = Trainer.Create(settings, data, CPU);
        List<double> progress = [];
        var test = LearningRateTest.Run(trainer, progress.Add, Cancellation);
        Assert.Equal(LearningRateTest.Rates.Take(test.Steps.Count), test.Steps.Select(step => step.LearningRate));
        Assert.Equal(Enumerable.Range(1, test.Steps.Count).Select(step => step / 100.0), progress);
        Assert.True(test.Steps.Count > 70);
        Assert.Equal(Plain, LearningRateTest.Prepare(Plain with { Schedule = Schedule.Steps, LearningRateMilestones = [1] }));
    }

    [Fact]
    public void The_plot_marks_the_suggestion_and_states_it_in_the_title()
    {
        var chart = LearningRatePlot.CreateChart("Plain", Test(Valley));
        var rate = Test(Valley).Suggestion;
        Assert.Contains($"{rate}", chart.Title);
        Assert.Equal(["", $"{rate}"], chart.Curves[2].Marks);
        Assert.All(chart.Curves[2].X, x => Assert.Equal(rate, x));
        var flat = LearningRatePlot.CreateChart("Plain", Test(_ => 2.3));
        Assert.Equal("Plain: the loss falls at no learning rate", flat.Title);
        Assert.Equal(2, flat.Curves.Count);
    }

    // The last batches before the end of the test may have losses in the millions.
    [Fact]
    public void The_plot_leaves_out_losses_far_above_the_smoothed_ones()
    {
        var exploding = Test(rate => rate < 5 ? 2.3 : 30);
        var chart = LearningRatePlot.CreateChart("Plain", exploding);
        Assert.Contains(chart.Curves[1].Y, double.IsNaN);
        Assert.DoesNotContain(chart.Curves[0].Y, double.IsNaN);
    }

    private static LearningRateTest Test(Func<double, double> loss) => LearningRateTest.From(
        LearningRateTest.Rates.Select((rate, index) => new StepMetrics(1, index + 1, 100, loss(rate), 16, rate)), _ => { });
}
