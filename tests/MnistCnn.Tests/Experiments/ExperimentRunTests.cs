using System.Text.RegularExpressions;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Experiments;

public sealed class ExperimentRunTests : IDisposable
{
    private static readonly NetworkShape Shape = new(3, 17, 20, 7);
    private static readonly ExperimentSettings Small = new(Seeds: 1, Epochs: 1, TrainLimit: 4, Quick: true);

    private readonly TemporaryFolder folder = new();

    /// <summary>The names of all experiments.</summary>
    public static TheoryData<string> Names { get; } = [.. Claims.All.Select(experiment => experiment.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [Trait("Speed", "Slow")]
    [MemberData(nameof(Names))]
    public void Every_experiment_takes_colour_images_of_another_size(string name)
    {
        using var data = RandomData.Of(Shape);
        using var run = ExperimentRun.Open(Find(name), Small, data, CPU, folder["out"]);
        Assert.True(run.Measure(_ => { }, shown => Assert.All(shown, grid => AssertMaps(grid, data)), TestContext.Current.CancellationToken));
        Assert.NotEmpty(run.Findings.Table.Rows);
        Assert.NotEmpty(run.Findings.Charts);

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
    public void Results_of_another_version_device_or_processor_are_not_added_to(string saved, string other, string message)
    {
        using var data = RandomData.Of(Shape);
        using (var run = ExperimentRun.Open(Find("bottleneck"), Small, data, CPU, folder["out"]))
            Assert.False(run.Measure(_ => { }, _ => { }, new CancellationToken(canceled: true)));
        Open();

        var path = folder["out/experiment.json"];
        File.WriteAllText(path, Regex.Replace(File.ReadAllText(path), saved, other));
        Assert.Contains(message, Assert.Throws<IOException>(Open).Message);

        // A finished experiment gets no more results.
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"stopped\"", "\"finished\""));
        Open();

        void Open() => ExperimentRun.Open(Find("bottleneck"), Small, data, CPU, folder["out"], mayBeFinished: true).Dispose();
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
        using var network = Architecture.Find(name)!.CreateSkeleton(Shape);
        return network.parameters().Sum(parameter => parameter.numel());
    }

    private static Experiment Find(string name) => Claims.All.Single(experiment => experiment.Name == name);
}
