using System.Text.RegularExpressions;
using MnistCnn.Charts;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Networks;
using MnistCnn.Reporting.Pages;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Experiments;

public sealed class ExperimentRunTests : IDisposable
{
    private static readonly NetworkShape Shape = new(3, 17, 20, 7);
    private static readonly ExperimentSettings Small = new(Seeds: 1, Epochs: 1, TrainLimit: 4, Quick: true);

    private readonly TemporaryFolder folder = new();

    /// <summary>The names of all experiments.</summary>
    public static TheoryData<string> Names { get; } = [.. Experiment.All.Select(experiment => experiment.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [Trait("Speed", "Slow")]
    [MemberData(nameof(Names))]
    public void Every_experiment_takes_colour_images_of_another_size(string name)
    {
        using var data = RandomData.Of(Shape);
        using var run = ExperimentRun.Open(Find(name), Small, data, CPU, folder["out"]);
        Assert.True(run.Measure(_ => { }, shown => Assert.All(shown, grid => AssertMaps(grid, data)), TestContext.Current.CancellationToken));
        Assert.NotEmpty(run.ExperimentResults.Table.Rows);
        Assert.NotEmpty(run.ExperimentResults.Charts);

        // What is counted is of these images, and so are the parameters that are to be equal.
        if (name == "bottleneck")
            Assert.Equal(17 * 20 * 192 * 32 * 25, run.Rows[0].GetProperty("multiply_adds").GetInt64());
        if (name is "views" or "convergence")
            Assert.Equal(ParametersOf(name == "views" ? "inception" : "residual"), run.Rows[0].GetProperty("parameters").GetInt64());
        if (name == "views")
            Assert.All(run.Rows, row => Assert.InRange(row.GetProperty("parameters").GetInt64(), 0.98 * ParametersOf("inception"), 1.02 * ParametersOf("inception")));
    }

    [Theory]
    [InlineData("gradients", 16)]
    [InlineData("convergence", 16)]
    [InlineData("bottleneck", 4)]
    [InlineData("views", 16)]
    [InlineData("listing", 16)]
    public void Images_that_are_too_small_are_refused_before_anything_is_written(string name, int smallest)
    {
        using var data = RandomData.Of(new NetworkShape(1, smallest - 1, smallest, 2));
        var message = Assert.Throws<UserException>(() => ExperimentRun.Open(Find(name), Small, data, CPU, folder["out"])).Message;
        Assert.Contains($"{smallest}x{smallest} pixels or more, not of {smallest - 1}x{smallest}", message);
        Assert.Empty(folder.Contents);
    }

    [Theory]
    [InlineData("\"libtorch\": \"[^\"]*\"", "\"libtorch\": \"1.0\"", "libtorch was \"1.0\", now ")]
    [InlineData("\"mnist_cnn\": \"[^\"]*\"", "\"mnist_cnn\": \"0.0.1\"", "program was \"0.0.1\", now ")]
    [InlineData("\"device\": \"cpu\"", "\"device\": \"cuda:1\"", "device was \"cuda\", now \"cpu\"")]
    [InlineData("(\"os\": \"[^\"]*) \\w+\"", "$1 Riscv64\"", "processor was \"Riscv64\", now ")]
    [InlineData("\"threads\": \\d+", "\"threads\": 64", "threads was 64, now ")]
    public void Results_of_another_version_device_processor_or_number_of_threads_are_not_added_to(string saved, string other, string message)
    {
        using var data = RandomData.Of(Shape);
        StartAndStop(data);
        Open();

        var path = folder["out/experiment.json"];
        File.WriteAllText(path, Regex.Replace(File.ReadAllText(path), saved, other));
        Assert.Contains(message, Assert.Throws<IOException>(Open).Message);

        // A finished experiment gets no more results.
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"stopped\"", "\"finished\""));
        Open();

        void Open() => ExperimentRun.Open(Find("bottleneck"), Small, data, CPU, folder["out"], mayBeFinished: true).Dispose();
    }

