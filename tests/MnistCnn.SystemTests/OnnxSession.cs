using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace MnistCnn.SystemTests;

/// <summary>An ONNX file in ONNX Runtime, on the CPU.</summary>
internal sealed class OnnxSession : IDisposable
{
    private readonly InferenceSession session;

    /// <param name="path">The file.</param>
    /// <param name="threads">Threads of one operation.</param>
    public OnnxSession(string path, int threads = 2)
    {
        using var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
        session = new InferenceSession(path, options);
    }

    /// <summary>What the file says of the network.</summary>
    public IReadOnlyDictionary<string, string> Metadata => session.ModelMetadata.CustomMetadataMap;

    /// <summary>What comes out of images (N, C, H, W), uint8 or float32, as the file takes them: (N, classes), float32.</summary>
    public Tensor Run(Tensor images)
    {
        using var input = Value(images);
        using var options = new RunOptions();
        using var outputs = session.Run(options, session.InputNames, [input], session.OutputNames);
        return tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray(), outputs[0].GetTensorTypeAndShape().Shape);
    }

    /// <summary>Runs the same images again and again, to be timed.</summary>
    public Action Repeat(Tensor images)
    {
        var input = Value(images);
        var options = new RunOptions();
        return () => session.Run(options, session.InputNames, [input], session.OutputNames).Dispose();
    }

    public void Dispose() => session.Dispose();

    private static OrtValue Value(Tensor images) => images.dtype == ScalarType.Byte
        ? OrtValue.CreateTensorValueFromMemory(images.data<byte>().ToArray(), images.shape)
        : OrtValue.CreateTensorValueFromMemory(images.data<float>().ToArray(), images.shape);
}
