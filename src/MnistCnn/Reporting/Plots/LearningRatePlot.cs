using MnistCnn.Charts;
using MnistCnn.Training;

namespace MnistCnn.Reporting.Plots;

internal static class LearningRatePlot
{
    public static void Draw(string path, string network, LearningRateTest test) => ChartPlot.Draw(path, CreateChart(network, test));

    public static Chart CreateChart(string network, LearningRateTest test)
    {
        double[] rates = [.. test.Steps.Select(step => step.LearningRate)];
        double[] smoothed = [.. test.Steps.Select(step => step.SmoothedLoss)];
        var limit = 1.2 * smoothed.Max(); // a few losses just before the end would squeeze the rest of the plot
        List<Curve> curves =
        [
            new Curve("smoothed", rates, smoothed) { StyleIndex = 0 },
            new Curve("each batch", rates, [.. test.Steps.Select(step => step.Loss < limit ? step.Loss : double.NaN)])
            {
                StyleIndex = 0,
                HasLine = false,
                IsThin = true,
            },
        ];
        var title = $"{network}: the loss falls at no learning rate";
        if (test.Suggestion is { } rate)
        {
            // A line down from the curve, with the rate below its end, where no other points are.
            var nearest = test.Steps.MinBy(step => Math.Abs(step.LearningRate - rate))!;
            curves.Add(new Curve("", [rate, rate], [nearest.SmoothedLoss, test.Steps.Min(step => step.Loss)])
            {
                StyleIndex = 4,
                IsThin = true,
                Marks = ["", $"{rate}"],
            });
            title = $"{network}: suggested learning rate {rate}, a quarter of the rate with the lowest smoothed loss";
        }

        return new Chart(title, "Learning rate", "Training loss (nats)", curves, LogX: true);
    }
}
