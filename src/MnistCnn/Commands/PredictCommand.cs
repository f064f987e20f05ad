using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Sweeps;
using MnistCnn.Training;

namespace MnistCnn.Commands;

internal static class PredictCommand
{
    private static readonly Argument<string[]> Images = new("[MODEL] IMAGE")
    {
        Description = $"Images or folders of images: {string.Join(", ", ImageDecoder.Extensions)}. "
            + $"Before them, the network: {SharedOptions.ModelDescription}",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<int> Top = OptionParsers.Count("--top", "Show the N most likely classes.", 1);
    private static readonly Option<bool> Show = OptionParsers.Switch("--show", "Draw each image as the network sees it.");

    public static Command Create() => OptionParsers.CreateCommand(
        "predict",
        "Predict the class of images, with its probability.",
        Run,
        [Images, Top, Show, SharedOptions.Threads, SharedOptions.Json],
        result =>
        {
            if (FindError(result.GetValue(Images) ?? []) is { } message)
                result.AddError(message);
        });

    private static int Run(ParseResult parseResult)
    {
        var names = parseResult.GetRequiredValue(Images);
        var hasModel = ModelLocator.IsModel(names[0]);
        var name = hasModel ? names[0] : null;
        var device = TorchEnvironment.Start(parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads));
        using var model = ModelLocator.Load(name, parseResult.GetValue(SharedOptions.Arch), device);
        model.EnsureTakesImageFiles();
        model.Network.eval();

        var files = names.Skip(hasModel ? 1 : 0).SelectMany(Expand).ToArray();
        var report = new PredictionReport(
            files,
            model,
            parseResult.GetValue(Top),
            parseResult.GetValue(Show),
            parseResult.GetValue(SharedOptions.Json));
        Func<string, TrainedNetwork, Device, ImagePrediction[]> predict = model.ReadsDigits ? PredictDigits : PredictImage;
        foreach (var file in files)
            if (FileErrors.Catch(() => report.Add(file, predict(file, model, device))) is { } error)
                report.Fail(file, error.Message);

        report.Finish();
        return report.HasFailures ? ExitCode.Failed : 0;
    }

    // Without a network, the bundled one predicts: it must not do so if an argument may be a mistyped network.
    private static string? FindError(string[] names)
    {
        var hasModel = names is [var first, ..] && ModelLocator.IsModel(first);
        if (hasModel && names.Length == 1)
            return $"{names[0]} is a network: name the images after it.";
        if (names.Skip(1).FirstOrDefault(ModelLocator.IsModel) is { } late)
            return $"{late} is a network: name one network, before the images.";
        return !hasModel && names.FirstOrDefault(name => !IsImage(name)) is { } unknown
            ? $"{unknown} {(Path.Exists(unknown) ? "is neither a network nor an image" : "does not exist")}."
            : null;
    }

    // A missing file with the ending of an image is reported later. The folder of a sweep or an experiment has plots, not images.
    private static bool IsImage(string name)
    {
        if (File.Exists(Path.Combine(name, SweepInfo.FileName)) || File.Exists(Path.Combine(name, ExperimentInfo.FileName)))
            return false;
        return ImageDecoder.IsImageName(name) || ImageFolder.ImagesIn(name).Any()
            || FileErrors.Try(() => ImageDecoder.ReadHeader(ImageDecoder.ReadAllBytes(name), name));
    }

    // Replaces a folder by its images. A folder without images stays, to be reported.
    private static IEnumerable<string> Expand(string path) => ImageFolder.ImagesIn(path).DefaultIfEmpty(path);

    private static byte[] ReadAllBytes(string file) => Directory.Exists(file)
        ? throw new FileNotFoundException($"The folder {file} has no images: {string.Join(", ", ImageDecoder.Extensions)}.")
        : ImageDecoder.ReadAllBytes(file);

    private static ImagePrediction[] PredictImage(string file, TrainedNetwork model, Device device) =>
        ImageDecoder.ReadImage(ReadAllBytes(file), file, model.ImageSettings) is { } pixels ? [Predict(pixels, model, device)] : [];

    // Parts that are close together may be broken strokes of one digit. The network decides: it is more certain of whole digits.
    private static ImagePrediction[] PredictDigits(string file, TrainedNetwork model, Device device)
    {
        if (DigitImage.ReadAll(ReadAllBytes(file), file) is not { } row)
            return [];
        ImagePrediction[] digits = [.. row.Digits.Select(digit => Predict(digit, model, device))];
        if (row.AreApart)
            return digits;
        var single = Predict(row.Main, model, device);
        if (digits.Min(digit => digit.Best.Probability) > single.Best.Probability)
            return digits;
        Terminal.WriteErrorLine(
            $"warning: {file} is read as one digit, but may be {string.Concat(digits.Select(digit => digit.Best.Class))}: "
            + "leave more space between the digits.");
        return [single];
    }

    private static ImagePrediction Predict(byte[] pixels, TrainedNetwork model, Device device)
    {
        using var image = tensor(pixels, [model.Shape.Channels, model.Shape.Height, model.Shape.Width]);
        return new ImagePrediction(pixels, Evaluator.Predict(model.Network, model.Normalization, image, device));
    }
}
