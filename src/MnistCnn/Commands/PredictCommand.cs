using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static MnistCnn.Commands.CommonOptions;
using static TorchSharp.torch;

namespace MnistCnn.Commands;

/// <summary><c>predict</c>: which digit is in a picture.</summary>
internal static class PredictCommand
{
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif"];

    private static readonly Argument<string[]> Images = new("IMAGE")
    {
        Description = $"Pictures of one digit each, or folders of them: {string.Join(", ", Endings)}.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<int> Top = Count("--top", "Name the N likeliest digits.", 1);

    private static readonly Option<bool> Show = new("--show") { Description = "Draw the 28x28 pixels that the network saw." };
    public static Command Create()
    {
        var command = new Command("predict", "Say which digit is in a picture, and how sure the network is.")
        {
            Model, Images, Top, Show, Threads, Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var device = StartTorch(line);
        using var model = LoadModel(line, device);
        if (model.Shape is not { Channels: 1, Height: DigitImage.Side, Width: DigitImage.Side })
            throw new UserException($"predict makes grey images of {DigitImage.Side}x{DigitImage.Side} of its pictures, and the network takes {model.Shape.Input}.");
        model.Network.eval();

        var files = line.GetRequiredValue(Images).SelectMany(Expand).ToArray();
        var report = new PredictionReport(files, line.GetValue(Top), line.GetValue(Show), line.GetValue(Json));
        foreach (var file in files)
        {
            Tensor? image;
            try
            {
                image = Directory.Exists(file)
                    ? throw new FileNotFoundException($"The folder {file} holds no picture: {string.Join(", ", Endings)}.")
                    : DigitImage.Read(file);
            }
            catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                report.Fail(file, error.Message);
                continue;
            }

            using (image)
                report.Add(file, image, image is null ? [] : Prediction.Of(model.Network, model.Normalization, image, device));
        }

        report.Finish();
        return report.HasFailures ? ExitCode.Failed : 0;
    }

    // A folder without pictures stays, so that it gets its own error.
    private static string[] Expand(string path)
    {
        if (!Directory.Exists(path))
            return [path];
        var files = Directory.EnumerateFiles(path)
            .Where(file => Endings.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal).ToArray();
        return files.Length > 0 ? files : [path];
    }
}
