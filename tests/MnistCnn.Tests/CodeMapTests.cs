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

    [GeneratedRegex(@"^\| (\d) \| (\w+(, \w+)*) \|", RegexOptions.Multiline)]
    private static partial Regex Level();

    [GeneratedRegex(@"^\| `(\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex FolderRow();
}
