using MnistCnn.Networks;
using MnistCnn.OnnxExport;
using MnistCnn.Runtime;

namespace MnistCnn.Inspection;

/// <summary>
/// Drawing of a network, or of a module in it, in SVG: its child modules and operations from top to bottom, with their output shapes for
/// one image. Normalization, activations and pooling after a layer are in the layer's box.
/// </summary>
internal sealed class NetworkDrawing
{
    // In pixels. An SVG file has no font: characters of this size are at most that wide in the usual fonts.
    private const int FontSize = 13, CharacterWidth = 8, LineHeight = 18, Padding = 8, Gap = 16, LevelGap = 28;

    private readonly string module;
    private readonly Dictionary<string, Module> modules;
    private readonly List<Box> boxes = [];
    private readonly Dictionary<string, Box> boxOf = []; // by the name of an operation

    private NetworkDrawing(Module<Tensor, Tensor> network, string module) =>
        (this.module, modules) = (module, network.named_modules().ToDictionary());

    /// <param name="module">Name of the module in the state dictionary; "" draws the whole network.</param>
    public static string Draw(Architecture architecture, NetworkShape shape, string module, bool isDark)
    {
        using var scope = NewDisposeScope();
        using var network = architecture.CreateOnMeta(shape);
        network.eval();
        Layers.AcceptEmptyBatch(network);
        var trace = ActivationTrace.Run(network, empty(0, shape.Channels, shape.Height, shape.Width));
        var drawing = new NetworkDrawing(network, module);
        foreach (var node in trace.Nodes.Where(node => node.Inputs.Count > 0 && drawing.PathOf(node.Module) is not null))
            drawing.Add(node, trace);
        if (drawing.boxes.Count == 0)
            throw new UserException(
                $"The forward pass of {architecture.Name} has no module '{module}'. The outermost modules: "
                + $"{string.Join(", ", trace.Nodes.Select(node => node.Module.Split('.')[0]).Where(name => name != "").Distinct())}.");
        var unused = NetworkSummary.FindUnusedLayers(network, trace.Nodes.Last().Node);
        foreach (var name in unused.Where(name => drawing.PathOf(name)?.Contains('.') == false))
        {
            var layer = new Operation.Layer((Module<Tensor, Tensor>)drawing.modules[name]);
            drawing.boxes.Add(new Box(1, []).Add([drawing.PathOf(name)!, .. Describe(layer)], "unused"));
        }

        return drawing.ToSvg($"{architecture.Title} {module}".TrimEnd(), isDark);
    }

    // Name of a module inside the drawn one: "" for the drawn one itself, null for others.
    private string? PathOf(string name) =>
        name == module ? "" : module == "" ? name : Layers.IsInside(module, name) ? name[(module.Length + 1)..] : null;

    private void Add(TraceNode node, ActivationTrace trace)
    {
        var path = PathOf(node.Module)!;
        var child = path.Split('.')[0];
        var isLayer = child != "" && path == child && modules[node.Module] == node.Layer;
        var block = isLayer || child == "" ? null : child;
        Box[] inputs = [.. node.Node.Inputs.Select(input => boxOf.GetValueOrDefault(input.Name) ?? AddInput(trace[input.Name])).Distinct()];
        if (block is not null && boxes[^1].Block == block)
            boxOf[node.Name] = boxes[^1].Add([], ShapeOf(node));
        else if (block is null && IsContinuation(node, inputs[0], trace))
            boxOf[node.Name] = inputs[0].Add(Describe(node.Node.Operation), ShapeOf(node));
        else
        {
            string[] lines = block is null ? Describe(node.Node.Operation) : [KindOf(modules[$"{module}.{child}".TrimStart('.')])];
            boxOf[node.Name] = new Box(1 + inputs.Max(input => input.Level), inputs, block)
                .Add(child == "" ? lines : [child, .. lines], ShapeOf(node));
            boxes.Add(boxOf[node.Name]);
        }
    }

    private Box AddInput(TraceNode node)
    {
        boxes.Add(new Box(0, [], "").Add([node.Name == ActivationTrace.Image ? node.Name : "input"], ShapeOf(node)));
        return boxOf[node.Name] = boxes[^1];
    }

    // Whether the operation has no kernel, and is the only reader of a layer's output.
    private static bool IsContinuation(TraceNode node, Box input, ActivationTrace trace) =>
        input.Block is null && node.Inputs.Count == 1 && node.Operation is not ("Conv" or "Gemm")
        && trace.Nodes.Count(other => other.Inputs.Contains(node.Inputs[0])) == 1;

    private static string ShapeOf(TraceNode node) => string.Join("x", node.Value.shape[1..]);

    private static string KindOf(Module block) => block is not TorchSharp.Modules.Sequential ? block.GetType().Name : string.Join(
        ", ",
        block.children().CountBy(child => child.GetType().Name).Select(kind => kind.Value == 1 ? kind.Key : $"{kind.Value} x {kind.Key}"));

    private static string[] Describe(Operation operation)
    {
        var name = operation is Operation.Layer layer ? layer.Module.GetType().Name : operation.Name;
        if (operation.Window is not { } window)
            return [name];
        (string Name, long[] Sides, int Default)[] options = [("padding", window.Padding, 0), ("stride", window.Stride, 1)];
        return
        [
            $"{name} {string.Join("x", window.Kernel)}",
            .. from option in options
               where option.Sides.Any(side => side != option.Default)
               select $"{option.Name} {string.Join("x", option.Sides.Distinct())}",
        ];
    }

