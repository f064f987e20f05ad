using System.Text.RegularExpressions;
using System.Xml.Linq;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.OnnxExport;
using MnistCnn.Runtime;

namespace MnistCnn.Tests.Inspection;

public sealed partial class NetworkDrawingTests
{
    public static TheoryData<string> Names => [.. Architecture.All.Select(architecture => architecture.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Networks_and_their_modules_are_drawn_without_overlap(string name)
    {
        using var network = Architecture.Find(name)!.CreateOnMeta();
        var paths = NetworkGraph.Trace(network).Nodes.Select(node => node.Module.Split('.'));
        foreach (var module in paths.SelectMany(path => new[] { "", path[0], string.Join('.', path.Take(2)) }).Distinct())
        {
            var drawing = Draw(name, module);
            var (boxes, edge) = (drawing.Boxes, drawing.Width / 2);
            Assert.All(boxes, box => Assert.DoesNotContain(boxes, other => other != box && other.Overlaps(box)));
            Assert.All(boxes, box => Assert.InRange(8 * box.Lines.Max(line => line.Length), 8, box.Right - box.Left - 8));
            Assert.All(boxes, box => Assert.True(-edge <= box.Left && box.Right <= edge, module));
            Assert.All(drawing.Strokes, stroke => Assert.DoesNotContain(boxes, stroke.Overlaps));
            Assert.All(drawing.Edges, pair => Assert.True(pair is (not null, not null), module));
        }
    }

    [Fact]
    public void The_Residual_block_has_a_shortcut_and_the_printed_one_an_unused_convolution()
    {
        var explained = Draw("residual", "rBlock1");
        Assert.Equal([("input", "conv1"), ("conv1", "conv2"), ("input", "Add"), ("conv2", "Add")], explained.Edges);
        Assert.Equal(
            ["input 16x12x12", "conv1 Conv2d 3x3 padding 1 Relu 16x12x12", "conv2 Conv2d 3x3 padding 1 16x12x12", "Add Relu 16x12x12"],
            explained.Boxes.Select(box => box.Text));

        var printed = Draw("residual-as-printed", "rBlock1");
        Assert.Equal([("input", "conv2"), ("input", "Add"), ("conv2", "Add")], printed.Edges);
        Assert.Equal("conv1 Conv2d 3x3 padding 1 unused", printed.Boxes.Single(box => box.IsDashed).Text);
    }

    [Fact]
    public void A_network_is_a_column_of_layers_with_their_activations_and_of_blocks()
    {
        var drawing = Draw("resnet18", "");
        Assert.Equal(
            [
                "image 1x28x28",
                "conv1 Conv2d 7x7 padding 3 stride 2 BatchNorm2d Relu 64x14x14 MaxPool 3x3 padding 1 stride 2 64x7x7",
                "layer1 2 x BasicBlock 64x7x7", "layer2 2 x BasicBlock 128x4x4", "layer3 2 x BasicBlock 256x2x2",
                "layer4 2 x BasicBlock 512x1x1", "GlobalAveragePool 512x1x1 Flatten 512", "fc Linear 10",
            ],
            drawing.Boxes.Select(box => box.Text));
        Assert.Equal(drawing.Boxes.Count - 1, drawing.Edges.Count);
        Assert.Contains("downsample Conv2d, BatchNorm2d 128x4x4", Draw("resnet18", "layer2.0").Boxes.Select(box => box.Text));
    }

    [Fact]
    public void An_unknown_module_fails_with_the_names_of_the_outermost_ones() =>
        Assert.Contains(
            "no module 'block'. The outermost modules: conv1, rBlock1, conv2, rBlock2, linear.",
            Assert.Throws<UserException>(() => Draw("residual", "block")).Message);

    private static Drawing Draw(string name, string module) =>
        Drawing.Parse(NetworkDrawing.Draw(Architecture.Find(name)!, NetworkShape.Mnist, module, isDark: false));

    private sealed record Box(int Left, int Top, int Right, int Bottom, bool IsDashed, string[] Lines)
    {
        public string Text => string.Join(' ', Lines);

        public bool Overlaps(Box other) => Left < other.Right && other.Left < Right && Top < other.Bottom && other.Top < Bottom;
    }

    private sealed record Drawing(
        int Width,
        IReadOnlyList<Box> Boxes,
        IReadOnlyList<(string? From, string? To)> Edges,
        IReadOnlyList<Box> Strokes)
    {
        public static Drawing Parse(string svg)
        {
            var root = XDocument.Parse(svg).Root!;
            XElement[] Elements(string name) => [.. root.Elements().Where(element => element.Name.LocalName == name)];
            var texts = Elements("text").Select(text => (X: Number(text, "x"), Y: Number(text, "y"), text.Value)).ToArray();
            Box[] boxes =
            [
                .. from rect in Elements("rect")
                   let left = Number(rect, "x")
                   let top = Number(rect, "y")
                   let isDashed = rect.Attribute("stroke-dasharray") is not null
                   let box = new Box(left, top, left + Number(rect, "width"), top + Number(rect, "height"), isDashed, [])
                   select box with
                   {
                       Lines =
                       [
                           .. from text in texts
                              where box.Overlaps(Around(text.X, text.Y, text.X, text.Y))
                              orderby text.Y
                              select text.Value,
                       ],
                   },
            ];
            List<(string?, string?)> edges = [];
            List<Box> strokes = [];
            foreach (var path in Elements("path").Select(path => Step().Matches(path.Attribute("d")!.Value)))
            {
                int[][] points =
                [
                    .. path.Select(step => step.Groups["number"].Captures.Select(number => int.Parse(number.Value)).ToArray()),
                ];
                var (x, y) = (points[0][0], points[0][1]);
                var from = boxes.SingleOrDefault(box => box.Left + box.Right == 2 * x && box.Bottom == y)?.Lines[0];
                foreach (var point in points[1..])
                {
                    var (endX, endY) = point is [var end] ? (x, end) : (point[^2], point[^1]);
                    strokes.Add(Around(x, y, endX, endY));
                    (x, y) = (endX, endY);
                }

                Assert.True(points[^1] is [var top] && top > points[^2][^1], "an arrow points down");
                edges.Add((from, boxes.SingleOrDefault(box => box.Left + box.Right == 2 * x && box.Top == y)?.Lines[0]));
            }

            return new Drawing(Number(root, "width"), boxes, edges, strokes);
        }

        // Lines and curves end at the edges of boxes, so the rectangle around one overlaps only boxes that it may cross.
        private static Box Around(int x, int y, int endX, int endY) =>
            new(Math.Min(x, endX), Math.Min(y, endY), Math.Max(x, endX), Math.Max(y, endY), IsDashed: false, []);

        private static int Number(XElement element, string name) => int.Parse(element.Attribute(name)!.Value);
    }

    [GeneratedRegex(@"[A-Z](?<number>-?\d+)( (?<number>-?\d+))*")]
    private static partial Regex Step();
}
