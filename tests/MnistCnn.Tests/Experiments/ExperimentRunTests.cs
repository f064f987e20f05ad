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

    /// <summary>Names of the experiments that train networks.</summary>
    public static TheoryData<string> Names { get; } =
        [.. Experiment.All.Where(experiment => experiment.Trains).Select(experiment => experiment.Name)];

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
        if (name is "views" or "convergence" or "blocks")
            Assert.Equal(CountParameters(name == "convergence" ? "residual" : "inception"), Column("parameters")[0]);
        if (name == "blocks")
            Assert.InRange(Column("parameters")[1], 0.97 * Column("parameters")[0], 1.03 * Column("parameters")[0]);
        var goal = CountParameters("inception");
        if (name == "views")
            Assert.All(Column("parameters"), count => Assert.InRange(count, 0.98 * goal, 1.02 * goal));
    }

    [Theory]
    [InlineData("gradients", 16)]
    [InlineData("convergence", 16)]
    [InlineData("blocks", 16)]
    [InlineData("normalization", 16)]
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
            Assert.All(
                run.Status.Results.Verdicts, verdict => Assert.EndsWith("; 1 training of the experiment diverged", verdict.Text));
        }

        // Nothing is trained again, and a suite reports it before it measures anything.
        using (var run = Open(experiment, data, "convergence"))
            Assert.True(run.Measure(null, TestContext.Current.CancellationToken));
        Assert.Equal(3, measured);
        using var suite = ExperimentSuite.Open([experiment, Find("views")], folder.FullPath, SuiteReport.Files);
        SuiteReport.Write(suite);
        var page = File.ReadAllText(folder["report.md"]);
        Assert.Contains("**Inconclusive for Residual and Residual's plain twin**: With shortcuts", page);
        Assert.Contains("Residual, seed 1, diverged: The loss became NaN.", page);
        Assert.Contains("**Not measured yet**: Several kernels", page);

        Trial<TrainingRow> Training(string network, long seed) => new($"{network}, seed {seed}", 1, _ =>
        {
            measured++;
            return [new TrainingRow(network, 1, 1, seed, 1, 1, 0.1, 0.1, 90)];
        });
    }

    // The settings and the images of the next experiment may be the ones that cannot be had.
    [Fact]
    public void An_experiment_whose_images_cannot_be_had_does_not_stop_the_suite()
    {
        using var suite = ExperimentSuite.Open([Find("views"), Find("bottleneck")], folder["all"], SuiteReport.Files);
        suite.Measure(new NoImages(), new Observer(_ => { }), TestContext.Current.CancellationToken);
        Assert.Equal(["no images for views", "no images for bottleneck"], suite.Statuses.Select(status => status.Problem));
    }

    [Fact]
    public void A_stopped_experiment_is_interim_until_all_its_trials_are_done()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var experiment = new InventedTrials(
            Trial("Residual", () => { }), Trial("Residual's plain twin", stop.Cancel), Trial("Plain-18", () => { }));
        using var data = RandomData.Of(Shape);
        using (var run = Open(experiment, data, "convergence"))
        {
            Assert.False(run.Measure(null, stop.Token));
            Assert.All(run.Status.Results!.Verdicts, verdict => Assert.Equal("Interim", verdict.Heading));
        }

        Assert.All(experiment.Read(folder["convergence"])!.Results!.Verdicts, verdict => Assert.Equal("Interim", verdict.Heading));
        using (var run = Open(experiment, data, "convergence"))
        {
            Assert.True(run.Measure(null, TestContext.Current.CancellationToken));
            Assert.All(run.Status.Results!.Verdicts, verdict => Assert.Equal("Inconclusive", verdict.Heading));
        }

        static Trial<TrainingRow> Trial(string network, Action onDone) => new($"{network}, seed 1", 1, _ =>
        {
            onDone();
            return [new TrainingRow(network, 1, 1, 1, 1, 1, 0.1, 0.1, 90)];
        });
    }

    // A block whose last convolution is zero computes its shortcut alone.
    [Fact]
    public void Ablation_evaluates_the_bundled_networks_without_each_part()
    {
        using var data = IdxReader.Load(Path.Combine(RepositoryRoot.FullPath, "data", "mnist"), trainLimit: 1, testLimit: 500);
        using var network = MnistCnn.Runs.ModelLocator.Load("residual", null, CPU);
        using var run = Open(Find("ablation"), data);
        Assert.True(run.Measure(null, TestContext.Current.CancellationToken));
        var rows = run.Status.Results!.Table.Rows;
        Assert.Equal(14, rows.Count);
        Assert.Equal(["nothing", "rBlock1: shortcut", "rBlock1: layers"], rows.Take(3).Select(row => row[1]));
        Assert.Contains(rows, row => row[1] == "inceptionB: branch_pool");
        Assert.Equal(140, File.ReadLines(folder["out/measurements.csv"]).Count() - 1);
        Assert.StartsWith($"{Evaluate():F2} ± ", rows[0][2]);

        using (no_grad())
            foreach (var (name, parameter) in network.Network.named_parameters())
                if (name.StartsWith("rBlock1.conv2", StringComparison.Ordinal))
                    parameter.zero_();
        Assert.StartsWith($"{Evaluate():F2} ± ", rows[2][2]);
        Assert.NotEqual(rows[1][2], rows[2][2]);

        using var other = RandomData.Of(Shape);
        Assert.Contains(
            "bundled networks take images of", Assert.Throws<UserException>(() => Open(Find("ablation"), other, "other")).Message);

        double Evaluate() => Evaluator.Evaluate(
            network.Network, data.Test, network.Normalization, cancellation: TestContext.Current.CancellationToken).Accuracy;
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

    private sealed class NoImages : IExperimentOptions
    {
        public ExperimentRequest CreateRequest(Experiment experiment, string? folder) =>
            throw new UserException($"no images for {experiment.Name}");

        public Workers? CreateWorkers(Experiment experiment, string folder) => null;
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