    // Puts the boxes of a level beside each other. An edge has a place in each level between its ends, so that it crosses no box.
    private List<Box[]> Arrange()
    {
        List<Box[]> edges = [];
        foreach (var box in boxes.ToArray())
            foreach (var input in box.Inputs)
            {
                Box[] places = [.. Enumerable.Range(input.Level, box.Level - input.Level).Skip(1).Select(level => new Box(level, []))];
                boxes.AddRange(places);
                edges.Add([input, .. places, box]);
            }

        var above = edges.SelectMany(edge => edge.Zip(edge.Skip(1))).ToLookup(step => step.Second, step => step.First);
        var (top, width) = (0, boxes.Max(box => box.Width) + Gap);
        foreach (var level in boxes.GroupBy(box => box.Level).OrderBy(level => level.Key))
        {
            var (count, height) = (level.Count(), level.Max(box => box.Height));
            foreach (var (index, box) in level.OrderBy(box => above[box].Select(input => input.X).DefaultIfEmpty(-width).Average()).Index())
                (box.X, box.LevelTop, box.LevelBottom) = ((2 * index + 1 - count) * width / 2, top, top + height);
            top += height + LevelGap;
        }

        return edges;
    }

    private string ToSvg(string title, bool isDark)
    {
        var (text, line, fill, block, shape) = isDark
            ? ("#f0f6fc", "#8b949e", "#21262d", "#12345b", "#79c0ff")
            : ("#1f2328", "#6e7781", "#f6f8fa", "#ddf4ff", "#0550ae");
        var edges = Arrange();
        var half = boxes.Max(box => Math.Abs(box.X) + box.Width / 2) + Padding;
        var height = boxes.Max(box => box.LevelBottom) + 2 * Padding;
        var svg = new StringBuilder($"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{2 * half}" height="{height}" viewBox="{-half} {-Padding} {2 * half} {height}"
              font-family="Helvetica, Arial, sans-serif" font-size="{FontSize}" text-anchor="middle" stroke-width="1.5">
            <title>{title}</title>
            <marker id="arrow" orient="auto" markerWidth="8" markerHeight="6" refX="7" refY="3">
            <path d="M0 0 8 3 0 6z" fill="{line}"/></marker>

            """);
        foreach (var edge in edges)
        {
            svg.Append($"<path fill=\"none\" stroke=\"{line}\" marker-end=\"url(#arrow)\" d=\"M{edge[0].X} {edge[0].Top + edge[0].Height}");
            foreach (var (from, to) in edge.Zip(edge.Skip(1)))
            {
                var (end, middle) = (to.LevelTop - Padding, (from.LevelBottom + to.LevelTop - Padding) / 2); // the arrow points down
                svg.Append($"V{from.LevelBottom}C{from.X} {middle} {to.X} {middle} {to.X} {end}");
            }

            svg.Append($"V{edge[^1].Top}\"/>\n");
        }

        foreach (var box in boxes.Where(box => box.Height > 0))
        {
            var style = $"fill=\"{(box.Block is { Length: > 0 } ? block : fill)}\"{(box.IsUnused ? " stroke-dasharray=\"4\"" : "")}";
            svg.Append($"<rect x=\"{box.X - box.Width / 2}\" y=\"{box.Top}\" width=\"{box.Width}\" height=\"{box.Height}\" rx=\"6\" "
                + $"stroke=\"{line}\" {style}/>\n");
            foreach (var (index, (words, isShape)) in box.Lines.Index())
                svg.Append($"<text x=\"{box.X}\" y=\"{box.Top + (index + 1) * LineHeight}\" fill=\"{(isShape ? shape : text)}\""
                    + $"{(index == 0 ? " font-weight=\"bold\"" : "")}>{words}</text>\n");
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>A box, or the place of an edge, which has no lines.</summary>
    /// <param name="level">Length of the longest path to the box.</param>
    /// <param name="block">Name of the child module with the box's operations; "" for an input, null for a layer or an operation.</param>
    private sealed class Box(int level, IReadOnlyList<Box> inputs, string? block = null)
    {
        public int Level => level;

        public IReadOnlyList<Box> Inputs => inputs;

        public string? Block => block;

        public bool IsUnused => level > 0 && inputs.Count == 0;

        public List<(string Text, bool IsShape)> Lines { get; } = [];

        public int Width => 2 * (Padding + CharacterWidth / 2 * Lines.Select(line => line.Text.Length).DefaultIfEmpty().Max());

        public int Height => Lines.Count == 0 ? 0 : Lines.Count * LineHeight + Padding;

        public int X { get; set; }

        public int LevelTop { get; set; }

        public int LevelBottom { get; set; }

        public int Top => (LevelTop + LevelBottom - Height) / 2;

        /// <summary>Adds lines and a shape, which replaces the last one if that is equal or was inside a block.</summary>
        public Box Add(string[] lines, string shape)
        {
            if (Lines.Count > 0 && (lines.Length == 0 || Lines[^1].Text == shape))
                Lines.RemoveAt(Lines.Count - 1);
            Lines.AddRange([.. lines.Select(line => (line, false)), (shape, true)]);
            return this;
        }
    }
}
