using MnistCnn.Inspection;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Web;

/// <summary>Runs a model on one image and writes its activations into frames.</summary>
/// <param name="Pixels">(C, H, W), from 0 to 255.</param>
/// <param name="Digits">As in <see cref="LookResponse"/>.</param>
/// <param name="Label">Class of a test image.</param>
internal sealed record ActivationViews(
    LoadedModel Model, WhatIfQuery Query, byte[] Pixels, int Digits, long? Label, CancellationToken Stop)
{
    private const byte SignedZero = 128;
    private const long MostValues = 4 << 20; // float32; more are slow to show

    private readonly IReadOnlyList<InputOverride> overrides = Query.ParseOverrides();

    /// <summary>Returns a frame with the prediction and the feature maps of all layers: <see cref="LookResponse"/>.</summary>
    /// <param name="maps">Most maps per layer.</param>
    /// <param name="size">Larger maps are averaged down to this height and width.</param>
    public byte[] Look(int maps, int size)
    {
        var frame = new FrameWriter();
        var image = Query.Apply(Pixels, Model.Network.Shape);
        var trace = Run(image);
        var logits = trace.Logits[0].cpu();
        return frame.Finish(new LookResponse(
            Image: new TensorRef(image.shape[1..], frame.Add(image.bytes)),
            Blank: Digits == 0,
            Digits,
            Label,
            Probabilities: softmax(logits.ToCpuFloat64(), dim: 0).data<double>().ToArray(),
            Logits: logits.data<float>().ToArray(),
            Layers: [.. trace.Nodes.Select(node => AddMaps(frame, node, maps, size))]));
    }

    /// <summary>Returns a frame with one feature map and its inputs: <see cref="Web.FeatureMap"/>.</summary>
    public byte[] FeatureMap(string name, int channel)
    {
        var frame = new FrameWriter();
        var trace = Run(Query.Apply(Pixels, Model.Network.Shape));
        var node = trace[name];
        var isFlatten = node.Operation is "Flatten"; // shown as a single row
        var channels = isFlatten ? 1 : node.Value.shape[1];
        if (channel < 0 || channel >= channels)
            throw new UserException($"{name} has no feature map {channel}: it has {channels}.");
        var inputs = InputsOf(node, channel).ToArray();
        if (inputs.Sum(input => input.Value.numel()) > MostValues)
            throw new UserException($"The inputs of {name} are too large to be shown in full: {string.Join("x", inputs[0].Value.shape)}.");
        var (kernel, bias) = node.Layer switch
        {
            Conv2d layer => (layer.weight![channel], layer.bias),
            Linear layer => (layer.weight![channel].reshape(-1, 1, 1), layer.bias),
            _ => ((Tensor?)null, (Tensor?)null),
        };
        var affine = node.Layer is BatchNorm2d normalization ? AffineOf(normalization, channel) : ((float Factor, float Shift)?)null;
        return frame.Finish(new FeatureMap(
            name, node.Operation, channel,
            Value: Add(frame, isFlatten ? node.Value[0].unsqueeze(0) : MapOf(node.Value, channel)),
            Inputs: [.. inputs.Select(input => new MapInput(input.Node, input.Channel, input.Value.shape, Add(frame, input.Value).Offset))],
            Kernel: kernel is null ? null : Add(frame, kernel),
            Bias: bias?[channel].item<float>(),
            node.Window?.Kernel, node.Window?.Stride, node.Window?.Padding,
            affine?.Factor, affine?.Shift,
            Sum: AddSum(frame, trace, node, channel)));
    }

    /// <summary>Returns a frame with the saliency of each pixel: <see cref="SaliencyMap"/>.</summary>
    /// <param name="method">occlusion or gradient.</param>
    /// <param name="class">The class whose probability or logit is explained.</param>
    public byte[] Saliency(string method, int @class)
    {
        if (@class < 0 || @class >= Model.Network.Shape.Classes)
            throw new UserException($"There is no class {@class}: the network has {Model.Network.Shape.Classes}.");
        var image = Normalize(Query.Apply(Pixels, Model.Network.Shape));
        var saliency = method switch
        {
            "occlusion" => Inspection.Saliency.Occlusion(LogitsOf, image, @class, Stop),
            "gradient" => Inspection.Saliency.Gradient(LogitsOf, image, @class),
            _ => throw new UserException($"There is no method '{method}'. The known ones: occlusion, gradient."),
        };
        var frame = new FrameWriter();
        var (zero, scale, offset) = AddQuantized(frame, saliency, saliency);
        return frame.Finish(new SaliencyMap(method, @class, saliency.shape[0], saliency.shape[1], zero, scale, offset));

        Tensor LogitsOf(Tensor images) => ActivationTrace.Run(Model.Network.Network, images, overrides, Stop).Logits;
    }

    private ActivationTrace Run(Tensor image)
    {
        var trace = ActivationTrace.Run(Model.Network.Network, Normalize(image), overrides, Stop);
        return trace.Logits.isfinite().all().item<bool>() ? trace : throw Evaluator.NonFiniteLogits();
    }

    private Tensor Normalize(Tensor image) => Model.Network.Normalization.Apply(image.to(Model.Device));

    private static LayerMaps AddMaps(FrameWriter frame, TraceNode node, int most, int size)
    {
        using var scope = NewDisposeScope();
        var value = node.Value[0].cpu();
        var values = value.reshape(value.shape[0], -1);
        if (value.dim() == 1)
            value = value.reshape(1, 1, -1);
        else if (value.shape[1] > size || value.shape[2] > size)
            value = adaptive_avg_pool2d(value, [Math.Min(value.shape[1], size), Math.Min(value.shape[2], size)]);
        var order = value.flatten(start_dim: 1).std(1, unbiased: false).argsort(descending: true)[..Math.Min(most, (int)value.shape[0])];
        var (zero, scale, offset) = AddQuantized(frame, value.index_select(0, order), value);
        var (lowest, highest) = (node.Value.dim() == 2 ? values : values.index_select(0, order)).aminmax(dim: 1);
        return new LayerMaps(
            node.Name, zero, scale, Height: value.shape[1], Width: value.shape[2], Maps: order.data<long>().ToArray(),
            Lowest: Add(frame, lowest).Offset, Highest: Add(frame, highest).Offset, offset);
    }

    // Quantizes the selected values to bytes, with the range of all values.
    private static (int Zero, float Scale, int Offset) AddQuantized(FrameWriter frame, Tensor selected, Tensor all)
    {
        using var scope = NewDisposeScope();
        var range = all.aminmax();
        var (lowest, highest) = (range.min.item<float>(), range.max.item<float>());
        if (!float.IsFinite(highest - lowest))
            throw Evaluator.NonFiniteLogits();
        var zero = lowest < 0 ? SignedZero : 0;
        var scale = Math.Max(Math.Max(-lowest, highest) / (byte.MaxValue - zero), float.Epsilon);
        using Scalar step = scale, middle = zero, first = 0, last = byte.MaxValue; // by name, as in Normalization
        var bytes = selected.div(step).add_(middle).round_().clamp_(first, last).to_type(ScalarType.Byte).contiguous();
        return (zero, scale, frame.Add(bytes.bytes));
    }

    // The inputs that a feature map is computed from: (C, H, W), of all channels or of a single one.
    private static IEnumerable<(string? Node, int? Channel, Tensor Value)> InputsOf(TraceNode node, int channel)
    {
        if (node.Layer is Conv2d _ or Linear _ || node.Operation is "Flatten")
        {
            var value = node.InputValues[0][0];
            return [(node.Inputs[0], null, value.dim() == 1 ? value.reshape(-1, 1, 1) : value)];
        }

        if (node.Operation is "Pad" && channel >= node.InputValues[0].shape[1])
            return [];
        if (node.Operation is not "Concat")
            return node.Inputs.Zip(node.InputValues, (input, value) => (input, (int?)channel, MapOf(value, channel).unsqueeze(0)));
        var branch = 0;
        for (; channel >= node.InputValues[branch].shape[1]; branch++)
            channel -= (int)node.InputValues[branch].shape[1];
        return [(node.Inputs[branch], channel, MapOf(node.InputValues[branch], channel).unsqueeze(0))];
    }

    private ResidualSum? AddSum(FrameWriter frame, ActivationTrace trace, TraceNode node, int channel)
    {
        var sum = node is { Operation: "Relu", Inputs: [{ } input] } ? trace[input] : node;
        var ablations = Model.Graph.Ablations.Where(ablation => ablation.Override.Node == sum.Name);
        if (ablations.FirstOrDefault(ablation => ablation.Kind is AblationKind.Shortcut) is not { } shortcut)
            return null;
        var relu = trace.Nodes.FirstOrDefault(other => other.Operation is "Relu" && other.Inputs[0] == sum.Name);
        var (x, f) = (shortcut.Override.Input, 1 - shortcut.Override.Input);
        List<SumTerm> terms =
        [
            TermOf("x", sum.Inputs[x], sum.InputValues[x]),
            TermOf("F(x)", sum.Inputs[f], sum.InputValues[f]),
            TermOf("x + F(x)", sum.Name, sum.Value),
        ];
        if (relu is not null)
            terms.Add(TermOf("relu", relu.Name, relu.Value));
        return new ResidualSum(shortcut.Block, terms);

        SumTerm TermOf(string name, string? source, Tensor value) => value.norm().item<float>() is var norm && float.IsFinite(norm)
            ? new SumTerm(name, source, norm, Add(frame, MapOf(value, channel)).Offset)
            : throw Evaluator.NonFiniteLogits();
    }

    private static (float Factor, float Shift) AffineOf(BatchNorm2d layer, int channel)
    {
        var factor = ValueOf(layer.weight!) / Math.Sqrt(ValueOf(layer.running_var!) + layer.eps);
        return ((float)factor, (float)(ValueOf(layer.bias!) - factor * ValueOf(layer.running_mean!)));

        double ValueOf(Tensor values) => values[channel].item<float>();
    }

    private static Tensor MapOf(Tensor value, int channel) => value.dim() == 2 ? value[0, channel].reshape(1, 1) : value[0, channel];

    private static TensorRef Add(FrameWriter frame, Tensor value)
    {
        using var flat = value.to_type(ScalarType.Float32).cpu().contiguous();
        return new TensorRef(value.shape, frame.Add(flat.data<float>().ToArray()));
    }
}
