using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using System.Numerics;
using MnistCnn.Files;

namespace MnistCnn.Commands;

/// <summary>Creates commands, and options whose values are checked while the command line is parsed.</summary>
internal static class OptionParsers
{
    /// <param name="check">Adds an error if the options do not fit together.</param>
    public static Command CreateCommand(
        string name, string description, Func<ParseResult, int> run, IEnumerable<Symbol> symbols, Action<CommandResult>? check = null)
    {
        var command = new Command(name, description);
        foreach (var argument in symbols.OfType<Argument>())
            command.Add(argument);
        foreach (var option in symbols.OfType<Option>())
            command.Add(option);
        if (check is not null)
            command.Validators.Add(check);
        command.SetAction(run);
        return command;
    }

    public static Option<bool> Switch(string name, string description) => new(name) { Description = description };

    public static Option<string?> FilePath(string name, string valueName, string description) =>
        new(name) { Description = description, HelpName = valueName };

    /// <param name="parse">Returns null for an invalid value.</param>
    /// <param name="expected">Description of the valid values, for the error message.</param>
    public static Option<T?> Parsed<T>(
        string name, string valueName, string description, Func<string, T?> parse, string expected, params string[] completions) =>
        new(name)
        {
            Description = description,
            HelpName = valueName,
            CompletionSources = { completions },
            CustomParser = result => parse(result.Text()) ?? Refuse<T>(result, name, expected),
        };

    /// <param name="kind">Noun for the error message.</param>
    public static Option<T?> Choice<T>(
        string name, string description, string kind, IReadOnlyList<T> items, Func<T, string> nameOf, Func<T, string>? describe = null,
        bool isRecursive = false)
        where T : class => new(name)
        {
            Description = description,
            Recursive = isRecursive,
            HelpName = "NAME",
            CustomParser = result => Choose(result, kind, items, nameOf),
            CompletionSources = { _ => items.Select(item => new CompletionItem(nameOf(item), detail: describe?.Invoke(item))) },
        };

    /// <summary>Name of a value of an enumeration, as in files.</summary>
    public static string NameOf<T>(T value)
        where T : struct, Enum => JsonSerializer.SerializeToElement(value, JsonFormat.Line).GetString()!;

    /// <param name="kind">Noun for the error message.</param>
    public static Option<T?> EnumName<T>(string name, string description, string kind)
        where T : struct, Enum
    {
        var values = Enum.GetValues<T>().ToDictionary(NameOf);
        return new(name)
        {
            Description = description,
            HelpName = "NAME",
            CompletionSources = { [0] = _ => values.Keys.Select(key => new CompletionItem(key)) }, // not the names of the enum
            CustomParser = result => Choose(result, kind, [.. values.Keys], key => key) is { } chosen ? values[chosen] : null,
        };
    }

    /// <summary>Creates an option that takes a whole number from 1.</summary>
    public static Option<int> Count(string name, string description, int defaultValue) => Number(
        name, description, defaultValue, value => value >= 1, $"a whole number from 1 to {int.MaxValue}", "N", NumberStyles.None);

    /// <summary>Creates an option without a default that takes a whole number from 1.</summary>
    public static Option<int?> OptionalCount(string name, string description, int highest = int.MaxValue) =>
        Parsed<int?>(
            name,
            "N",
            description,
            text => int.TryParse(text, NumberStyles.None, null, out var value) && value >= 1 && value <= highest ? value : null,
            $"a whole number from 1 to {highest}");

    /// <param name="range">Description of the valid numbers, for the error message.</param>
    public static Option<T> Number<T>(
        string name, string description, T defaultValue, Func<T, bool> isValid, string range, string valueName = "X",
        NumberStyles styles = NumberStyles.Float)
        where T : INumberBase<T> => new(name)
        {
            Description = description,
            HelpName = valueName,
            CustomParser = result =>
                T.TryParse(result.Text(), styles, CultureInfo.InvariantCulture, out var value) && isValid(value)
                    ? value
                    : Refuse(result, name, range, defaultValue)!,
            DefaultValueFactory = _ => defaultValue,
        };

    /// <summary>Returns the item with the given name, ignoring case. An unknown name is an error that lists the known ones.</summary>
    public static T? Choose<T>(ArgumentResult result, string kind, IReadOnlyList<T> items, Func<T, string> nameOf)
        where T : class
    {
        var chosen = items.FirstOrDefault(item => string.Equals(nameOf(item), result.Text(), StringComparison.OrdinalIgnoreCase));
        if (chosen is null)
            result.AddError(Unknown(kind, result.Text(), Names(items, nameOf)));
        return chosen;
    }

    public static string Unknown(string kind, string name, string known) => $"There is no {kind} '{name}'. The known ones: {known}.";

    public static string Names<T>(IEnumerable<T> items, Func<T, string> nameOf) => string.Join(", ", items.Select(nameOf));

    public static string Text(this ArgumentResult result) => result.Tokens is [var token, ..] ? token.Value : "";

    /// <summary>Whether the user typed the option, so that its value is not the default.</summary>
    public static bool IsGiven(this ParseResult parseResult, Option option) => parseResult.GetResult(option) is { Implicit: false };

    /// <summary>Value of an option if the user typed it, otherwise <paramref name="fallback"/> instead of the option's default.</summary>
    public static T? GetValueOr<T>(this ParseResult parseResult, Option<T> option, T fallback) =>
        parseResult.IsGiven(option) ? parseResult.GetValue(option) : fallback;

    private static T? Refuse<T>(ArgumentResult result, string name, string expected, T? fallback = default)
    {
        result.AddError($"{name} takes {expected}, not '{result.Text()}'.");
        return fallback;
    }
}
