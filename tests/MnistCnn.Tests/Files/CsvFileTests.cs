using MnistCnn.Files;

namespace MnistCnn.Tests.Files;

public sealed class CsvFileTests
{
    private sealed record Row(string FullName, int? Count, double Share);

    [Fact]
    public void Properties_are_columns_and_special_characters_are_quoted()
    {
        using var folder = new TemporaryFolder();
        CsvFile.Write<Row>(folder["rows.csv"], [new("plain", 1, 0.5), new("a \"b\", c", null, 1e-27)]);
        Assert.Equal("full_name,count,share\nplain,1,0.5\n\"a \"\"b\"\", c\",,1E-27\n", File.ReadAllText(folder["rows.csv"]));
    }
}
