using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using MnistCnn.Runs;

namespace MnistCnn.Commands;

/// <summary>Answers the scripts of <c>completion</c>, which run <c>complete =WORD EARLIER-WORDS</c>; WORD ends at the cursor.</summary>
internal static class Completer
{
    public const string CommandName = "complete";

    // The shell completes paths: it knows quotes, home folders and links.
    private const string Files = ":files", Folders = ":folders";

    /// <summary>Returns one line per candidate: a word, a tab and its description; or <c>:files</c>, or <c>:folders</c>.</summary>
    public static IEnumerable<string> Complete(Command root, string[] arguments)
    {
        if (arguments is not [['=', .. var word], .. var earlier])
            return [];
        var parsed = root.Parse(earlier, new ParserConfiguration { ResponseFileTokenReplacer = null });
        var command = parsed.CommandResult.Command;
        Option[] options = [.. command.Options.Union(root.Options.Where(option => option.Recursive)).Where(option => !option.Hidden)];
        if (parsed.Tokens is [.., { Type: TokenType.Option, Value: var last }] && FindOption(last) is { } open)
            return Lines(Values(open), word, isList: open == SettingsOptions.Augment);

        // --name=value, or name=value of a sweep.
        var (name, assigned) = word.IndexOf('=') is > 0 and var end ? (word[..end], word[(end + 1)..]) : ("", "");
        var isSweep = command.Name == "sweep" && !name.StartsWith('-');
        if (FindOption(isSweep ? $"--{name}" : name) is { } option)
            return Lines(Values(option), assigned, $"{name}=", isList: isSweep || option == SettingsOptions.Augment);

        CompletionItem[] values =
        [
            .. command.Subcommands.Where(child => !child.Hidden).Select(Describe),
            .. command.Arguments.Where(TakesMore).SelectMany(Values),
        ];
        return Lines(word.StartsWith('-') || values.Length == 0 ? options.Where(IsOpen).Select(Describe) : values, word);

        // A switch takes no value.
        Option? FindOption(string text) =>
            options.FirstOrDefault(option => option.Name == text && option.Arity.MinimumNumberOfValues > 0);
        bool TakesMore(Argument argument) =>
            (parsed.GetResult(argument)?.Tokens.Count ?? 0) < argument.Arity.MaximumNumberOfValues;
        bool IsOpen(Option option) => parsed.GetResult(option) is null or { Implicit: true };
    }

    private static CompletionItem Describe(Symbol symbol) => new(symbol.Name, detail: symbol.Description);

    private static IEnumerable<CompletionItem> Values(Symbol symbol)
    {
        IEnumerable<string> paths = ((symbol as Option)?.HelpName ?? symbol.Name) switch
        {
            "DIR" => [Folders],
            "FILE" => [Files],
            "MODEL" or "[MODEL] IMAGE" => [.. ModelLocator.Bundled, Files],
            "RUN" => [.. RunRecord.FindAll(), Files],
            _ => [],
        };
        return symbol.GetCompletions(CompletionContext.Empty).Concat(paths.Select(path => new CompletionItem(path)));
    }

    // In a list such as flip,crop=4, the last element is completed. Other paths follow if the word names no run.
    private static IEnumerable<string> Lines(IEnumerable<CompletionItem> candidates, string word, string head = "", bool isList = false)
    {
        var start = isList ? word.LastIndexOf(',') + 1 : 0;
        var matches = candidates.ToLookup(candidate => candidate.Label is Files or Folders);
        string[] lines =
        [
            .. from candidate in matches[false]
               where candidate.Label.StartsWith(word[start..], StringComparison.OrdinalIgnoreCase)
               let description = candidate.Detail is null ? "" : $"\t{candidate.Detail.Split(". ")[0].TrimEnd('.')}"
               select $"{head}{word[..start]}{candidate.Label}{description}",
        ];
        var namesRun = lines.Any(line => line.StartsWith($"runs{Path.DirectorySeparatorChar}", StringComparison.Ordinal));
        return namesRun ? lines : lines.Concat(matches[true].Select(paths => paths.Label));
    }
}
