using System.Text.RegularExpressions;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Inspection;

/// <summary>
/// The code of the two pages on the article in C# occurs in the programs, the networks have the shapes in the tables, and the command
/// draws the drawings. With the environment variable MNIST_CNN_PLOTS=write, a test writes the drawings again.
/// </summary>
public sealed partial class ArticlePageTests
{
    private static readonly string Folder = Path.Combine(RepositoryRoot.FullPath, "docs");

    private static readonly Dictionary<string, string> Functions = new()
    {
        ["MaxPool"] = "max_pool2d",
        ["AveragePool"] = "avg_pool2d",
        ["Relu"] = "relu",
        ["Concat"] = "cat",
        ["Add"] = "+",
        ["Flatten"] = "flatten",
    };

    [Theory]
    [InlineData("residual", "", "residual")]
    [InlineData("inception", "", "inception")]
    [InlineData("residual", "rBlock1", "residual-block")]
    [InlineData("residual-as-printed", "rBlock1", "residual-block-as-printed")]
    [InlineData("inception", "inceptionA", "inception-block")]
    public void Drawings_are_current(string architecture, string module, string file)
    {
        foreach (var isDark in new[] { false, true })
        {
            var path = Path.Combine(Folder, "drawings", $"{file}{(isDark ? "-dark" : "")}.svg");
            var drawing = NetworkDrawing.Draw(Architecture.Find(architecture)!, NetworkShape.Mnist, module, isDark);
            if (Environment.GetEnvironmentVariable("MNIST_CNN_PLOTS") == "write")
                File.WriteAllText(path, drawing);
            Assert.Equal(drawing, Read(path));
        }
    }

    [Theory]
    [InlineData("python", "tests/reference/article.py")]
    [InlineData("csharp", "docs/article.cs")]
    public void Each_paragraph_of_code_occurs_in_the_program(string language, string program)
    {
        var source = Lines(Read(Path.Combine(RepositoryRoot.FullPath, program)));
        var paragraphs = Blocks("the-article-in-csharp.md", language).SelectMany(block => Regex.Split(block, @"\n\n|# \.\.\.\n")).ToArray();
        Assert.InRange(paragraphs.Length, 6, 40);
        Assert.All(paragraphs, paragraph => Assert.Contains(Lines(paragraph), source));
    }

    [Theory]
    [InlineData("the-article-in-csharp.md")]
    [InlineData("the-article-in-csharp.zh.md")]
    public void Shapes_are_those_of_the_networks(string page)
    {
        var tables = ShapeTable().Matches(Read(Path.Combine(Folder, page)));
        Assert.Equal(["inceptionA inceptionB", "rBlock1 rBlock2", "residual", "inception"], tables.Select(Heading));
        foreach (Match table in tables)
        {
            var cells = Cells(table.Groups["rows"].Value).ToArray();
            foreach (var (column, name) in Heading(table).Split(' ').Index())
                Assert.Equal(Steps(name), cells.Select(row => (row[0].Trim('`').Replace("输入", "input"), row[column + 1])));
        }

        var comments = BlockComment().Matches(Read(Path.Combine(Folder, page)));
        Assert.Equal(4, comments.Count);
        Assert.All(comments, comment => Assert.Equal(Steps(comment.Groups["block"].Value)[^1].Shape, comment.Groups["shape"].Value));

        static string Heading(Match table) => string.Join(' ', Cells(table.Groups["names"].Value).Single().Select(name => name.Trim('`')));
        static IEnumerable<string[]> Cells(string rows) => rows.Trim().Split('\n').Select(row => row.Trim('|', ' ').Split(" | "));
    }

    [Theory]
    [InlineData("the-article-in-csharp.md")]
    [InlineData("the-article-in-csharp.zh.md")]
    public void Each_page_shows_all_drawings_light_and_dark(string page)
    {
        var files = Directory.GetFiles(Path.Combine(Folder, "drawings")).Select(path => $"drawings/{Path.GetFileName(path)}");
        var shown = Source().Matches(Read(Path.Combine(Folder, page))).Select(match => match.Groups[1].Value);
        Assert.Equal(files.Order(StringComparer.Ordinal), shown.Order(StringComparer.Ordinal));
    }

    // Names and output shapes of a network's or module's children and operations; the input comes first.
    private static (string Name, string Shape)[] Steps(string name)
    {
        var architecture = Architecture.Find(name) ?? Architecture.All.First(one => HasModule(one, name));
        var prefix = architecture.Name == name ? "" : name + ".";
        using var scope = NewDisposeScope();
        using var network = architecture.Create();
        network.eval();
        var nodes = ActivationTrace.Run(network, zeros(0, 1, 28, 28)).Nodes;
        List<(string Name, string Shape)> steps = [];
        foreach (var node in nodes.Where(node => $"{node.Module}.".StartsWith(prefix, StringComparison.Ordinal) && node.Inputs.Count > 0))
        {
            if (steps.Count == 0)
                steps.Add(("input", Shape(node.InputValues[0])));
            var child = $"{node.Module}."[prefix.Length..].Split('.')[0];
            var step = child == "" ? Functions[node.Operation] : child;
            if (child != "" && steps[^1].Name == child)
                steps.RemoveAt(steps.Count - 1);
            steps.Add((step, Shape(node.Value)));
        }

        return [.. steps];

        static string Shape(Tensor value) => $"(N, {string.Join(", ", value.shape[1..])})";

        static bool HasModule(Architecture architecture, string module)
        {
            using var network = architecture.CreateOnMeta();
            return network.named_modules().Any(named => named.name == module);
        }
    }

    private static IEnumerable<string> Blocks(string page, string language) =>
        Regex.Matches(Read(Path.Combine(Folder, page)), $"^```{language}\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)
            .Select(match => match.Groups[1].Value);

    // Without indentation, empty lines and comments with shapes.
    private static string Lines(string code) => string.Concat(
        from line in code.Split('\n')
        let trimmed = ShapeComment().Replace(line, "").Trim()
        where trimmed != ""
        select $"{trimmed}\n");

    private static string Read(string path) => File.ReadAllText(path).ReplaceLineEndings("\n");

    [GeneratedRegex(@"^\| [^|`]+ (?<names>(\| `\w+` )+\|)\n[| -]+\n(?<rows>(\|.*\n)+)", RegexOptions.Multiline)]
    private static partial Regex ShapeTable();

    [GeneratedRegex(@" +(//|#) \(N, [\d, ]+\)$")]
    private static partial Regex ShapeComment();

    [GeneratedRegex(@"x = (?<block>\w+)\.call\(.*// (?<shape>\(N, .*\))$", RegexOptions.Multiline)]
    private static partial Regex BlockComment();

    [GeneratedRegex(@"(?:src|srcset)=""([^""]+)""")]
    private static partial Regex Source();
}
