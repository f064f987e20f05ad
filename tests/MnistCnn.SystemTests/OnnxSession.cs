using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace MnistCnn.SystemTests;

/// <summary>ONNX Runtime with one file, on the CPU.</summary>
internal sealed class OnnxSession : IDisposable
{
    private readonly InferenceSession session;

    /// <param name="threads">Threads per operation.</param>
    public OnnxSession(string path, int threads = 2)
    {
        using var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
        session = new InferenceSession(path, options);
    }

    public IReadOnlyDictionary<string, string> Metadata => session.ModelMetadata.CustomMetadataMap;

    /// <summary>Runs images (N, C, H, W), uint8 or float32 as in the file; returns (N, classes), float32.</summary>
    public Tensor Run(Tensor images)
    {
        using var input = Value(images);
        using var options = new RunOptions();
        using var outputs = session.Run(options, session.InputNames, [input], session.OutputNames);
        return tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray(), outputs[0].GetTensorTypeAndShape().Shape);
    }

    /// <summary>Returns an action that runs the same images, for timing.</summary>
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
