using System.Text.RegularExpressions;
using MnistCnn.Data;

namespace MnistCnn.Tests;

/// <summary>The documentation agrees with the program, and its links work.</summary>
public sealed partial class DocumentationTests
{
    private const string EveryCommand = "Every command";

    /// <summary>Paths of the pages, relative to the repository.</summary>
    public static TheoryData<string> Pages { get; } =
    [
        "README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "src/MnistCnn.OnnxExport/README.md",
        .. Directory.GetFiles(PathOf("docs"), "*.md", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(RepositoryRoot.FullPath, path).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    public static TheoryData<string> ChinesePages { get; } =
        [.. Pages.Select(page => page.Data).Where(page => page.EndsWith(".zh.md", StringComparison.Ordinal))];

    [Fact]
    public void Every_command_has_a_section_of_the_options_page()
    {
        Assert.Equal(Commands(), Sections().Keys.Where(heading => heading.StartsWith('`')).Select(heading => heading.Trim('`')));
    }

    [Theory]
    [InlineData(EveryCommand)]
    [InlineData("train")]
    [InlineData("evaluate")]
    [InlineData("predict")]
    [InlineData("compare")]
    [InlineData("summary")]
    [InlineData("export")]
    [InlineData("experiment")]
    [InlineData("sweep")]
    [InlineData("serve")]
    [InlineData("doctor")]
    public void The_options_page_lists_exactly_the_options_and_defaults_of_the_help(string command)
    {
        var common = Options(Help());
        var help = command == EveryCommand
            ? common
            : Options(Help(command)).Where(option => !common.ContainsKey(option.Key)).ToDictionary();
        var section = Sections()[command == EveryCommand ? command : $"`{command}`"];
        var page = TableRow().Matches(section)
            .ToDictionary(row => row.Groups["name"].Value, row => (Value: row.Groups["value"].Value, Default: row.Groups["default"].Value));

        Assert.NotEmpty(help);
        Assert.Equal(section.Split('\n').Count(line => line.StartsWith("| `-", StringComparison.Ordinal)), page.Count);
        Assert.Equal(help.Keys.Order(StringComparer.Ordinal), page.Keys.Order(StringComparer.Ordinal));
        Assert.All(help, option => Assert.Equal(option.Value.Value, page[option.Key].Value));
        Assert.All(
            help.Where(option => option.Value.Default is not null),
            option => Assert.Equal(option.Value.Default, page[option.Key].Default.Replace("`", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_page_on_images_and_the_file_dialog_list_all_extensions()
    {
        var page = Read("docs/guides/own-data.md").ReplaceLineEndings(" ");
        string[] quoted = [.. ImageDecoder.Extensions.Select(extension => $"`{extension}`")];
        Assert.Contains($"The program reads {string.Join(", ", quoted[..^1])} and {quoted[^1]} files", page);
        Assert.Contains($"accept=\"{string.Join(',', ImageDecoder.Extensions)}\"", Read("src/MnistCnn/Web/Page/index.html"));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_point_to_existing_files_and_headings(string page)
    {
        foreach (var link in Link().Matches(Read(page)).Where(link => !link.Groups["path"].Value.Contains(':')))
        {
            var (path, heading) = (link.Groups["path"].Value, link.Groups["heading"].Value);
            var target = path == "" ? page : Path.Combine(Path.GetDirectoryName(page)!, path);
            Assert.True(Path.Exists(PathOf(target)), $"{page} links to {path}, which does not exist");
            if (heading != "")
                Assert.True(Anchors(target).Contains(heading), $"{page} links to {path}#{heading}, a heading that does not exist");
        }
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("README.zh.md")]
    public void The_readme_is_short_and_has_the_exact_commands(string page)
    {
        var lines = Read(page).Split('\n');
        Assert.InRange(lines.Length, 1, 150);
        var first = Array.IndexOf(lines, "    cd src/MnistCnn");
        Assert.NotEqual(-1, first);
        Assert.Equal(["    dotnet run train --arch inception", "    dotnet run train --arch residual"], lines[(first + 1)..(first + 3)]);
        Assert.Contains("    dotnet test", lines);
        var commands = lines.Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('`')[1]);
        Assert.Equal(Commands(), commands);
    }

    [Theory]
    [MemberData(nameof(ChinesePages))]
    public void A_Chinese_page_has_the_commands_and_code_of_the_English_one(string page)
    {
        var code = Code(page.Replace(".zh.md", ".md", StringComparison.Ordinal));
        Assert.NotEmpty(code);
        Assert.Equal(code, Code(page));

        static IEnumerable<string> Code(string page) => PageCode().Matches(Read(page)).Select(match => match.Value);
    }

    [Fact]
    public void The_index_or_the_index_of_a_folder_links_to_every_page_except_notes_for_developers()
    {
        string[] pages =
        [
            .. Pages.Select(page => page.Data).Where(
                page => page.StartsWith("docs/", StringComparison.Ordinal)
                    && !page.StartsWith("docs/developers/", StringComparison.Ordinal)),
        ];
        var linked =
            from index in pages.Where(page => Path.GetFileName(page) == "README.md")
            from Match link in Link().Matches(Read(index))
            let path = Path.GetFullPath(PathOf(Path.Combine(Path.GetDirectoryName(index)!, link.Groups["path"].Value)))
            select Path.GetRelativePath(RepositoryRoot.FullPath, path).Replace('\\', '/');
        Assert.Empty(pages.Except(["docs/README.md", .. linked]));
    }

    [Fact]
    public void The_readme_shows_the_Residual_block_of_the_articles_program()
    {
        var python = Read("tests/reference/article.py");
        var block = Regex.Match(Read("README.md"), "```python\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.Contains("return relu(x + self.conv2(relu(self.conv1(x))))", block);
        Assert.All(block.Split('\n'), line => Assert.Contains(line, python));
    }

    private static string PathOf(string page) => Path.Combine(RepositoryRoot.FullPath, page);

    private static string Read(string page) => File.ReadAllText(PathOf(page)).ReplaceLineEndings("\n");

    private static string[] Commands()
    {
        var help = Help();
        return [.. CommandRow().Matches(help[help.IndexOf("Commands:", StringComparison.Ordinal)..]).Select(row => row.Groups[1].Value)];
    }

    private static string Help(params string[] command)
    {
        var run = ProgramRun.Of(RepositoryRoot.FullPath, [.. command, "--help"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return run.Output.ReplaceLineEndings("\n");
    }

    // Value of each option ("" for a switch) and its default (null if the help has none).
    private static Dictionary<string, (string Value, string? Default)> Options(string help) => HelpRow().Matches(help)
        .Where(row => row.Groups["name"].Value is not ("--help" or "--version"))
        .ToDictionary(
            row => row.Groups["name"].Value,
            row => (row.Groups["value"].Value, row.Groups["default"] is { Success: true, Value: var value } ? value : null));

    // Text of the options page by heading, in order.
    private static Dictionary<string, string> Sections() => Read("docs/reference/options.md").Split("\n## ")[1..]
        .Select(section => section.Split('\n', 2))
        .ToDictionary(section => section[0], section => section[1]);

    // Anchors that GitHub creates for the headings of a page.
    private static IEnumerable<string> Anchors(string page) => Heading().Matches(Read(page))
        .Select(heading => NotInAnchor().Replace(heading.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-'));

    [GeneratedRegex(@"^  (\w+).*  ", RegexOptions.Multiline)]
    private static partial Regex CommandRow();

    [GeneratedRegex(@"^  (-\S+, )*(?<name>--[\w-]+)( <(?<value>\w+)>)?  .*?(\[default: (?<default>.+)\])?$", RegexOptions.Multiline)]
    private static partial Regex HelpRow();

    [GeneratedRegex(@"^\| `(?<name>--[\w-]+)( (?<value>\w+))?` \| .+ \| (?<default>.*?) ?\|$", RegexOptions.Multiline)]
    private static partial Regex TableRow();

    [GeneratedRegex(@"\]\((?<path>[^)#\s]*)(#(?<heading>[^)\s]+))?\)")]
    private static partial Regex Link();

    // Fenced blocks, lines of indented blocks, and commands inside of sentences and tables.
    [GeneratedRegex(@"^```(?s:.*?)^```$|^    .+$|`dotnet [^`]+`", RegexOptions.Multiline)]
    private static partial Regex PageCode();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
