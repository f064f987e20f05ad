using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using Onnx;

namespace MnistCnn.Tests.Commands;

public sealed class ExportCommandTests : IDisposable
{
    private static readonly string Trained = Fixture.PathOf("residual-trained.safetensors");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_file_is_beside_the_weights_and_has_their_metadata()
    {
        Save("best.safetensors", "plain", new NetworkShape(3, 32, 20, 2), "3x32x20", """["cat","dog"]""");
        var run = Run("export", "best.safetensors");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(["best.onnx", "best.safetensors"], folder.Contents);
        Assert.Matches(@"^Plain: images \(batch, 3, 32, 20\) float32 to logits \(batch, 2\) float32, opset 13, 0\.\d\d MB\n", run.Output);
        Assert.EndsWith($"\n{folder["best.onnx"]}\n", run.Output);

        var metadata = Read("best.onnx").MetadataProps.ToDictionary(text => text.Key, text => text.Value);
        Assert.Equal(Versions.Program, metadata["mnist_cnn"]);
        Assert.Equal(
            ["plain", "3x32x20", """["cat","dog"]""", "0.5", "0.25", "98.5"],
            new[] { "architecture", "shape", "classes", "mean", "deviation", "test_accuracy" }.Select(key => metadata[key]));
    }

    [Fact]
    public void Json_describes_input_and_output()
    {
        var run = Run("export", Trained, "--out", "model.onnx", "--uint8", "--probabilities", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal("residual", result.GetProperty("architecture").GetString());
        Assert.Equal(
            """{"name":"images","type":"uint8","shape":["batch",1,28,28]}""", JsonSerializer.Serialize(result.GetProperty("input")));
        Assert.Equal(
            """{"name":"probabilities","type":"float32","shape":["batch",10]}""", JsonSerializer.Serialize(result.GetProperty("output")));
        Assert.Equal(new FileInfo(folder["model.onnx"]).Length, result.GetProperty("bytes").GetInt64());
        Assert.Equal([folder["model.onnx"]], result.GetProperty("files").EnumerateArray().Select(file => file.GetString()));
        Assert.Equal(["images", "probabilities"], [Read("model.onnx").Graph.Input[0].Name, Read("model.onnx").Graph.Output[0].Name]);

        // PyTorch's file has no metadata.
        var metadata = Read("model.onnx").MetadataProps.ToDictionary(text => text.Key, text => text.Value);
        Assert.Equal("0.1307", metadata["mean"]);
        Assert.DoesNotContain("test_accuracy", metadata.Keys);
    }

    [Fact]
    public void An_existing_file_is_replaced_only_with_overwrite()
    {
        File.WriteAllText(folder["model.onnx"], "mine");
        Run("export", Trained, "--out", "model.onnx").AssertFailed(1, folder["model.onnx"], "exists", "--overwrite");
        Run("export", "nowhere.safetensors", "--out", "model.onnx", "--overwrite").AssertFailed(1, "nowhere.safetensors does not exist");
        Assert.Equal("mine", File.ReadAllText(folder["model.onnx"]));
        Assert.Equal(0, Run("export", Trained, "--out", "model.onnx", "--overwrite").ExitCode);
        Assert.Equal("residual", Read("model.onnx").Graph.Name);
        Assert.Equal(["model.onnx"], folder.Contents);

        // Not even --overwrite replaces the weights.
        File.Copy(Trained, folder["weights.onnx"]);
        Run("export", "weights.onnx", "--overwrite").AssertFailed(1, "is the file with the weights", "--out");
        Assert.Equal(File.ReadAllBytes(Trained), File.ReadAllBytes(folder["weights.onnx"]));
    }

    [Fact]
    public void An_export_that_is_not_possible_fails_and_leaves_no_files()
    {
        Run("export", Trained, "--out", "nowhere/model.onnx").AssertFailed(1, folder["nowhere"], "does not exist");
        Run("export", Trained, "--out", ".").AssertFailed(1, folder.FullPath, "is a folder");
        Run("export", Trained, "--out", "x.onnx", "--arch", "inception")
            .AssertFailed(1, "inception", "inceptionA.branch_pool.weight is missing");
        Run("export", Fixture.PathOf("checkpoint-0.2.safetensors"), "--out", "x.onnx").AssertFailed(1, "is a checkpoint");
        Run("export", "--arch", "plain").AssertFailed(1, "No network of plain comes with the program");
        Run("export", Trained, "--arch", "foo").AssertFailed(2, "'foo'");
        if (OperatingSystem.IsLinux())
            Run("export", Trained, "--out", "/proc/x.onnx").AssertFailed(1, "/proc/x.onnx cannot be written", "--out");
        Assert.Empty(folder.Contents);

        Save("small.safetensors", "plain", NetworkShape.Mnist, "1x8x8", """["0","1","2","3","4","5","6","7","8","9"]""");
        Run("export", "small.safetensors").AssertFailed(1, "small.safetensors", "16x16 pixels or more, not of 8x8");
        Assert.Equal(["small.safetensors"], folder.Contents);
    }

    // A limit of 50 blocks per file acts like a full disk.
    [Fact]
    public void A_write_that_fails_leaves_the_old_file()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no such limit, or another one");
        File.WriteAllText(folder["model.onnx"], "mine");
        const string Limit = "trap '' XFSZ; ulimit -f 50; export DOTNET_EnableWriteXorExecute=0 DOTNET_EnableDiagnostics=0";
        var run = ProgramRun.OfShell(folder.FullPath, $"{Limit}; {ProgramRun.Command} export '{Trained}' --out model.onnx --overwrite");
        Assert.Equal((1, ""), (run.ExitCode, run.Output));
        Assert.Equal(["model.onnx"], folder.Contents);
        Assert.Equal("mine", File.ReadAllText(folder["model.onnx"]));
    }

    [Fact]
    public void A_pickle_fails_with_the_Python_code_that_converts_it()
    {
        File.WriteAllBytes(folder["it's.pt"], [(byte)'P', (byte)'K', 3, 4, 0, 0, 0, 0, 0, 0]);
        Run("export", "it's.pt").AssertFailed(
            1,
            "pickle",
            "import torch, safetensors.torch; safetensors.torch.save_file(torch.load('",
            @"it\'s.pt', weights_only=True), '",
            @"it\'s.safetensors')");
        Assert.Equal(["it's.pt"], folder.Contents);
    }

    private void Save(string name, string architecture, NetworkShape shape, string saidShape, string classes)
    {
        using var network = Architecture.Find(architecture)!.Create(shape);
        var metadata = new Dictionary<string, string>
        {
            ["architecture"] = architecture,
            ["shape"] = saidShape,
            ["classes"] = classes,
            ["mean"] = "0.5",
            ["deviation"] = "0.25",
            ["test_accuracy"] = "98.5",
        };
        new SafetensorsFile(network.state_dict(), metadata).Write(folder[name]);
    }

    private ModelProto Read(string name) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder[name]));

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);
}
