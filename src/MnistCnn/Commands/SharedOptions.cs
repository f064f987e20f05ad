using System.CommandLine;
using MnistCnn.Networks;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

internal static class SharedOptions
{
    /// <remarks>Declared first: static initializers below use it.</remarks>
    public static readonly string ModelKinds =
        $"a {ModelLocator.Extension} file with weights, this program's or PyTorch's, a run folder, or a bundled network: "
        + $"{string.Join(", ", ModelLocator.Bundled)}.";

    public static readonly string ModelDescription = $"{ModelKinds} [default: {ModelLocator.Default}, or the network that --arch names]";

    /// <remarks>Recursive, like <see cref="Device"/>: <c>dotnet run</c> passes it on before the command, see MnistCnn.csproj.</remarks>
    public static Option<Architecture?> Arch { get; } = OptionParsers.Choice(
        "--arch",
        $"The network: {Architecture.Names}. Not for compare, experiment and doctor. "
            + $"[default: {Architecture.Default.Name}, or the network of the weights]",
        "architecture",
        Architecture.All,
        architecture => architecture.Name,
        architecture => architecture.Description,
        isRecursive: true);

    public static Option<string?> Device { get; } = new("--device")
    {
        Description = $"Device: {Devices.Names}. Not for compare, summary and export. [default: auto]",
        HelpName = "NAME",
        CustomParser = result =>
        {
            if (!Devices.IsName(result.Text()))
                result.AddError(OptionParsers.Unknown("device", result.Text(), Devices.Names));
            return result.Text();
        },
        CompletionSources = { Devices.Names.Split(", ").Where(Devices.IsName).ToArray() },
        Recursive = true,
    };

    public static Option<int?> TestLimit { get; } = OptionParsers.OptionalCount("--test-limit", "Use only the first N test images.");

    /// <remarks>At most one per core: more OpenMP threads would wait for each other endlessly.</remarks>
    public static Option<int?> Threads { get; } = OptionParsers.OptionalCount(
        "--threads", "CPU threads, at most one per core. [default: one per core]", Environment.ProcessorCount);

    public static Argument<string?> Model { get; } =
        new("MODEL") { Description = $"The network: {ModelDescription}", Arity = ArgumentArity.ZeroOrOne };

    public static Option<bool> Json { get; } =
        OptionParsers.Switch("--json", "Print one JSON document to standard output, and nothing else.");

    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Print the stack trace of an error.", Recursive = true };

    public static string RecipeNames { get; } = OptionParsers.Names(Recipe.All, recipe => recipe.Name);

    public static Option<string?> CreatePlot(string defaultPath) => OptionParsers.Parsed(
        "--plot", "FILE", $"The plot: {PlotFile.Endings}. [default: {defaultPath}]",
        text => PlotFile.HasKnownEnding(text) ? text : null, $"a file that ends in one of {PlotFile.Endings}");

    public static Option<Recipe?> CreateRecipe(string description) => OptionParsers.Choice(
        "--recipe", description, "recipe", Recipe.All, recipe => recipe.Name);
}
