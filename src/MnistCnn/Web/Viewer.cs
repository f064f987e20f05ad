using MnistCnn.Inspection;
using MnistCnn.Runtime;
using MnistCnn.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Web;

/// <summary>Shows an image to a network and tells what it sees: frames for the page.</summary>
/// <param name="model">The network.</param>
/// <param name="question">What is changed in the image and in the network.</param>
/// <param name="pixels">The image, from 0 to 255: (C, H, W).</param>
/// <param name="stop">Ends it early.</param>
internal sealed class Viewer(ServedModel model, Question question, byte[] pixels, CancellationToken stop)
{
    private const byte SignedZero = 128;

    // Of float32: the maps of a large image may be more than a page can hold.
    private const long MostNumbers = 4 << 20;

    private readonly IReadOnlyList<InputOverride> wires = question.Wires();

    /// <summary>The answer and the maps of all layers: a <see cref="Web.Look"/>.</summary>
    /// <param name="blank">Whether the image is empty because nothing was found in the picture.</param>
    /// <param name="label">Of which class the image is, where that is known.</param>
    /// <param name="maps">At most so many of a layer.</param>
    /// <param name="size">Larger maps are averaged down to so many pixels a side.</param>
    public byte[] Look(bool blank, long? label, int maps, int size)
    {
        using var frame = new Frame();
        var image = question.Apply(pixels, model.Network.Shape);
        var at = frame.Add(image.bytes);
        var trace = Run(image);
        LayerMaps[] layers = [.. trace.Nodes.Select(node => Maps(node, frame, maps, size))];
        var logits = trace.Logits[0].cpu();
        return frame.Finish(new Look(
            new Numbers(image.shape[1..], at),
            blank,
            label,
            softmax(logits.ToCpuFloat64(), dim: 0).data<double>().ToArray(),
            logits.data<float>().ToArray(),
            layers));
    }

    /// <summary>One map in full: a <see cref="MapDetail"/>.</summary>
    /// <param name="name">The operation that gives it.</param>
    /// <param name="channel">Which of its maps.</param>
    /// <exception cref="UserException">There is no such map, or it is too large.</exception>
    public byte[] Map(string name, int channel)
    {
        using var frame = new Frame();
        var trace = Run(question.Apply(pixels, model.Network.Shape));
        var node = trace[name];
        var channels = node.Operation is "Flatten" ? 1 : node.Value.shape[1];
        if (channel < 0 || channel >= channels)
            throw new UserException($"{name} has no map {channel}: it has {channels}.");
        var inputs = Taken(node, channel).ToArray();
        if (inputs.Sum(input => input.Value.numel()) > MostNumbers)
            throw new UserException($"{name} takes maps that are too large to be shown in full: {string.Join("x", inputs[0].Value.shape)}.");
        var value = node.Operation is "Flatten" ? node.Value[0].unsqueeze(0) : MapOf(node.Value, channel);
        var (kernel, bias) = node.Layer switch
        {
            Conv2d layer => (layer.weight![channel], layer.bias),
            Linear layer => (layer.weight![channel].reshape(-1, 1, 1), layer.bias),
            _ => ((Tensor?)null, (Tensor?)null),
        };
        var line = node.Layer is BatchNorm2d normalization ? Line(normalization, channel) : ((float Factor, float Shift)?)null;
        return frame.Finish(new MapDetail(
            name,
            node.Operation,
            channel,
            new Plane(value.shape[0], value.shape[1], Add(frame, value).At),
            [.. inputs.Select(input => new MapInput(input.Node, input.Channel, input.Value.shape, Add(frame, input.Value).At))],
            kernel is null ? null : Add(frame, kernel),
            bias?[channel].item<float>(),
            node.Window?.Kernel,
            node.Window?.Stride,
            node.Window?.Padding,
            line?.Factor,
            line?.Shift,
            Sum(trace, node, channel, frame)));
    }

    /// <summary>Where the network looks: a <see cref="Heat"/>.</summary>
    /// <param name="method">occlusion or gradient.</param>
    /// <param name="class">For which class.</param>
    /// <exception cref="UserException">There is no such method or class.</exception>
    public byte[] Where(string method, int @class)
    {
        if (@class < 0 || @class >= model.Network.Shape.Classes)
            throw new UserException($"There is no class {@class}: the network has {model.Network.Shape.Classes}.");
        var image = Normalized(question.Apply(pixels, model.Network.Shape));
        var heat = method switch
        {
            "occlusion" => Saliency.Occlusion(Answer, image, @class, stop),
            "gradient" => Saliency.Gradient(Answer, image, @class),
            _ => throw new UserException($"There is no method '{method}'. The known ones: occlusion, gradient."),
        };
        using var frame = new Frame();
        var (zero, scale, at) = Bytes(heat, frame);
        return frame.Finish(new Heat(method, @class, heat.shape[0], heat.shape[1], zero, scale, at));

        Tensor Answer(Tensor images) => ActivationTrace.Run(model.Network.Network, images, wires, stop).Logits;
    }

    private ActivationTrace Run(Tensor image)
    {
        var trace = ActivationTrace.Run(model.Network.Network, Normalized(image), wires, stop);
        return trace.Logits.isfinite().all().item<bool>() ? trace : throw Prediction.NotFinite();
    }