    [Fact]
    public void Results_on_other_data_are_not_added_to()
    {
        using var data = RandomData.Of(Shape);
        using var other = RandomData.Of(Shape, train: 5);
        StartAndStop(data);
        var error = Assert.Throws<IOException>(() => ExperimentRun.Open(Find("bottleneck"), Small, other, CPU, folder["out"]));
        Assert.Contains("holds another experiment: train_images was 4, now 5", error.Message);
    }

    [Fact]
    public void A_training_that_diverges_is_a_result_and_the_others_go_on()
    {
        var measured = 0;
        var experiment = Find("convergence") with
        {
            Trials = (_, _) => [Diverging(1), Training("Residual", 2), Training("Residual's plain twin", 2), Training("Plain-18", 1)],
        };
        using var data = RandomData.Of(Shape);
        using (var run = Open())
        {
            Assert.True(run.Measure(_ => { }, _ => { }, TestContext.Current.CancellationToken));
            Assert.Equal(["Residual, seed 1, diverged: The loss became NaN."], run.ExperimentResults.Diverged);
            Assert.EndsWith(", without 1 training that diverged", run.ExperimentResults.Verdict.Text);
        }

        // It is over: nothing is trained again, and a series has it on its page before it measures anything.
        using (var run = Open())
            Assert.True(run.Measure(_ => { }, _ => { }, TestContext.Current.CancellationToken));
        Assert.Equal(3, measured);
        using var series = ExperimentSuite.Open([experiment, Find("views")], folder.FullPath, SuiteReport.Files);
        SuiteReport.Write(series);
        var page = File.ReadAllText(folder["report.md"]);
        Assert.Contains("**Inconclusive**: With shortcuts", page);
        Assert.Contains("Residual, seed 1, diverged: The loss became NaN.", page);
        Assert.Contains("**Not measured yet**: Several kernels", page);

        ExperimentRun Open() => ExperimentRun.Open(experiment, Small, data, CPU, folder["convergence"], mayBeFinished: true);

        Trial Diverging(long seed) => new($"Residual, seed {seed}", 1, _ => throw new DivergenceException("The loss became NaN."));

        Trial Training(string network, long seed) => new($"{network}, seed {seed}", 1, _ =>
        {
            measured++;
            return [new TrainingRow(network, 1, 1, seed, 1, 1, 0.1, 0.1, 90)];
        });
    }

    [Fact]
    public void Where_all_trainings_diverge_the_experiment_fails()
    {
        var experiment = Find("convergence") with
        {
            Trials = (_, _) => [new("Residual, seed 1", 1, _ => throw new DivergenceException("The loss became NaN."))],
        };
        using var data = RandomData.Of(Shape);
        using var run = ExperimentRun.Open(experiment, Small, data, CPU, folder["out"]);
        var error = Assert.Throws<UserException>(() => run.Measure(_ => { }, _ => { }, TestContext.Current.CancellationToken));
        Assert.Equal("No training came to its end. The first: Residual, seed 1, diverged: The loss became NaN.", error.Message);
    }

    private void StartAndStop(DataSet data)
    {
        using var run = ExperimentRun.Open(Find("bottleneck"), Small, data, CPU, folder["out"]);
        Assert.False(run.Measure(_ => { }, _ => { }, new CancellationToken(canceled: true)));
    }

    // The mean of the colours, and maps of half the size.
    private static void AssertMaps(ImageGrid grid, DataSet data)
    {
        Assert.Equal([3, 17, 20], grid.Columns[0].Images.shape);
        var pixel = data.Test.Images[1, .., 5, 6].data<byte>().ToArray();
        Assert.Equal(Math.Round(pixel.Average(value => value)), grid.Columns[0].Images[1, 5, 6].item<byte>());
        Assert.All(grid.Columns.Skip(1), column => Assert.Equal([3, 6, 8], column.Images.shape));
    }

    private static long ParametersOf(string name)
    {
        using var network = Architecture.Find(name)!.CreateOnMeta(Shape);
        return network.parameters().Sum(parameter => parameter.numel());
    }

    private static Experiment Find(string name) => Experiment.All.Single(experiment => experiment.Name == name);
}
