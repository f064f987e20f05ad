using MnistCnn.Runtime;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>Makes the name of a class, which may be any text, fit a line of a table, list or plot.</summary>
internal static class ClassName
{
    /// <summary>Largest number of classes for which a confusion matrix has numbers.</summary>
    public const int MaxMatrixClasses = 20;

    /// <summary>Widest name in a table or list, in columns of a terminal.</summary>
    public const int MaxColumns = 24;

    private const string Ellipsis = "…";

    /// <summary>Escapes a name and shortens it to a number of columns of a terminal.</summary>
    public static string Truncate(string name, int columns) => Truncate(PrintableText.Escape(name), text => text.GetCellWidth() <= columns);

    /// <summary>Replaces as much of a text's end as needed by an ellipsis, without splitting combined characters.</summary>
    public static string Truncate(string text, Func<string, bool> fits) => fits(text)
        ? text
        : StringInfo.ParseCombiningCharacters(text).Select(end => text[..end] + Ellipsis).LastOrDefault(fits, Ellipsis);
}
