using System.Text.RegularExpressions;
using MnistCnn.Data;
using MnistCnn.Tests.Documentation;

namespace MnistCnn.Tests;

/// <summary>The documentation agrees with the program, and its links work.</summary>
public sealed partial class DocumentationTests
{
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
        Assert.Equal(HelpText.Of().Commands, commands);
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

    internal static string PathOf(string page) => Path.Combine(RepositoryRoot.FullPath, page);

    /// <summary>Path in the repository of a link; an empty one leads to the page itself.</summary>
    internal static string Resolve(string page, string link) => link == ""
        ? page
        : Path.GetRelativePath(RepositoryRoot.FullPath, Path.GetFullPath(PathOf(Path.Combine(Path.GetDirectoryName(page)!, link))))
            .Replace('\\', '/');

    internal static string Read(string page) => File.ReadAllText(PathOf(page)).ReplaceLineEndings("\n");

    // Anchors that GitHub creates for the headings of a page.
    private static IEnumerable<string> Anchors(string page) =>
        Heading().Matches(Read(page)).Select(heading => AnchorOf(heading.Groups[1].Value));

    internal static string AnchorOf(string heading) => NotInAnchor().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

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
