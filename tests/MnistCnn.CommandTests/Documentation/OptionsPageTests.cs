using System.Text.RegularExpressions;

namespace MnistCnn.Tests.Documentation;

/// <summary>
/// docs/reference/options.md has the texts of <c>--help</c>: a block for each command, and tables of the options that several commands
/// share.
/// </summary>
public sealed partial class OptionsPageTests
{
    private const string Page = "docs/reference/options.md";
    private const string CommandBlock = "command ", OptionsBlock = "options ";

    private static readonly HelpText Root = HelpText.Of();

    // Without the options of every command, which all helps repeat.
    private static readonly Dictionary<string, HelpText> Helps = Root.Commands.ToDictionary(command => command, Own);

    private static readonly ILookup<HelpOption, string> UsersOf = Helps
        .SelectMany(help => help.Value.Options.Select(option => (option, help.Key))).ToLookup(user => user.option, user => user.Key);

    [Fact]
    public void The_page_has_the_texts_of_the_help()
    {
        var page = DocumentationTests.Read(Page);
        GeneratedBlocks.AssertEqual(Page, name => name.StartsWith(CommandBlock, StringComparison.Ordinal)
            ? CreateCommand(Helps[name[CommandBlock.Length..]], page)
            : CreateTable(NamesIn(name)));
    }

    [Fact]
    public void Every_command_has_a_section_with_its_help()
    {
        var sections = DocumentationTests.Read(Page).Split("\n## `")[1..].ToDictionary(section => section.Split('`')[0]);
        Assert.Equal(Root.Commands, sections.Keys);
        Assert.All(sections, section => Assert.Contains($"<!-- generated: {CommandBlock}{section.Key} -->", section.Value));
    }

    [Fact]
    public void Every_option_is_in_one_table()
    {
        var rows = OptionRow().Matches(DocumentationTests.Read(Page)).Select(row => row.Groups[1].Value);
        var options = Root.Options.Concat(UsersOf.Select(users => users.Key));
        var expected = options.Select(option => $"| {string.Join(" | ", option.Cells)} |".Replace("  ", " ", StringComparison.Ordinal));
        Assert.Equal(expected.Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
    }

    private static HelpText Own(string command)
    {
        var help = HelpText.Of(command);
        return help with { Options = [.. help.Options.Except(Root.Options)] };
    }

    private static bool IsShared(HelpOption option) => UsersOf[option].Count() > 1;

    private static string[] NamesIn(string block) => block[OptionsBlock.Length..].Split(' ');

    private static string CreateCommand(HelpText help, string page)
    {
        var own = help.Options.Where(option => !IsShared(option)).Select(option => option.Cells).ToArray();
        var shared =
            from block in GeneratedBlocks.Of(page)
            where block.Name.StartsWith(OptionsBlock, StringComparison.Ordinal)
            let used = help.Options.Where(option => IsShared(option) && NamesIn(block.Name).Contains(option.Name)).ToArray()
            where used.Length > 0
            let heading = LastHeading().Match(page[..block.Index]).Groups[1].Value
            let list = string.Join(", ", used.Select(option => $"`{option.Name}`"))
            select $"- [{heading}](#{DocumentationTests.AnchorOf(heading)}): {list}";
        string[] parts =
        [
            $"{help.Description} Usage: `{help.Usage}`",
            help.Arguments.Count == 0 ? "" : GeneratedBlocks.Table(["argument", "meaning"], help.Arguments),
            own.Length == 0 ? "" : GeneratedBlocks.Table(["option", "effect", "default"], own),
            string.Join('\n', shared) is { Length: > 0 } groups ? $"Options of several commands:\n\n{groups}" : "",
        ];
        return string.Join("\n\n", parts.Where(part => part != ""));
    }

    private static string CreateTable(string[] names)
    {
        HelpOption[] all = [.. names.Select(name => Root.Options.Concat(UsersOf.Select(users => users.Key).Where(IsShared))
            .Single(option => option.Name == name))];
        return all.All(Root.Options.Contains)
            ? GeneratedBlocks.Table(["option", "effect", "default"], all.Select(option => option.Cells))
            : GeneratedBlocks.Table(
                ["option", "effect", "default", "commands"],
                all.Select(option => (string[])[.. option.Cells, string.Join(", ", UsersOf[option].Select(user => $"`{user}`"))]));
    }

    // Without the column of the commands.
    [GeneratedRegex(@"^(\| `--[^|]+\|[^|]+\|[^|]*\|)", RegexOptions.Multiline)]
    private static partial Regex OptionRow();

    [GeneratedRegex(@"^#+ ([^\n]+)$", RegexOptions.Multiline | RegexOptions.RightToLeft)]
    private static partial Regex LastHeading();
}

/// <summary>The output of <c>--help</c>.</summary>
/// <param name="Arguments">Name and meaning of each, as cells of a table.</param>
internal sealed partial record HelpText(
    string Description, string Usage, IReadOnlyList<string[]> Arguments, IReadOnlyList<HelpOption> Options, IReadOnlyList<string> Commands)
{
    public static HelpText Of(params string[] command)
    {
        var run = ProgramRun.Of(RepositoryRoot.FullPath, [.. command, "--help"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var parts = run.Output.Split("\n\n").Select(part => part.Split(":\n", 2))
            .Where(part => part.Length == 2).ToDictionary(part => part[0].Trim(), part => part[1]);
        return new HelpText(
            parts["Description"].Trim(),
            parts["Usage"].Trim().Split(' ', 2)[^1], // without the name of the process
            [.. Rows("Arguments").Select(row => (string[])[$"`{row.Left.Trim('<', '>')}`", row.Right])],
            [.. Rows("Options").Where(row => !row.Left.Contains("--help") && row.Left != "--version").Select(HelpOption.Parse)],
            [.. Rows("Commands").Select(row => row.Left.Split(' ')[0])]);

        IEnumerable<(string Left, string Right)> Rows(string part) =>
            Row().Matches(parts.GetValueOrDefault(part, "")).Select(row => (row.Groups[1].Value, row.Groups[2].Value));
    }

    [GeneratedRegex(@"^  (\S.*?)  +(\S.*)$", RegexOptions.Multiline)]
    private static partial Regex Row();
}

/// <summary>An option in the output of <c>--help</c>. Commands share an option if all of this is equal.</summary>
internal sealed partial record HelpOption(string Name, string Value, string Text, string Default)
{
    public string[] Cells => [$"`{$"{Name} {Value}".TrimEnd()}`", Text, Default];

    public static HelpOption Parse((string Left, string Right) row)
    {
        var left = row.Left.Split(' ');
        var text = DefaultText().Match(row.Right);
        var value = left.Length > 1 ? left[1].Trim('<', '>') : "";
        return new HelpOption(left[0], value, text.Groups["text"].Value, text.Groups["default"].Value);
    }

    [GeneratedRegex(@"^(?<text>.*?)( \[default: (?<default>.+)\])?$")]
    private static partial Regex DefaultText();
}
