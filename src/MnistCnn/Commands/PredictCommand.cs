using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Training;
using static MnistCnn.Commands.CommonOptions;
using static TorchSharp.torch;

namespace MnistCnn.Commands;

/// <summary><c>predict</c>: what is in a picture.</summary>
internal static class PredictCommand
{
    private static readonly Argument<string[]> Images = new("[MODEL] IMAGE")
    {
        Description = $"Pictures, or folders of them: {string.Join(", ", PictureFile.Endings)}. In front of them, the network: {ModelDescription}",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<int> Top = Count("--top", "Name the N likeliest classes.", 1);

    private static readonly Option<bool> Show = new("--show") { Description = "Draw what the network saw." };
    public static Command Create()
    {
        var command = new Command("predict", "Say what is in a picture, and how sure the network is.")
        {
            Images, Top, Show, Threads, Json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(Images) is [var only] && ModelFile.IsModel(only))
                result.AddError($"{only} is a network: name the pictures behind it.");
        });
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var names = line.GetRequiredValue(Images);
        var hasModel = ModelFile.IsModel(names[0]);
        var device = StartTorch(line);
        using var model = LoadModel(line, hasModel ? names[0] : null, device);
        model.EnsureTakesPictures();
        model.Network.eval();

        var files = names.Skip(hasModel ? 1 : 0).SelectMany(Expand).ToArray();
        var report = new PredictionReport(files, model.ClassNames, line.GetValue(Top), line.GetValue(Show), line.GetValue(Json));
        foreach (var file in files)
        {
            Tensor? image;
            try
            {
                image = Directory.Exists(file)
                    ? throw new FileNotFoundException($"The folder {file} holds no picture: {string.Join(", ", PictureFile.Endings)}.")
                    : Read(file, model);
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

    // Null where no ink is found in it.
    private static Tensor? Read(string file, TrainedNetwork model) => model.ImageOf(PictureFile.ReadAllBytes(file), file) is { } pixels
        ? tensor(pixels, [model.Shape.Channels, model.Shape.Height, model.Shape.Width])
        : null;

    // A folder without pictures stays, so that it gets its own error.
    private static string[] Expand(string path)
    {
        string[] files = [.. PictureFolder.Pictures(path)];
        return files.Length > 0 ? files : [path];
    }
}
