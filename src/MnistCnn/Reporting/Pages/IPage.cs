using MnistCnn.Charts;

namespace MnistCnn.Reporting.Pages;

/// <summary>A page that is written from top to bottom.</summary>
internal interface IPage
{
    /// <summary>Begins a part of it.</summary>
    /// <param name="level">1 is the page's own heading, 2 that of a part.</param>
    /// <param name="text">What it is of.</param>
    void Heading(int level, string text);

    /// <summary>Adds a paragraph, of which some words at its beginning may be strong.</summary>
    void Paragraph(string strong, string text);

    /// <summary>Adds a list of things, each with what there is to say of it.</summary>
    void Facts(IEnumerable<(string Name, string Text)> facts);

    /// <summary>Adds a picture.</summary>
    /// <param name="path">The path of its file, a PNG file below the page's folder.</param>
    /// <param name="description">What it shows, for those who do not see it.</param>
    void Picture(string path, string description);

    /// <summary>Adds a table.</summary>
    void Table(ResultTable table);

    /// <summary>Gives all that was added.</summary>
    string Text();
}
