using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Tests.Reporting;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Tests.Commands;

public sealed class EvaluateCommandTests : IDisposable
{
    private static readonly string Trained = Fixture.PathOf("residual-trained.safetensors");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // PyTorch trained these weights for ten epochs and measured them.
    [Fact]
    public void PyTorch_weights_have_the_accuracy_that_PyTorch_measured()
    {
        var expected = JsonFormat.Parse<EpochMetrics>(File.ReadLines(Fixture.PathOf("residual-trained.jsonl")).Last(), "fixture");
        var run = Run("evaluate", Trained, "--out", "plots", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal("residual", result.GetProperty("architecture").GetString());
        Assert.Equal(expected.TestAccuracy, result.GetProperty("accuracy").GetDouble(), 1e-9);
        Assert.Equal(expected.TestLoss, result.GetProperty("loss").GetDouble(), 1e-6);
        Assert.Equal(10_000, result.GetProperty("total").GetInt32());
        Assert.Equal(expected.TestAccuracy * 100, result.GetProperty("correct").GetInt32(), 1e-9);

        var confusion = result.GetProperty("confusion").Deserialize<int[][]>()!;
        Assert.Equal(980, confusion[0].Sum()); // zeros in MNIST's test set
        foreach (var (digit, row) in result.GetProperty("classes").EnumerateArray().Index())
        {
            Assert.Equal(digit, row.GetProperty("class").GetInt32());
            Assert.Equal(confusion[digit].Sum(), row.GetProperty("images").GetInt32());
            Assert.Equal(100.0 * confusion[digit][digit] / confusion[digit].Sum(), row.GetProperty("recall").GetDouble(), 1e-9);
            Assert.Equal(
                100.0 * confusion[digit][digit] / confusion.Sum(other => other[digit]), row.GetProperty("precision").GetDouble(), 1e-9);
        }

        Assert.Equal(["plots", "plots/residual-trained-confusion.png", "plots/residual-trained-mistakes.png"], folder.Contents);
        foreach (var plot in result.GetProperty("files").EnumerateArray())
            using (var bitmap = SKBitmap.Decode(plot.GetString()))
                Assert.InRange(bitmap.Width, 800, 1000);
    }

    [Fact]
    public void Evaluate_says_if_the_epoch_of_the_weights_was_chosen_on_the_test_images()
    {
        const string Note = "The epoch of these weights was chosen on the test images.\n";
        string[] train = ["train", "--arch", "plain", "--epochs", "2", "--train-limit", "64", "--test-limit", "50", "--out"];
        var trained = Run([.. train, "run"]);
        Assert.Matches(@"Best accuracy .* % \(epoch [12], chosen on the test images\)", trained.Output);
        Assert.Contains(Note, Run("evaluate", "run", "--test-limit", "50").Output);
        Assert.DoesNotContain(Note, Run("evaluate", "run/model.safetensors", "--test-limit", "50").Output);
        Assert.True(ModelLocator.IsChosenOnTest(folder["run/best.safetensors"]));

        // Not with validation, nor on other data, nor if there was only one epoch.
        using var others = RandomData.Of(new NetworkShape(1, 28, 28, 10));
        Assert.False(ModelLocator.IsChosenOnTest(folder["run/best.safetensors"], others));
        Run([.. train, "with", "--validation", "10"]);
        Assert.False(ModelLocator.IsChosenOnTest(folder["with/best.safetensors"]));
        var metrics = File.ReadAllLines(folder["run/metrics.jsonl"]);
        File.WriteAllLines(folder["run/metrics.jsonl"], metrics[..1]); // as in a stopped run
        Assert.False(ModelLocator.IsChosenOnTest(folder["run/best.safetensors"]));
    }

    [Fact]
    public void The_table_fits_80_columns_and_the_plots_are_beside_the_weights()
    {
        File.Copy(Trained, folder["best.safetensors"]);
        var run = Run("evaluate", "best.safetensors", "--test-limit", "100", "--arch", "residual");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("(99 of 100)", run.Output.Split('\n')[0]);
        Assert.All(run.Output.Split('\n').Where(line => !Path.IsPathRooted(line)), line => Assert.InRange(line.TrimEnd().Length, 0, 80));
        Assert.Equal(["best-confusion.png", "best-mistakes.png", "best.safetensors"], folder.Contents);
    }

    [Fact]
    public void The_results_have_class_names_and_top_k_accuracy()
    {
        Save("fashion.safetensors", Answers.Fashion);
        var run = Run("evaluate", "fashion.safetensors", "--test-limit", "300", "--top", "3", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(Answers.Fashion, result.GetProperty("class_names").Deserialize<string[]>());
        var classes = result.GetProperty("classes").EnumerateArray().ToArray();
        Assert.Equal(Answers.Fashion, classes.Select(row => row.GetProperty("name").GetString()));
        Assert.Equal(
            classes.Average(row => row.GetProperty("recall").GetDouble()), result.GetProperty("balanced_accuracy").GetDouble(), 1e-9);
        Assert.Equal(3, result.GetProperty("top").GetProperty("k").GetInt32());
        Assert.True(result.GetProperty("top").GetProperty("accuracy").GetDouble() > result.GetProperty("accuracy").GetDouble());

        // The names are the network's, and the table fits 80 columns.
        var table = Run("evaluate", "fashion.safetensors", "--top", "3").Output;
        Assert.Matches(@"^Residual: accuracy \d\d\.\d\d % \(.+\), top-3 accuracy \d\d\.\d\d %, loss ", table);
        Assert.Matches("\n  0 T-shirt/top +978 ", table);
        Assert.All(table.Split('\n')[1..].Where(line => !Path.IsPathRooted(line)), line => Assert.InRange(line.TrimEnd().Length, 0, 80));
    }

    // The test images are random pixels, with another mean and standard deviation than the training images.
    [Fact]
    public void Test_images_are_normalized_like_the_training_images_of_the_network()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"]);
        Save("fashion.safetensors", Answers.Fashion);
        var run = Run("evaluate", "fashion.safetensors", "--data", "data", "--json");
        Assert.Equal(0, run.ExitCode);
        using var model = TrainedNetwork.Load(folder["fashion.safetensors"]);
        using var data = IdxReader.Load(folder["data"]);
        var expected = Evaluator.Evaluate(
            model.Network, data.Test, new Normalization([0.1307], [0.3081]), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(expected.Loss, JsonDocument.Parse(run.Output).RootElement.GetProperty("loss").GetDouble(), 1e-6);
    }

    [Fact]
    public void Top_k_accuracy_of_ten_classes_is_reported_only_on_request()
    {
        var run = Run("evaluate", Trained, "--test-limit", "100", "--json", "--out", ".");
        Assert.Equal(JsonValueKind.Null, JsonDocument.Parse(run.Output).RootElement.GetProperty("top").ValueKind);
        Run("evaluate", Trained, "--out", "x", "--top", "10").AssertFailed(1, "--top", "below", "10");
        Run("evaluate", Trained, "--out", "x", "--top", "0").AssertFailed(2, "--top");
        Assert.Equal(["residual-trained-confusion.png", "residual-trained-mistakes.png"], folder.Contents);
    }

    // Not even root can write below a file.
    [Fact]
    public void Results_are_printed_if_the_plots_cannot_be_written()
    {
        File.WriteAllText(folder["file"], "");
        var run = Run("evaluate", Trained, "--test-limit", "100", "--out", "file/below");
        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("Residual: accuracy 99.00 % (99 of 100)", run.Output);
        Assert.DoesNotContain(".png", run.Output);
        Assert.Matches(
            @"^(warning: [^\n]+-trained-(confusion|mistakes)\.png was not drawn: [^\n]+\n){2}"
                + @"Choose another place for plots with --out\.\n$",
            run.Error);

        var json = Run("evaluate", Trained, "--test-limit", "100", "--out", "file/below", "--json");
        Assert.Equal(0, json.ExitCode);
        var result = JsonDocument.Parse(json.Output).RootElement;
        Assert.Equal(99, result.GetProperty("correct").GetInt32());
        Assert.Empty(result.GetProperty("files").EnumerateArray());
    }

    [Theory]
    [InlineData(20, null, null)]
    [InlineData(21, null, 5)]
    [InlineData(21, 20, 20)]
    public void The_default_k_of_top_k_accuracy_is_five_above_20_classes(int classes, int? given, int? top)
    {
        string[] names = [.. Enumerable.Range(1, classes).Select(number => $"class {number}")];
        SmallPictures.Write(folder["pictures"], names, 2, side: 28, grey: true);
        var metadata = Metadata(names);
        metadata["fit"] = "stretch";
        using (var network = Architecture.Find("plain")!.Create(NetworkShape.Mnist with { Classes = classes }))
            new SafetensorsFile(network.state_dict(), metadata).Write(folder["random.safetensors"]);
        string[] option = given is null ? [] : ["--top", $"{given}"];
        var run = Run(["evaluate", "random.safetensors", "--data", "pictures", "--json", .. option]);
        var found = JsonDocument.Parse(run.Output).RootElement.GetProperty("top");
        Assert.Equal(top, found.ValueKind is JsonValueKind.Null ? null : found.GetProperty("k").GetInt32());
    }

    [Fact]
    public void A_data_set_with_other_classes_fails_with_the_class_names()
    {
        using (var network = Architecture.Find("plain")!.Create(NetworkShape.Mnist with { Classes = 6 }))
            new SafetensorsFile(network.state_dict(), Metadata(["ant", "bee", "cat", "dog", "emu", "fox"])).Write(
                folder["animals.safetensors"]);
        Run("evaluate", "animals.safetensors", "--out", "x").AssertFailed(
            1, "knows 6 classes (ant, bee, cat, ...)", "holds 10 (0, 1, 2, ...): the network does not know '0'");
        Assert.Equal(["animals.safetensors"], folder.Contents);
    }

    [Fact]
    public void A_wrong_model_fails_and_leaves_no_files()
    {
        Run("evaluate", "nowhere.safetensors").AssertFailed(1, "nowhere.safetensors does not exist");
        Run("evaluate", ".").AssertFailed(1, "not a run folder");
        Run("evaluate", Trained, "--out", "x", "--arch", "inception")
            .AssertFailed(1, "inception", "inceptionA.branch_pool.weight is missing");
        Run("evaluate", Trained, "--out", "x", "--data", "nowhere").AssertFailed(1, "nowhere");
        File.WriteAllBytes(folder["pickle.pt"], [(byte)'P', (byte)'K', 3, 4]);
        Run("evaluate", "pickle.pt").AssertFailed(1, "pickle");
        Run("evaluate", "--arch", "plain").AssertFailed(1, "No network of plain comes with the program", "inception");
        Run("evaluate", "").AssertFailed(2, "empty");
        Run("evaluate", Trained, "--out", "").AssertFailed(2, "empty");
        Assert.Equal(["pickle.pt"], folder.Contents);
    }

    [Fact]
    public void Infinite_weights_fail_with_their_name_and_too_large_ones_with_their_loss()
    {
        (string, float)[] changes =
            [("linear.bias", float.NaN), ("rBlock1.conv2.weight", float.NegativeInfinity), ("linear.weight", 3e38f)];
        foreach (var (name, value) in changes)
        {
            using var file = SafetensorsFile.Read(Trained);
            using var numbers = float.IsFinite(value) ? file.Tensors[name].fill_(value) : file.Tensors[name].view(-1)[^1].fill_(value);
            file.Write(folder["changed.safetensors"]);
            string[] expected = float.IsFinite(value) ? ["The loss became"] : [folder["changed.safetensors"], name, "NaN or infinity"];
            Run("evaluate", "changed.safetensors", "--test-limit", "100", "--json").AssertFailed(1, expected);
        }

        Run("predict", "changed.safetensors", Path.Combine(RepositoryRoot.FullPath, "docs", "reference", "mistakes.png"), "--json")
            .AssertFailed(1, "not finite");
        using var changed = SafetensorsFile.Read(Trained);
        changed.Tensors["conv1.bias"].view(-1)[0] = float.NaN;
        changed.Write(folder["changed.safetensors"]);
        Run("train", "--init", "changed.safetensors", "--out", "out").AssertFailed(1, "conv1.bias", "NaN or infinity");
        Assert.Equal(["changed.safetensors"], folder.Contents);
    }

    [Fact]
    public void A_file_without_weights_fails_before_all_of_it_is_read()
    {
        foreach (var path in new[] { "/dev/zero", "/dev/random" }.Where(File.Exists))
            Run("evaluate", path).AssertFailed(1, path, "not a regular file");
        File.WriteAllText(folder["empty.safetensors"], "");
        Run("evaluate", "empty.safetensors").AssertFailed(1, "empty");

        using (var large = File.Create(folder["large.safetensors"]))
            large.SetLength(1_900_000_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(folder["large.safetensors"]));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    // The two residual networks have parameters of the same names and shapes.
    [Fact]
    public void The_architecture_in_the_weights_file_cannot_be_overridden()
    {
        Save("printed.safetensors", "residual-as-printed");
        Save("explained.safetensors", "Residual");
        Save("strange.safetensors", "nosuch");
        Save("wrong.safetensors", "inception");
        Assert.Equal("residual", Evaluate(Trained).Architecture);
        Run("evaluate", "strange.safetensors").AssertFailed(1, "strange.safetensors", "nosuch");
        Assert.Equal("residual", Evaluate("explained.safetensors", "--arch", "residual").Architecture);
        var printed = Evaluate("printed.safetensors");
        Assert.Equal("residual-as-printed", printed.Architecture);
        Assert.Equal(printed, Evaluate("printed.safetensors", "--arch", "residual-as-printed"));
        Assert.Equal(printed, Evaluate(Trained, "--arch", "residual-as-printed"));
        Assert.NotEqual(printed.Loss, Evaluate("explained.safetensors").Loss);

        Run("evaluate", "printed.safetensors", "--arch", "residual")
            .AssertFailed(
                1, "printed.safetensors holds the weights of residual-as-printed, not of residual. Use --arch residual-as-printed.");
        Run("predict", "explained.safetensors", "image.png", "--arch", "residual-as-printed")
            .AssertFailed(1, "of residual, not of residual-as-printed");
        Run("evaluate", "wrong.safetensors").AssertFailed(1, "does not hold the weights of inception: ");

        void Save(string name, string architecture)
        {
            using var file = SafetensorsFile.Read(Trained);
            (file with { Metadata = new Dictionary<string, string> { ["architecture"] = architecture } }).Write(folder[name]);
        }

        (string? Architecture, double Loss) Evaluate(params string[] arguments)
        {
            var run = Run(["evaluate", .. arguments, "--out", "plots", "--test-limit", "100", "--json"]);
            Assert.Equal((0, ""), (run.ExitCode, run.Error));
            var result = JsonDocument.Parse(run.Output).RootElement;
            return (result.GetProperty("architecture").GetString(), result.GetProperty("loss").GetDouble());
        }
    }

    private static Dictionary<string, string> Metadata(string[] classes) => new()
    {
        ["shape"] = "1x28x28",
        ["classes"] = JsonSerializer.Serialize(classes),
        ["mean"] = "0.1307",
        ["deviation"] = "0.3081",
    };

    private void Save(string name, string[] classes)
    {
        using var file = SafetensorsFile.Read(Trained);
        (file with { Metadata = Metadata(classes) }).Write(folder[name]);
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);
}
