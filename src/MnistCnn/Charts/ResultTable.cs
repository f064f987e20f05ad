namespace MnistCnn.Charts;

/// <summary>A table of formatted results. The first column names the row.</summary>
internal sealed record ResultTable(IReadOnlyList<string> Headings, IReadOnlyList<IReadOnlyList<string>> Rows);
