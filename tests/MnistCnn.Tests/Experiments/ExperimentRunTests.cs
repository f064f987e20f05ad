using System.Text.RegularExpressions;
using MnistCnn.Charts;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Jobs;
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

    /// <summary>Names of all experiments.</summary>
    public static TheoryData<string> Names { get; } = [.. Experiment.All.Select(experiment => experiment.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [Trait("Speed", "Slow")]
    [MemberData(nameof(Names))]
    public void Every_experiment_takes_colour_images_of_another_size(string name)
    {
        using var data = RandomData.Of(Shape);
        var observer = new Observer(images => AssertMaps(images, data));
        using var run = Find(name).Open(new ExperimentRequest(Small, data, CPU, observer, folder["out"]));
        Assert.True(run.Measure(null, TestContext.Current.CancellationToken));
        Assert.Equal(name == "views", observer.HasImages);
        Assert.NotEmpty(run.Status.Results!.Table.Rows);
        Assert.NotEmpty(run.Status.Results.Charts);

        // Costs and parameters depend on the images.
        if (name == "bottleneck")
            Assert.Equal(17 * 20 * 192 * 32 * 25, Column("multiply_adds")[0]);
        if (name is "views" or "convergence")
            Assert.Equal(CountParameters(name == "views" ? "inception" : "residual"), Column("parameters")[0]);
        var goal = CountParameters("inception");
        if (name == "views")
            Assert.All(Column("parameters"), count => Assert.InRange(count, 0.98 * goal, 1.02 * goal));
    }

    [Theory]
    [InlineData("gradients", 16)]
    [InlineData("convergence", 16)]
    [InlineData("bottleneck", 4)]
    [InlineData("views", 16)]
    [InlineData("listing", 16)]
    public void Images_that_are_too_small_are_an_error_before_anything_is_written(string name, int smallest)
    {
        using var data = RandomData.Of(new NetworkShape(1, smallest - 1, smallest, 2));
        var message = Assert.Throws<UserException>(() => Open(Find(name), data)).Message;
        Assert.Contains($"{smallest}x{smallest} pixels or more, not of {smallest - 1}x{smallest}", message);
        Assert.Empty(folder.Contents);
    }

    [Theory]
    [InlineData("\"libtorch\": \"[^\"]*\"", "\"libtorch\": \"1.0\"", "libtorch was \"1.0\", now ")]
    [InlineData("\"mnist_cnn\": \"[^\"]*\"", "\"mnist_cnn\": \"0.0.1\"", "program was \"0.0.1\", now ")]
    [InlineData("\"device\": \"cpu\"", "\"device\": \"cuda:1\"", "device was \"cuda\", now \"cpu\"")]
    [InlineData("(\"os\": \"[^\"]*) \\w+\"", "$1 Riscv64\"", "processor was \"Riscv64\", now ")]
    [InlineData("\"threads\": \\d+", "\"threads\": 64", "threads was 64, now ")]
    public void An_experiment_of_another_origin_is_not_continued(string saved, string other, string message)
    {
        using var data = RandomData.Of(Shape);
        StartAndStop(data);
        Open(Find("bottleneck"), data).Dispose();

        var path = folder["out/experiment.json"];
        File.WriteAllText(path, Regex.Replace(File.ReadAllText(path), saved, other));
        Assert.Contains(message, Assert.Throws<IOException>(() => Open(Find("bottleneck"), data)).Message);

        // A finished experiment gets no more results.
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"stopped\"", "\"finished\""));
        Open(Find("bottleneck"), data).Dispose();
    }

    [Fact]
    public void An_experiment_on_other_data_is_not_continued()
    {
        using var data = RandomData.Of(Shape);
        using var other = RandomData.Of(Shape, train: 5);
        StartAndStop(data);
        var error = Assert.Throws<IOException>(() => Open(Find("bottleneck"), other));
        Assert.Contains("holds another experiment: train_images was 4, now 5", error.Message);
    }

    [Fact]
    public void A_training_that_diverges_is_a_result_and_the_others_continue()
    {
        var measured = 0;
        var experiment = new InventedTrials(
            Diverging(1), Training("Residual", 2), Training("Residual's plain twin", 2), Training("Plain-18", 1));
        using var data = RandomData.Of(Shape);
        using (var run = Open(experiment, data, "convergence"))
        {
            Assert.True(run.Measure(null, TestContext.Current.CancellationToken));
            Assert.Equal(["Residual, seed 1, diverged: The loss became NaN."], run.Status.Results!.Diverged);
            Assert.EndsWith(", without 1 training that diverged", run.Status.Results.Verdict.Text);
        }

        // Nothing is trained again, and a suite reports it before it measures anything.
        using (var run = Open(experiment, data, "convergence"))
            Assert.True(run.Measure(null, TestContext.Current.CancellationToken));
        Assert.Equal(3, measured);
        using var suite = ExperimentSuite.Open([experiment, Find("views")], folder.FullPath, SuiteReport.Files);
        SuiteReport.Write(suite);
        var page = File.ReadAllText(folder["report.md"]);
        Assert.Contains("**Inconclusive**: With shortcuts", page);
        Assert.Contains("Residual, seed 1, diverged: The loss became NaN.", page);
        Assert.Contains("**Not measured yet**: Several kernels", page);

        Trial<TrainingRow> Training(string network, long seed) => new($"{network}, seed {seed}", 1, _ =>
        {
            measured++;
            return [new TrainingRow(network, 1, 1, seed, 1, 1, 0.1, 0.1, 90)];
        });
    }

    [Fact]
    public void If_all_trainings_diverge_the_experiment_fails()
    {
        using var data = RandomData.Of(Shape);
        using var run = Open(new InventedTrials(Diverging(1)), data);
        var error = Assert.Throws<UserException>(() => run.Measure(null, TestContext.Current.CancellationToken));
        Assert.Equal("All trainings diverged. The first: Residual, seed 1, diverged: The loss became NaN.", error.Message);
    }

    private void StartAndStop(DataSet data)
    {
        using var run = Open(Find("bottleneck"), data);
        Assert.False(run.Measure(null, new CancellationToken(canceled: true)));
    }

    private IExperimentRun Open(Experiment experiment, DataSet data, string name = "out") =>
        experiment.Open(new ExperimentRequest(Small, data, CPU, new Observer(_ => { }), folder[name], MayBeFinished: true));

    private double[] Column(string name)
    {
        var rows = File.ReadAllLines(folder["out/measurements.csv"]).Select(row => row.Split(',')).ToArray();
        var index = Array.IndexOf(rows[0], name);
        return [.. rows.Skip(1).Select(row => double.Parse(row[index], System.Globalization.CultureInfo.InvariantCulture))];
    }

    private static Trial<TrainingRow> Diverging(long seed) =>
        new($"Residual, seed {seed}", 1, _ => throw new DivergenceException("The loss became NaN."));

    private static void AssertMaps(ImageGrid grid, DataSet data)
    {
        Assert.Equal([3, 17, 20], grid.Columns[0].Images.shape);
        var pixel = data.Test.Images[1, .., 5, 6].data<byte>().ToArray();
        Assert.Equal(Math.Round(pixel.Average(value => value)), grid.Columns[0].Images[1, 5, 6].item<byte>());
        Assert.All(grid.Columns.Skip(1), column => Assert.Equal([3, 6, 8], column.Images.shape));
    }

    private static long CountParameters(string name)
    {
        using var network = Architecture.Find(name)!.CreateOnMeta(Shape);
        return network.parameters().Sum(parameter => parameter.numel());
    }

    private static Experiment Find(string name) => Experiment.All.Single(experiment => experiment.Name == name);

    private sealed class InventedTrials(params Trial<TrainingRow>[] trials) : Convergence
    {
        public override IEnumerable<Trial<TrainingRow>> Trials(ExperimentSettings settings, NetworkShape shape) => trials;
    }

    private sealed class Observer(Action<ImageGrid> checkImages) : IExperimentObserver
    {
        public bool HasImages { get; private set; }

        public void ShowProgress(Action<Action<JobProgress>> work) => work(_ => { });

        public void OnImages(string folder, ImageGrid images)
        {
            HasImages = true;
            checkImages(images);
        }

        public void OnResults(string folder, ExperimentInfo info, ExperimentResults results)
        {
        }

        public void OnExperimentStart(Experiment experiment, int number, int count)
        {
        }

        public void OnExperimentEnd(ExperimentSuite suite, ExperimentStatus status)
        {
        }
    }
}
