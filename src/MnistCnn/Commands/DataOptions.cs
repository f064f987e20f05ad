using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using static MnistCnn.Commands.OptionParsers;

namespace MnistCnn.Commands;

internal static class DataOptions
{
    public static Option<string?> Data { get; } = FilePath(
        "--data", "DIR", "Data folder: one subfolder of images per class, or IDX or CIFAR files. [default: the bundled MNIST]");

    public static Option<(int Height, int Width)?> ImageSize { get; } = Parsed(
        "--image-size",
        "HxW",
        "Resize images to this size, height first. [default: their own size if all have the same, at most 64x64; otherwise 64x64]",
        ImageSettings.ParseSize,
        $"height and width, as in 64x64, each from 1 to {ImageSettings.MaxSide}");

    public static Option<ImageFit?> Fit { get; } = EnumName<ImageFit>(
        "--fit", $"How to resize images: {Names(Enum.GetValues<ImageFit>(), NameOf)}. [default: crop]", "fit");

    public static Option<bool> Grey { get; } = Switch("--grey", "Convert colour images to grey: one channel instead of three.");

    public static Option<double> TestShare { get; } = Number(
        "--test-share",
        "Fraction of each class that becomes test images, unless the data folder has folders train and test or valid.",
        ImageSettings.DefaultTestFraction,
        ImageSettings.IsTestFraction,
        "a number above 0 and below 1");

    public static Option<bool> SkipBroken { get; } = new("--skip-broken") { Description = "Skip images that cannot be read." };

    public static IReadOnlyList<Option> All { get; } = [Data, ImageSize, Fit, Grey, TestShare, SkipBroken];

    /// <summary>Calls <see cref="DataReader.Load"/> for the command line, with a progress bar for a folder of images.</summary>
    /// <param name="defaults">Image settings for options that are not given.</param>
    /// <param name="defaultFolder">Data set if the command line names none; null for <see cref="DataReader.Default"/>.</param>
    public static DataSet Load(
        ParseResult parseResult,
        int? trainLimit,
        int? testLimit,
        ImageSettings? defaults = null,
        string? defaultFolder = null,
        int copies = 1,
        IReadOnlyList<string>? classOrder = null,
        Action<ImageSettings>? validate = null)
    {
        var path = parseResult.GetValue(Data) ?? defaultFolder ?? DataReader.Default;
        var settings = Settings(parseResult, defaults ?? new ImageSettings());
        DataSet? data = null;
        if (!Console.IsErrorRedirected && DataReader.IsImageFolder(path))
            ProgressBar.Show(Terminal.CreateConsole(Console.Error), bar => Load(fraction => bar.Report("Images", fraction, fraction)));
        else
            Load(progress: null);

        using var guard = new DisposeOnError(data!);
        if (data!.ImageSettings is null && All.Skip(1).FirstOrDefault(option => parseResult.IsGiven(option)) is { } imageOption)
            throw new UserException($"{imageOption.Name} applies to folders of images only, and {data.Folder} holds IDX or CIFAR files.");
        if (parseResult.IsGiven(TestShare) && data.ImageSettings!.TestShare is null)
            throw new UserException($"{TestShare.Name} does not apply to {data.Folder}: it has its own test images.");
        return guard.Complete(data);

        void Load(Action<double>? progress) =>
            data = DataReader.Load(path, settings, trainLimit, testLimit, progress, copies, classOrder, validate);
    }

    /// <summary>Describes the data set on standard error if the command line names one, and warns of problems in it.</summary>
    public static void Report(ParseResult parseResult, DataSet data)
    {
        if (parseResult.IsGiven(Data))
        {
            var isDeeper = data.Folder != Path.TrimEndingDirectorySeparator(Path.GetFullPath(parseResult.GetValue(Data)!));
            Terminal.WriteErrorLine($"Data: {data.Description}{(isDeeper ? $", from {data.Folder}" : "")}");
        }

        if ($"{data.Report.Skipped}" is not "" and var skipped)
            Terminal.WriteErrorLine($"Skipped: {skipped}.");
        if (data.Report.LeakedTestFiles > 0)
            Terminal.WriteErrorLine($"Warning: test images that are also training images: {data.Report.LeakedTestFiles}.");
        if (data.ImageSettings is not null
            && data.ClassNames.GroupBy(name => name.ToUpperInvariant()).FirstOrDefault(names => names.Count() > 1) is { } similar)
            Terminal.WriteErrorLine($"Warning: classes whose names differ only in upper and lower case: {string.Join(", ", similar)}.");
        if (data.Report.Unreadable is [var first, ..] unreadable)
            Terminal.WriteErrorLine($"Warning: images skipped because they cannot be read: {unreadable.Count}. The first: {first}");
    }

    private static ImageSettings Settings(ParseResult parseResult, ImageSettings defaults) => defaults with
    {
        Height = parseResult.GetValue(ImageSize)?.Height ?? defaults.Height,
        Width = parseResult.GetValue(ImageSize)?.Width ?? defaults.Width,
        Fit = parseResult.GetValue(Fit) ?? defaults.Fit,
        Grey = parseResult.GetValue(Grey) ? true : defaults.Grey,
        TestShare = parseResult.IsGiven(TestShare) ? parseResult.GetValue(TestShare) : defaults.TestShare,
        SkipBroken = parseResult.GetValue(SkipBroken) || defaults.SkipBroken,
    };
}
