using System.ComponentModel;
using System.Diagnostics;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.SystemTests;

/// <summary>Exported networks give the same outputs in ONNX Runtime as in the program.</summary>
public sealed class OnnxRuntimeTests : IDisposable
{
    private const double Tolerance = 1e-4;

    private readonly OnnxFolder folder = new();

    static OnnxRuntimeTests() => NativeLibraries.Load();

    public static TheoryData<string> Names => [.. Architecture.All.Select(architecture => architecture.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("residual")]
    [InlineData("inception")]
    public void The_article_s_trained_networks_give_the_same_predictions_for_every_test_image(string name)
    {
        var weights = folder.Trained(name);
        using var model = TrainedNetwork.Load(weights, Architecture.Find(name));
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1);
        var images = model.Normalization.Apply(data.Test.Images);
        var expected = OnnxFolder.Logits(model, images);
        Assert.InRange((double)Correct(expected, data.Test), 9000, 10_000);

        var logits = Run(images);
        Assert.InRange(OnnxFolder.Difference(expected, logits), 0, Tolerance);
        AssertSameClasses(expected, logits);
        logits = Run(data.Test.Images, "--uint8");
        Assert.InRange(OnnxFolder.Difference(expected, logits), 0, Tolerance);
        AssertSameClasses(expected, logits);
        var probabilities = Run(data.Test.Images, "--uint8", "--probabilities");
        Assert.InRange((probabilities - softmax(expected, 1)).abs().max().item<float>(), 0, Tolerance);
        AssertSameClasses(expected, probabilities);

        Tensor Run(Tensor input, params string[] options)
        {
            using var session = new OnnxSession(folder.Export(weights, options));
            using var scope = NewDisposeScope();
            return cat([.. input.split(250).Select(session.Run)]).MoveToOuterDisposeScope();
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_network_gives_the_same_logits_for_any_batch_size_and_image_size(string name)
    {
        var weights = folder.SaveRandom(name, new NetworkShape(3, 36, 44, 5));
        using var model = TrainedNetwork.Load(weights);
        using var session = new OnnxSession(folder.Export(weights));
        Assert.Equal((name, "3x36x44"), (session.Metadata["architecture"], session.Metadata["shape"]));
        AssertSame(1, 36, 44);
        AssertSame(7, 36, 44);
        if (model.Network is BlockNetwork)
            AssertSame(2, 65, 50);
        if (model.Network is GoogLeNet) // its pooling rounds up, so 20 sizes have different remainders
            foreach (var side in Enumerable.Range(GoogLeNet.SmallestSide, 20))
                AssertSame(1, side, side + 3);
        if (model.Network is BlockNetwork and not GoogLeNet)
            AssertSame(1, 1, 1);

        void AssertSame(int batch, int height, int width)
        {
            using var scope = NewDisposeScope();
            manual_seed(1);
            var images = randn(batch, 3, height, width);
            Assert.InRange(OnnxFolder.Difference(OnnxFolder.Logits(model, images), session.Run(images)), 0, Tolerance);
        }
    }

    // Python's onnx and ONNX Runtime check files and infer shapes independently.
    [Theory]
    [MemberData(nameof(Names))]
    public void Every_file_passes_the_checker_of_Python_s_onnx(string name)
    {
        var python = new[] { "python3", "/usr/bin/python3" }.FirstOrDefault(python => RunPython(python, "import onnx")?.ExitCode == 0);
        Assert.SkipWhen(python is null, "there is no Python with onnx here (Debian: python3-onnx)");
        var path = folder.Export(folder.SaveRandom(name, NetworkShape.Mnist), "--uint8", "--probabilities");
        const string Script =
            """
            import onnx, sys
            model = onnx.load(sys.argv[1])
            onnx.checker.check_model(model, full_check=True)
            values = {value.name: value for value in onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.value_info}
            logits = [side.dim_param or side.dim_value for side in values["logits"].type.tensor_type.shape.dim]
            print(model.graph.name, model.opset_import[0].version <= 17, model.ir_version <= 8, logits)
            """;
        var run = RunPython(python!, Script, path)!;
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal($"{name} True True ['batch', 10]\n", run.Output);
    }

    private static ProgramRun? RunPython(string python, string script, params string[] arguments)
    {
        try
        {
            return ProgramRun.Finish(ProgramRun.Start(new ProcessStartInfo(python, ["-c", script, .. arguments])));
        }
        catch (Win32Exception)
        {
            return null; // not installed
        }
    }

    private static long Correct(Tensor logits, LabeledImages images) => (logits.argmax(1) == images.Labels).sum().item<long>();

    private static void AssertSameClasses(Tensor expected, Tensor actual) =>
        Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());
}
