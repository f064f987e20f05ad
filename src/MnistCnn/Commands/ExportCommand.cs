using System.CommandLine;
using Google.Protobuf;
using MnistCnn.Export;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using Onnx;

namespace MnistCnn.Commands;

internal static class ExportCommand
{
    private static readonly Option<string?> Out = OptionParsers.FilePath(
        "--out", "FILE", "The ONNX file. [default: MODEL with the ending .onnx; in the current folder for a bundled network]");
    private static readonly Option<bool> Uint8 = OptionParsers.Switch(
        "--uint8", "Take uint8 pixels (0-255) and normalise inside the model. Without it: normalised float32 input.");
    private static readonly Option<bool> Probabilities = OptionParsers.Switch(
        "--probabilities", "Output probabilities instead of logits.");
    private static readonly Option<bool> Overwrite = OptionParsers.Switch("--overwrite", "Replace an existing file.");

    public static Command Create() => OptionParsers.CreateCommand(
        "export",
        "Export a trained network to an ONNX file, for ONNX Runtime and other programs.",
        Run,
        [SharedOptions.Model, Out, Uint8, Probabilities, Overwrite, SharedOptions.Json]);

    private static int Run(ParseResult parseResult)
    {
        NativeLibraries.Load();
        var name = parseResult.GetValue(SharedOptions.Model);
        using var model = ModelLocator.Load(name, parseResult.GetValue(SharedOptions.Arch), CPU);
        var path = Path.GetFullPath(parseResult.GetValue(Out)
            ?? Path.Combine(ModelLocator.ResultFolder(name, model.Path), Path.GetFileNameWithoutExtension(model.Path) + ".onnx"));
        EnsureWritable(path, model.Path, parseResult.GetValue(Overwrite));

        var file = Convert(model, takesPixels: parseResult.GetValue(Uint8), givesProbabilities: parseResult.GetValue(Probabilities));
        AtomicFile.Write(path, file.WriteTo);
        ExportReport.Write(model.Architecture, file, path, parseResult.GetValue(SharedOptions.Json));
        return 0;
    }

    private static ModelProto Convert(TrainedNetwork model, bool takesPixels, bool givesProbabilities)
    {
        try
        {
            return OnnxModel.Create(model, takesPixels, givesProbabilities);
        }
        catch (NotSupportedException error)
        {
            throw new UserException(error.Message, error);
        }
    }

    private static void EnsureWritable(string path, string weights, bool overwrite)
    {
        if (string.Equals(path, weights, StringComparison.OrdinalIgnoreCase))
            throw new UserException($"{path} is the file with the weights. Choose another one with --out.");
        if (Path.GetDirectoryName(path) is { } folder && !Directory.Exists(folder))
            throw new UserException($"{folder} does not exist, or is not a folder. Create it first, or choose another one with --out.");
        if (File.Exists(path) && !overwrite)
            throw new UserException($"{path} exists. Choose another file with --out, or replace it with --overwrite.");
        if (FileErrors.Catch(() => AtomicFile.EnsureWritable(path)) is { } error)
            throw new UserException($"{path} cannot be written: {error.Message.TrimEnd('.')}. Choose another file with --out.", error);
    }
}
