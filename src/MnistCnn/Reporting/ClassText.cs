using System.Globalization;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>How the name of a class, which may be any text, is put into a line.</summary>
internal static class ClassText
{
    /// <summary>So many classes can be shown in a matrix with numbers; of more, only the most confused ones are told.</summary>
    public const int FewClasses = 20;

    /// <summary>The columns of a name in a line of a table or a list, at most.</summary>
    public const int LongestName = 24;

    /// <summary>Stands for what was left out.</summary>
    public const string Ellipsis = "…";

    /// <summary>The name without what would move a terminal's cursor or break a line.</summary>
    public static string Line(string name) =>
        string.Concat(name.Select(character => char.IsControl(character) || character is '\u2028' or '\u2029' ? ' ' : character));

    /// <summary>The name in so many columns of a terminal at most, its end left out where it has more.</summary>
    public static string Line(string name, int columns)
    {
        name = Line(name);
        if (name.GetCellWidth() <= columns)
            return name;
        var characters = StringInfo.ParseCombiningCharacters(name);
        return name[..characters.LastOrDefault(end => name[..end].GetCellWidth() < columns)] + Ellipsis;
    }
}
