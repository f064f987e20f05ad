using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using MnistCnn.Networks;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using TorchSharp;

namespace MnistCnn.Commands;

/// <summary>Options that more than one command has, and the kinds of numbers that options take.</summary>
internal static class CommonOptions
{
    /// <summary>Kinds of models, for help.</summary>
    /// <remarks>Declared before the options, which use it.</remarks>
    public static readonly string ModelKinds =
        $"a {ModelLocator.Ending} file with weights, this program's or PyTorch's, a run folder, or a network that comes with the program: "
        + $"{string.Join(", ", ModelLocator.Ready)}.";

    /// <summary>Kinds of models and the default of a command that takes one, for help.</summary>
    public static readonly string ModelDescription = $"{ModelKinds} [default: {ModelLocator.Standard}, or what --arch names]";

    /// <summary>
    /// The network. Of every command, since <c>dotnet run train --arch inception</c> hands it on before the command's
    /// name: see the comment in MnistCnn.csproj. So is <see cref="Device"/>.
    /// </summary>
    public static Option<Architecture?> Arch { get; } = new("--arch")
    {
        Description = $"The network: {Architecture.Names}. Not for compare, experiment and doctor. "
            + $"[default: {Architecture.Default}, or what the weights are of]",
        HelpName = "NAME",
        Recursive = true,
        CustomParser = result => Choose(result, "architecture", Architecture.All, architecture => architecture.Name),
    };
    public static Option<string?> Device { get; } = Checked(
        new Option<string?>("--device")
        {
            Description = $"Where it runs: {Devices.Names}. Not for compare, summary and export. [default: auto]",
            HelpName = "NAME",
            Recursive = true,
        },
        value => Devices.IsName(value) ? null : Unknown("device", value, Devices.Names));

    /// <summary>How much of the test set to use.</summary>
    public static Option<int?> TestLimit { get; } = OptionalCount("--test-limit", "Only the first N test images.");

    /// <summary>Threads of one operation.</summary>
    /// <remarks>More than there are cores would wait for each other without end.</remarks>
    public static Option<int?> Threads { get; } = OptionalCount("--threads", "Threads on the CPU, at most one a core. [default: one a core]", Environment.ProcessorCount);
    public static Argument<string?> Model { get; } = new("MODEL")
    {
        Description = $"The network: {ModelDescription}",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>Results for a program instead of a person.</summary>
    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "Print one JSON document on standard output, and nothing else there.",
    };

    /// <summary>More about a failure.</summary>
    public static Option<bool> Verbose { get; } = new("--verbose")
    {
        Description = "If something fails, print the stack trace too.",
        Recursive = true,
    };

    /// <summary>Loads libtorch and sets the threads that were asked for.</summary>
    /// <param name="line">The command line.</param>
    /// <param name="processes">How many processes of this kind share the cores, where it says nothing of threads.</param>
    /// <returns>The device that was asked for.</returns>
    /// <exception cref="DllNotFoundException">libtorch does not load.</exception>
    /// <exception cref="UserException">There is no such device.</exception>
    public static torch.Device StartTorch(ParseResult line, int processes = 1)
    {
        Allocator.KeepFreedMemory();
        NativeLibraries.Load();
        if (line.GetValue(Threads) is { } threads)
            torch.set_num_threads(threads);
        else if (processes > 1)
            torch.set_num_threads(Math.Max(1, Environment.ProcessorCount / processes));
        return Devices.Get(line.GetValue(Device) ?? "auto");
    }

    /// <summary>Loads the weights of a model, into the network that <see cref="Arch"/> names, if any.</summary>
    /// <param name="line">The command line.</param>
    /// <param name="name">What it says of the model; see <see cref="ModelLocator.Find"/>.</param>
    /// <param name="device">Where the network goes.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It does not hold weights, or another network's.</exception>
    /// <exception cref="UserException">The program comes with no such network.</exception>
    public static TrainedNetwork LoadModel(ParseResult line, string? name, torch.Device device)
    {
        var architecture = line.GetValue(Arch);
        return TrainedNetwork.Load(ModelLocator.Find(name, architecture), architecture).To(device);
    }