    private Tensor Normalized(Tensor image) => model.Network.Normalization.Apply(image.to(model.Device));

    private static LayerMaps Maps(TraceNode node, Frame frame, int most, int size)
    {
        using var scope = NewDisposeScope();
        var value = node.Value[0].cpu();
        var values = value.reshape(value.shape[0], -1);
        if (value.dim() == 1)
            value = value.reshape(1, 1, -1);
        else if (value.shape[1] > size || value.shape[2] > size)
            value = adaptive_avg_pool2d(value, [Math.Min(value.shape[1], size), Math.Min(value.shape[2], size)]);
        var order = value.flatten(start_dim: 1).std(1, unbiased: false).argsort(descending: true)[..Math.Min(most, (int)value.shape[0])];
        var (zero, scale, at) = Bytes(value.index_select(0, order), frame, value);
        var (lowest, highest) = (node.Value.dim() == 2 ? values : values.index_select(0, order)).aminmax(dim: 1);
        return new LayerMaps(
            node.Name,
            zero,
            scale,
            value.shape[1],
            value.shape[2],
            order.data<long>().ToArray(),
            Add(frame, lowest).At,
            Add(frame, highest).At,
            at);
    }

    // As bytes whose scale all of a layer's maps have, whether they are among the chosen ones or not.
    private static (int Zero, float Scale, int At) Bytes(Tensor chosen, Frame frame, Tensor? all = null)
    {
        using var scope = NewDisposeScope();
        var range = (all ?? chosen).aminmax();
        var (lowest, highest) = (range.min.item<float>(), range.max.item<float>());
        if (!float.IsFinite(highest - lowest))
            throw Prediction.NotFinite();
        var zero = lowest < 0 ? SignedZero : 0;
        var scale = Math.Max(Math.Max(-lowest, highest) / (byte.MaxValue - zero), float.Epsilon);
        using Scalar step = scale, middle = zero, first = 0, last = byte.MaxValue; // by name, as in Normalization
        var bytes = chosen.div(step).add_(middle).round_().clamp_(first, last).to_type(ScalarType.Byte).contiguous();
        return (zero, scale, frame.Add(bytes.bytes));
    }

    // What a map is made of: of all maps, or of one.
    private static IEnumerable<(string? Node, int? Channel, Tensor Value)> Taken(TraceNode node, int channel)
    {
        if (node.Layer is Conv2d or Linear || node.Operation is "Flatten")
            return [(node.Inputs[0], null, node.InputValues[0][0] is { } value && value.dim() == 1 ? value.reshape(-1, 1, 1) : node.InputValues[0][0])];
        if (node.Operation is "Pad" && channel >= node.InputValues[0].shape[1])
            return [];
        if (node.Operation is not "Concat")
            return node.Inputs.Zip(node.InputValues, (input, value) => (input, (int?)channel, MapOf(value, channel).unsqueeze(0)));
        var place = 0;
        for (; channel >= node.InputValues[place].shape[1]; place++)
            channel -= (int)node.InputValues[place].shape[1];
        return [(node.Inputs[place], channel, MapOf(node.InputValues[place], channel).unsqueeze(0))];
    }

    // Of a sum at the end of a block, and of the relu behind it.
    private BlockSum? Sum(ActivationTrace trace, TraceNode node, int channel, Frame frame)
    {
        var sum = node is { Operation: "Relu", Inputs: [{ } input] } ? trace[input] : node;
        if (model.Graph.Switches.FirstOrDefault(found => found.Node == sum.Name && found.Kind == "shortcut") is not { } shortcut)
            return null;
        var after = trace.Nodes.FirstOrDefault(other => other.Operation is "Relu" && other.Inputs[0] == sum.Name);
        var (x, f) = (shortcut.Input, 1 - shortcut.Input);
        (string Name, string? Node, Tensor Value)[] parts =
        [
            ("x", sum.Inputs[x], sum.InputValues[x]),
            ("F(x)", sum.Inputs[f], sum.InputValues[f]),
            ("x + F(x)", sum.Name, sum.Value),
            .. after is null ? [] : new (string, string?, Tensor)[] { ("relu", after.Name, after.Value) },
        ];
        return new BlockSum(
            shortcut.Block,
            [.. parts.Select(part => new SumPart(part.Name, part.Node, Norm(part.Value), Add(frame, MapOf(part.Value, channel)).At))]);
    }

    private static double Norm(Tensor value) => value.norm().item<float>() is var norm && float.IsFinite(norm) ? norm : throw Prediction.NotFinite();

    // What batch normalisation makes of a map: factor * x + shift.
    private static (float Factor, float Shift) Line(BatchNorm2d layer, int channel)
    {
        var factor = Of(layer.weight!) / Math.Sqrt(Of(layer.running_var!) + layer.eps);
        return ((float)factor, (float)(Of(layer.bias!) - factor * Of(layer.running_mean!)));

        double Of(Tensor numbers) => numbers[channel].item<float>();
    }

    private static Tensor MapOf(Tensor value, int channel) => value.dim() == 2 ? value[0, channel].reshape(1, 1) : value[0, channel];

    private static Numbers Add(Frame frame, Tensor value)
    {
        using var flat = value.to_type(ScalarType.Float32).cpu().contiguous();
        return new Numbers(value.shape, frame.Add(flat.data<float>().ToArray()));
    }
}
