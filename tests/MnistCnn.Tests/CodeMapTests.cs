using System.Globalization;
using System.Text.RegularExpressions;

namespace MnistCnn.Tests;

/// <summary>docs/explanation/architecture.md describes the folders that <see cref="LayeringTests"/> lists.</summary>
public sealed partial class CodeMapTests
{
    [Fact]
    public void The_map_of_the_code_has_all_folders_and_their_levels()
    {
        var page = File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, "docs", "explanation", "architecture.md"));
        var levels = (
            from Match line in Level().Matches(page)
            from folder in line.Groups[2].Value.Split(", ")
            select (Folder: folder, Level: int.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture)))
            .ToDictionary(row => row.Folder, row => row.Level);
        Assert.Equal(LayeringTests.Allowed.Keys.Order(), levels.Keys.Order());
        Assert.Empty(
            from folder in LayeringTests.Allowed
            from used in folder.Value
            where levels[used] >= levels[folder.Key]
            select $"{folder.Key} uses {used}");
        Assert.Equal(levels.Keys, FolderRow().Matches(page).Select(row => row.Groups[1].Value));
    }

    [Fact]
    public void The_files_that_the_map_of_the_code_names_exist()
    {
        var page = File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, "docs", "explanation", "architecture.md"));
        string[] files = [.. SourceFile().Matches(page).Select(file => file.Groups[1].Value)];
        Assert.NotEmpty(files);
        Assert.DoesNotContain(files, file => !File.Exists(Path.Combine(RepositoryRoot.FullPath, "src", "MnistCnn", file)));
    }

    [GeneratedRegex(@"^\| (\d) \| (\w+(, \w+)*) \|", RegexOptions.Multiline)]
    private static partial Regex Level();

    [GeneratedRegex(@"^\| `(\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex FolderRow();

    [GeneratedRegex(@"`(\w+/\w+\.cs)`")]
    private static partial Regex SourceFile();
}
