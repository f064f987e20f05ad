using System.Text.Json;
using MnistCnn.Files;
using SkiaSharp;

namespace MnistCnn.Tests.Runs;

/// <summary>Names of models: weights under the prefixes of PyTorch's wrappers, and run folders.</summary>
public sealed class ModelNamesTests : IDisposable
{
    private static readonly string[] Small =
        ["--arch", "residual", "--epochs", "1", "--train-limit", "64", "--test-limit", "50", "--threads", "1"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("module.")]
    [InlineData("_orig_mod.")]
    [InlineData("module._orig_mod.")]
    [InlineData("_orig_mod.module.")]
    public void Prefixes_of_PyTorch_wrappers_make_no_difference(string prefix)
    {
        var plain = Fixture.PathOf("residual-trained.safetensors");
        WriteRenamed("wrapped.safetensors", (name, _) => prefix + name);
        string[] evaluate = ["evaluate", "--test-limit", "100", "--out", "plots", "--json"];
        Assert.Equal(AccuracyOf(Run([.. evaluate, plain])), AccuracyOf(Run([.. evaluate, "wrapped.safetensors"])));

        SmallPictures.Save(folder["bar.png"], 40, 40, (x, _) => x is > 15 and < 22 ? SKColors.Black : SKColors.White);
        Assert.Equal(Run("predict", plain, "bar.png").Output, Run("predict", "wrapped.safetensors", "bar.png").Output);

        Assert.Equal(0, Run("export", plain, "--out", "plain.onnx").ExitCode);
        Assert.Equal(0, Run("export", "wrapped.safetensors", "--out", "wrapped.onnx").ExitCode);
        Assert.Equal(File.ReadAllBytes(folder["plain.onnx"]), File.ReadAllBytes(folder["wrapped.onnx"]));

        Assert.Equal(0, Run(["train", .. Small, "--init", plain, "--out", "plain"]).ExitCode);
        Assert.Equal(0, Run(["train", .. Small, "--init", "wrapped.safetensors", "--out", "wrapped"]).ExitCode);
        Assert.Equal(File.ReadAllBytes(folder["plain/model.safetensors"]), File.ReadAllBytes(folder["wrapped/model.safetensors"]));
    }

    [Fact]
    public void A_prefix_that_only_some_tensors_have_stays()
    {
        WriteRenamed("part.safetensors", (name, index) => index == 0 ? name : $"module.{name}");
        Run("evaluate", "part.safetensors", "--arch", "residual").AssertFailed(1, "part.safetensors", "is missing");
    }

    [Fact]
    public void Init_and_resume_take_a_run_folder()
    {
        Assert.Equal(0, Run(["train", .. Small, "--out", "run"]).ExitCode);
        Assert.Equal(0, Run(["train", .. Small, "--init", "run", "--out", "folder"]).ExitCode);
        Assert.Equal(0, Run(["train", .. Small, "--init", "run/best.safetensors", "--out", "file"]).ExitCode);
        Assert.Equal(File.ReadAllBytes(folder["file/model.safetensors"]), File.ReadAllBytes(folder["folder/model.safetensors"]));
        Assert.Equal(0, Run(["train", .. Small, "--init", "residual", "--out", "bundled"]).ExitCode);

        Assert.Equal(0, Run("train", "--resume", "folder/", "--epochs", "2", "--threads", "1").ExitCode);
        Assert.Equal(2, File.ReadAllLines(folder["folder/metrics.jsonl"]).Length);

        File.Delete(folder["run/checkpoint.safetensors"]);
        Run("train", "--resume", "run").AssertFailed(1, folder["run"], "cannot be resumed", "checkpoint.safetensors");
        File.Delete(folder["run/best.safetensors"]);
        Run(["train", .. Small, "--init", "run"]).AssertFailed(1, folder["run/best.safetensors"], "does not exist");
        Directory.CreateDirectory(folder["empty"]);
        Run(["train", .. Small, "--init", "empty"]).AssertFailed(1, "empty is not a run folder", "run.json");
        Run("train", "--resume", "empty").AssertFailed(1, folder["empty"], "checkpoint.safetensors");
        Run("sweep", "seed=1,2", "--init", "empty").AssertFailed(1, "empty is not a run folder", "run.json");
    }

    private static double AccuracyOf(ProgramRun run) =>
        JsonDocument.Parse(run.Output).RootElement.GetProperty("accuracy").GetDouble();

    private void WriteRenamed(string name, Func<string, int, string> rename)
    {
        using var file = SafetensorsFile.Read(Fixture.PathOf("residual-trained.safetensors"));
        var tensors = file.Tensors.Index().ToDictionary(pair => rename(pair.Item.Key, pair.Index), pair => pair.Item.Value);
        (file with { Tensors = tensors, Metadata = new Dictionary<string, string>() }).Write(folder[name]);
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);
}
