using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Tests.Export;
using MnistCnn.Web;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Web;

/// <summary>The drawing of networks on the page: layout.js.</summary>
public sealed class PageLayoutTests
{
    public sealed record Box(string Name, double X, double Y, double Width, double Height, double Middle)
    {
        public bool Overlaps(Box other) =>
            X < other.X + other.Width && other.X < X + Width && Y < other.Y + other.Height && other.Y < Y + Height;
    }

    public sealed record Line(string From, string To, int Input, bool IsArc);

    public sealed record Block(string Name, string Kind, bool IsOpen);

    public sealed record Drawing(double Width, double Height, Box[] Boxes, Line[] Lines, Block[] Blocks);

    [Theory]
    [InlineData("residual", true)]
    [InlineData("residual", false)]
    [InlineData("inception", true)]
    [InlineData("inception", false)]
    [InlineData("resnet20", true)]
    [InlineData("resnet18", false)]
    [InlineData("googlenet", true)]
    public void Layers_do_not_overlap_and_lines_lead_to_the_right(string architecture, bool isOpen)
    {
        var nodes = Nodes(architecture);
        var drawing = LayOut(nodes, isOpen);
        Assert.Equal(isOpen ? nodes.Count : nodes.Where(node => node.Block is null).Count() + drawing.Blocks.Length, drawing.Boxes.Length);
        Assert.All(drawing.Blocks, block => Assert.Equal(isOpen, block.IsOpen));
        foreach (var (index, box) in drawing.Boxes.Index())
        {
            Assert.True(box.X >= 0 && box.Y >= 0 && box.X + box.Width <= drawing.Width && box.Y + box.Height <= drawing.Height, $"{box}");
            Assert.InRange(box.Middle, box.Y, box.Y + box.Height);
            Assert.DoesNotContain(drawing.Boxes[(index + 1)..], box.Overlaps);
        }

        var boxes = drawing.Boxes.ToDictionary(box => box.Name);
        Assert.All(drawing.Lines, line => Assert.True(boxes[line.From].X + boxes[line.From].Width < boxes[line.To].X, $"{line}"));
        if (isOpen)
            Assert.Equal(
                nodes.SelectMany(node => node.Inputs.Select((input, index) => (input, node.Name, index))),
                drawing.Lines.Select(line => ((string?)line.From, line.To, line.Input)));
    }

    [Fact]
    public void Branches_are_lanes_and_a_shortcut_is_an_arc()
    {
        var inception = LayOut(Nodes("inception"), isOpen: true);
        Assert.Equal(["Concat", "Concat"], inception.Blocks.Select(block => block.Kind));
        string[] ends = ["branch1x1", "branch5x5_2", "branch3x3_3", "branch_pool"];
        var heights = ends.Select(end => inception.Boxes.Single(box => box.Name == $"inceptionA/{end}/Conv").Y).ToArray();
        Assert.Equal(heights.Order(), heights);
        Assert.Equal(4, heights.Distinct().Count());
        Assert.DoesNotContain(inception.Lines, line => line.IsArc);

        var residual = LayOut(Nodes("residual"), isOpen: true);
        Assert.Equal(["Add", "Add"], residual.Blocks.Select(block => block.Kind));
        Assert.Equal(["rBlock1/Add", "rBlock2/Add"], residual.Lines.Where(line => line.IsArc).Select(line => line.To));
    }

    private static IReadOnlyList<NodeInfo> Nodes(string architecture)
    {
        using var scope = NewDisposeScope();
        using var network = RandomNetwork.Create(architecture, NetworkShape.Mnist);
        return LoadedModel.Describe(ActivationTrace.Run(network, empty([0, 1, 28, 28])).Nodes);
    }

    private static Drawing LayOut(IReadOnlyList<NodeInfo> nodes, bool isOpen) => new PageModule("layout.js")
        .With("nodes", nodes).With("isOpen", isOpen).Evaluate<Drawing>(
        """
        (() => {
          const { width, height, boxes, lines, frames } = page.layOut(nodes, () => isOpen, 16);
          return {
            width, height,
            boxes: boxes.map(({ node, grid, ...box }) => ({ name: node.name, ...box })),
            lines: lines.map(({ from, to, input, isArc }) => ({ from: from.node.name, to: to.node.name, input, is_arc: isArc })),
            blocks: frames.map(({ block, kind, isOpen }) => ({ name: block, kind, is_open: isOpen })),
          };
        })()
        """);
}
