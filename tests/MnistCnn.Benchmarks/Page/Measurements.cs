using System.Text.Json;
using MnistCnn.Files;

namespace MnistCnn.Benchmarks;

/// <summary>Figures of one run of the benchmark. docs/measurements/performance.json has the figures of the documentation.</summary>
internal sealed record Measurements(Conditions Conditions, IReadOnlyList<Figure> Figures)
{
    public static Measurements Read(string path) => JsonFormat.Parse<Measurements>(File.ReadAllText(path), path);

    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, JsonFormat.Indented) + "\n");

    public Figure? Find(string name) => Figures.SingleOrDefault(figure => figure.Name == name);

    /// <summary>Seconds per epoch of a program with one thread per core.</summary>
    public Figure? Epoch(string network, string program) => Find(FigureName.Epoch(network, Conditions.Cores, program));

    /// <summary>Seconds per epoch of this program relative to a rival, each with one thread per core.</summary>
    public Figure? Ratio(string network, string rival) => Find(FigureName.Ratio(network, Conditions.Cores, rival));
}

/// <summary>The machine and the versions of a run of the benchmark.</summary>
/// <param name="Date">Day of the run, as in 2026-11-30.</param>
/// <param name="PyTorch">Version, or null if the article's program was not measured.</param>
internal sealed record Conditions(
    string Date, int Cores, string Processor, string System, string DotNet, string Program, string TorchSharp, string Libtorch,
    string? PyTorch, string? Torchvision)
{
    public override string ToString() =>
        $"{Cores} cores ({Processor}), {System}, .NET {DotNet}; MnistCnn {Program}, TorchSharp {TorchSharp}, libtorch {Libtorch}"
        + $"{(PyTorch is null ? "" : $"; PyTorch {PyTorch}, torchvision {Torchvision}")}; {Date}";
}

/// <summary>Names of programs in the names of figures.</summary>
internal static class ProgramName
{
    public const string This = "this program";
    public const string PlainTorchSharp = "plain TorchSharp";
    public const string Article = "the article's program";
    public const string ArticleAsPrinted = "the article's program as printed, which does less work";
    public const string ArticleWithTensors = "the article's program with all images in one tensor";
}

/// <summary>Names of figures that the documentation shows.</summary>
internal static class FigureName
{
    public static string Epoch(string network, int threads, string program) =>
        $"{network}, threads: {threads} each: seconds per epoch, {program}";

    public static string Ratio(string network, int threads, string rival) =>
        $"{network}, threads: {threads} each: {ProgramName.This} over {rival}";

    public static string Memory(string network) => $"{network}: peak memory of an epoch, the goal for the highest";

    public static string FirstStep(string network) => $"{network}: from the start of the process to the first step";

    public static string Recipe(string recipe) => $"residual: --recipe {recipe}, the whole process";

    public static string RecipeAccuracy(string recipe) => $"residual: test accuracy with --recipe {recipe}";
}
