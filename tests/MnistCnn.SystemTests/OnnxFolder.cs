using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Tests;
using MnistCnn.Tests.Export;
using static TorchSharp.torch;

namespace MnistCnn.SystemTests;

/// <summary>A temporary folder with weights and the ONNX files exported from them.</summary>
internal sealed class OnnxFolder : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public string this[string name] => folder[name];

    /// <summary>Weights of Residual, trained by PyTorch.</summary>
    public static string TrainedResidual { get; } = Path.Combine(AppContext.BaseDirectory, "residual-trained.safetensors");

    /// <summary>Writes the weights of a <see cref="RandomNetwork"/> and returns their path.</summary>
    public string SaveRandom(string architecture, NetworkShape shape)
    {
        using var network = RandomNetwork.Create(architecture, shape);
        var metadata = new Dictionary<string, string>
        {
            ["architecture"] = architecture,
            ["shape"] = shape.Input,
            ["classes"] = $"[{string.Join(',', Enumerable.Range(0, shape.Classes).Select(number => $"\"{number}\""))}]",
            ["mean"] = "0.5",
            ["deviation"] = "0.25",
        };
        var path = folder[$"{architecture}.safetensors"];
        new SafetensorsFile(network.state_dict(), metadata).Write(path);
        return path;
    }

    /// <summary>Returns the path of trained weights: Residual's of PyTorch, or Inception's, which are trained here.</summary>
    public string Trained(string architecture) => architecture == "residual" ? TrainedResidual : TrainInception();

    /// <summary>Exports weights with the program and returns the path of the ONNX file.</summary>
    public string Export(string weights, params string[] options)
    {
        var path = folder["model.onnx"];
        Run(["export", weights, "--out", path, "--overwrite", .. options]);
        return path;
    }

    /// <summary>Largest absolute difference relative to the largest expected value.</summary>
    public static double Difference(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        return ((actual - expected).abs().max() / expected.abs().max()).item<float>();
    }

    /// <summary>Returns the logits as the program computes them.</summary>
    public static Tensor Logits(TrainedNetwork model, Tensor images)
    {
        using var noGradient = no_grad();
        model.Network.eval();
        return cat([.. images.split(100).Select(batch =>
        {
            using var scope = NewDisposeScope();
            return model.Network.call(batch).MoveToOuterDisposeScope();
        })]);
    }

    public void Dispose() => folder.Dispose();

    private string TrainInception()
    {
        const string options = "--epochs 1 --train-limit 9600 --lr 0.05 --momentum 0.9 --out inception";
        Run(["train", "--arch", "inception", .. options.Split(' ')]);
        return folder["inception/model.safetensors"];
    }

    private void Run(params string[] arguments)
    {
        var run = ProgramRun.Of(folder.FullPath, arguments);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
    }
}