    /// <summary>An option that says where a plot goes.</summary>
    /// <param name="standard">Where it goes otherwise, in words.</param>
    public static Option<string?> Plot(string standard) => Checked(
        new Option<string?>("--plot") { Description = $"The plot: {PlotFile.Endings}. [default: {standard}]", HelpName = "FILE" },
        value => PlotFile.HasKnownEnding(value) ? null : $"--plot takes a file that ends in one of {PlotFile.Endings}, not '{value}'.");

    /// <summary>The names of all recipes.</summary>
    public static string RecipeNames { get; } = Names(Recipe.All, recipe => recipe.Name);

    /// <summary>An option that names a recipe.</summary>
    public static Option<Recipe?> RecipeName(string description) => new("--recipe")
    {
        Description = description,
        HelpName = "NAME",
        CustomParser = result => Choose(result, "recipe", Recipe.All, recipe => recipe.Name),
    };

    /// <summary>What is said of a name that means nothing.</summary>
    public static string Unknown(string kind, string name, string known) => $"There is no {kind} '{name}'. The known ones: {known}.";

    /// <summary>The names of some things, for help and messages.</summary>
    public static string Names<T>(IEnumerable<T> all, Func<T, string> name) => string.Join(", ", all.Select(name));

    /// <summary>The one of some things that is named, whatever the case. Another name is an error that lists the known ones.</summary>
    /// <param name="result">What stands on the command line.</param>
    /// <param name="kind">What they are.</param>
    /// <param name="all">All there are.</param>
    /// <param name="name">What one is called.</param>
    public static T? Choose<T>(ArgumentResult result, string kind, IReadOnlyList<T> all, Func<T, string> name)
        where T : class
    {
        var chosen = all.FirstOrDefault(candidate => string.Equals(name(candidate), Text(result), StringComparison.OrdinalIgnoreCase));
        if (chosen is null)
            result.AddError(Unknown(kind, Text(result), Names(all, name)));
        return chosen;
    }

    /// <summary>An option that takes a whole number from 1.</summary>
    public static Option<int> Count(string name, string description, int standard) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => WholeNumber(result),
        DefaultValueFactory = _ => standard,
    };

    /// <summary>An option that takes a whole number from 1, or is absent.</summary>
    public static Option<int?> OptionalCount(string name, string description, int highest = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => WholeNumber(result, highest),
    };

    /// <summary>An option that takes a number.</summary>
    /// <param name="name">The option.</param>
    /// <param name="description">What it is.</param>
    /// <param name="standard">The value where it is absent.</param>
    /// <param name="isValid">Which numbers are allowed.</param>
    /// <param name="range">Those numbers in words.</param>
    public static Option<double> Number(string name, string description, double standard, Func<double, bool> isValid, string range) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result => Parse(
            result,
            double.TryParse(Text(result), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && isValid(value),
            value,
            range),
        DefaultValueFactory = _ => standard,
    };

    /// <summary>An option that takes any whole number that fits 64 bits.</summary>
    public static Option<long> Integer(string name, string description, long standard) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => Parse(
            result,
            long.TryParse(Text(result), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value),
            value,
            "a whole number"),
        DefaultValueFactory = _ => standard,
    };

    /// <summary>An option whose value is refused with a message where there is a problem with it.</summary>
    public static Option<string?> Checked(Option<string?> option, Func<string, string?> problem)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && problem(token.Value) is { } message)
                result.AddError(message);
        });
        return option;
    }

    private static int WholeNumber(ArgumentResult result, int highest = int.MaxValue) => Parse(
        result,
        int.TryParse(Text(result), NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= 1 && value <= highest,
        value,
        $"a whole number from 1 to {highest}");

    private static T Parse<T>(ArgumentResult result, bool isValid, T value, string range)
    {
        if (!isValid)
            result.AddError($"{(result.Parent as OptionResult)?.IdentifierToken?.Value} takes {range}, not '{Text(result)}'.");
        return value;
    }

    /// <summary>What stands on the command line.</summary>
    public static string Text(ArgumentResult result) => result.Tokens is [var token, ..] ? token.Value : "";
}
