using System.CommandLine;
using System.CommandLine.Parsing;
using MnistCnn.Data;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using static MnistCnn.Commands.OptionParsers;

namespace MnistCnn.Commands;

/// <summary>Options that say which data set is read, and how pictures become images of it.</summary>
internal static class DataOptions
{
    private static readonly string FitNames = Names(Enum.GetNames<ImageFit>(), name => name.ToLowerInvariant());

    public static Option<string?> Data { get; } = new("--data")
    {
        Description = "A folder of pictures, a folder a class, or of IDX or CIFAR files. [default: the MNIST that comes with the program]",
        HelpName = "DIR",
    };

    /// <summary>The size of images that pictures become, and whether they are grey: what the network takes.</summary>
    public static Option<(int Height, int Width)?> ImageSize { get; } = new("--image-size")
    {
        Description = "Bring pictures to this size. [default: their own size where all have one of at most 64x64, otherwise 64x64]",
        HelpName = "HxW",
        CustomParser = Size,
    };

    public static Option<ImageFit?> Fit { get; } = new("--fit")
    {
        Description = $"How they are brought to it: {FitNames}. [default: crop]",
        HelpName = "NAME",
        CustomParser = FitName,
    };

    public static Option<bool> Grey { get; } = new("--grey")
    {
        Description = "Make grey images of colour pictures: one channel instead of three.",
    };

    public static Option<double> TestShare { get; } = Number(
        "--test-share",
        "Without folders train and test (or val): the share of each class to test on.",
        ImageSettings.DefaultTestFraction,
        ImageSettings.IsTestShare,
        "a number above 0 and below 1");

    public static Option<bool> SkipBroken { get; } = new("--skip-broken") { Description = "Pass over pictures that cannot be read." };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Option> All { get; } = [Data, ImageSize, Fit, Grey, TestShare, SkipBroken];

    /// <summary>Reads the data set that is asked for, with a bar where it takes long.</summary>
    /// <param name="line">The command line; what it does not say of pictures is <paramref name="pictures"/>.</param>
    /// <param name="trainLimit">Take only the first N training images.</param>
    /// <param name="testLimit">Take only the first N test images.</param>
    /// <param name="pictures">How pictures become images where the command line does not say.</param>
    /// <param name="folder">The data set where the command line names none; null for MNIST.</param>
    /// <param name="copies">Processes that share this machine's memory and each hold the whole set.</param>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not a data set, or a damaged one.</exception>
    /// <exception cref="UserException">It does not fit into memory, or an option does not fit it.</exception>
    public static DataSet Load(
        ParseResult line, int? trainLimit, int? testLimit, ImageSettings? pictures = null, string? folder = null, int copies = 1)
    {
        var path = line.GetValue(Data) ?? folder ?? IdxReader.BundledMnist;
        var settings = Settings(line, pictures ?? new ImageSettings());
        DataSet? data = null;
        if (!Console.IsErrorRedirected && DataReader.HoldsPictures(path))
            ProgressBar.Show(Terminal.CreateConsole(Console.Error), bar => Load(share => bar.Report("Pictures", share, share)));
        else
            Load(null);

        var problem = All.Skip(1).FirstOrDefault(option => line.IsGiven(option)) is { } given && data!.Pictures is null
            ? $"{data.Folder} is a data set that is ready, not a folder of pictures: {given.Name} does not fit it."
            : line.IsGiven(TestShare) && data!.Pictures!.TestShare is null
                ? $"{data.Folder} has its own test images: {TestShare.Name} does not fit it."
                : null;
        if (problem is null)
            return data!;
        data!.Dispose();
        throw new UserException(problem);

        void Load(Action<double>? progress) => data = DataReader.Load(path, settings, trainLimit, testLimit, progress, copies);
    }

    /// <summary>Says on standard error what was found, where the command line names it.</summary>
    public static void Report(ParseResult line, DataSet data)
    {
        if (line.IsGiven(Data))
            Console.Error.WriteLine($"Data: {data.Description}");
        if (data.AlsoTrained > 0)
            Console.Error.WriteLine($"Pictures that are tested on although they are trained on too: {data.AlsoTrained}.");
        if (data.PassedOver is [var first, ..])
            Console.Error.WriteLine($"Pictures that cannot be read and are passed over: {data.PassedOver.Count}. The first: {first}");
    }

    private static ImageSettings Settings(ParseResult line, ImageSettings standard) => standard with
    {
        Height = line.GetValue(ImageSize)?.Height ?? standard.Height,
        Width = line.GetValue(ImageSize)?.Width ?? standard.Width,
        Fit = line.GetValue(Fit) ?? standard.Fit,
        Grey = line.GetValue(Grey) ? true : standard.Grey,
        TestShare = line.IsGiven(TestShare) ? line.GetValue(TestShare) : standard.TestShare,
        SkipBroken = line.GetValue(SkipBroken) || standard.SkipBroken,
    };

    private static (int Height, int Width)? Size(ArgumentResult result)
    {
        var text = result.Text();
        var size = ImageSettings.ParseSize(text);
        if (size is null)
            result.AddError($"--image-size takes height and width, as in 64x64, each from 1 to {ImageSettings.LargestSide}, not '{text}'.");
        return size;
    }

    private static ImageFit? FitName(ArgumentResult result)
    {
        var text = result.Text();
        if (Enum.GetNames<ImageFit>().Contains(text, StringComparer.OrdinalIgnoreCase))
            return Enum.Parse<ImageFit>(text, ignoreCase: true);
        result.AddError(Unknown("fit", text, FitNames));
        return null;
    }
}
