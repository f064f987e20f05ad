using MnistCnn.Files;

namespace MnistCnn.Benchmarks;

/// <summary>A part of a page that measurements replace. It begins with a mark of its own and ends with <see cref="End"/>.</summary>
internal static class MeasuredBlock
{
    public const string End = "<!-- end -->";

    /// <summary>Returns the block of a page, with its marks.</summary>
    /// <exception cref="InvalidDataException">The page has no such block.</exception>
    public static string Find(string page, string begin)
    {
        var start = page.IndexOf(begin, StringComparison.Ordinal);
        var end = start < 0 ? -1 : page.IndexOf(End, start, StringComparison.Ordinal);
        return end < 0 ? throw new InvalidDataException($"A page has no block from {begin} to {End}.") : page[start..(end + End.Length)];
    }

    /// <summary>Replaces the block of a page.</summary>
    /// <param name="block">With its marks.</param>
    /// <inheritdoc cref="Find" path="/exception"/>
    public static void Replace(string path, string begin, string block)
    {
        var page = File.ReadAllText(path);
        AtomicFile.WriteText(path, page.Replace(Find(page, begin), block));
    }
}
