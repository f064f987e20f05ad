using System.Net;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Runs;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Web;

/// <summary>Feature maps, each computed again from its inputs by the definition of the operation, in float64.</summary>
[Collection<ServerWithModels.Shared>]
public sealed class FeatureMapTests(ServerWithModels models)
{
    private static readonly string[] Fields =
        ["node", "operation", "channel", "value", "inputs", "kernel", "bias", "window", "stride", "padding", "factor", "shift", "sum"];

    private RunningServer Server => models.Server;

    [Theory]
    [InlineData("residual")]
    [InlineData("inception")]
    [InlineData("colour")]
    [InlineData(
        "resnet18", "image", "conv1/Conv", "bn1/BatchNormalization", "Relu", "MaxPool", "layer2/0/", "layer4/1/", "GlobalAveragePool",
        "Flatten", "fc/Gemm")]
    [InlineData("resnet20", "layer2/0/downsample/", "layer2/0/Add")]
    public async Task A_feature_map_follows_from_its_inputs(string id, params string[] some)
    {
        var picture = SmallPictures.Encode(
            28, 28, (x, y) => SmallPictures.Grey((byte)(x is > 11 and < 15 && y is > 3 and < 24 ? 250 : 10)));
        var nodes = (await Server.Json($"/api/models/{id}")).GetProperty("nodes").EnumerateArray().ToArray();
        var chosen = nodes.Where(node => some.Length == 0 || Array.Exists(some, prefix =>
            node.GetProperty("name").GetString()!.StartsWith(prefix, StringComparison.Ordinal))).ToArray();
        Assert.True(chosen.Length > some.Length);
        foreach (var node in chosen)
        {
            var channel = node.GetProperty("operation").GetString() == "Flatten" ? 0 : node.GetProperty("shape")[0].GetInt32() - 1;
            var map = await Map(id, node.GetProperty("name").GetString()!, channel, picture);
            Assert.Equal(Fields, map.Head.EnumerateObject().Select(field => field.Name));
            Assert.Equal(node.GetProperty("operation").GetString(), map["operation"].GetString());
            if (map["operation"].GetString() != "Flatten")
                Assert.Equal(
                    Frame.Numbers(node.GetProperty("shape")).Skip(1),
                    Side(map["value"]).Skip(node.GetProperty("shape").GetArrayLength() == 1 ? 2 : 0));
            AssertComputed(map);
        }
    }

    [Fact]
    public async Task The_first_operation_is_the_normalized_image()
    {
        var look = await Server.Frame("/api/models/residual/look?image=9");
        var map = await Map("residual", "image", 0);
        var pixels = look.Bytes(look["image"].GetProperty("offset"), 784);
        foreach (var (pixel, value) in pixels.Zip(Values(map)))
            Assert.Equal((pixel / 255.0 - 0.1307) / 0.3081, value, 1e-5);
    }

    [Theory]
    [InlineData(0, "inceptionA/branch1x1/Conv", 0)]
    [InlineData(15, "inceptionA/branch1x1/Conv", 15)]
    [InlineData(16, "inceptionA/branch5x5_2/Conv", 0)]
    [InlineData(63, "inceptionA/branch3x3_3/Conv", 23)]
    [InlineData(64, "inceptionA/branch_pool/Conv", 0)]
    [InlineData(87, "inceptionA/branch_pool/Conv", 23)]
    public async Task A_concatenated_feature_map_names_its_branch_and_channel(int channel, string source, int place)
    {
        var map = await Map("inception", "inceptionA/Concat", channel);
        var input = Assert.Single(map["inputs"].EnumerateArray());
        Assert.Equal((source, place), (input.GetProperty("node").GetString(), input.GetProperty("channel").GetInt32()));
        Assert.Equal(Values(map), Values(await Map("inception", source, place)));
        Assert.Equal(Values(map), map.Floats(input));
    }

    // 16 input maps, followed by 16 maps of zeros.
    [Fact]
    public async Task Padding_passes_feature_maps_on_and_appends_zeros_without_inputs()
    {
        var passedOn = new List<float>();
        for (var channel = 0; channel < 16; channel++)
        {
            var map = await Map("resnet20", "layer2/0/downsample/Pad", channel);
            var input = Assert.Single(map["inputs"].EnumerateArray());
            Assert.Equal(
                ("layer2/0/downsample/MaxPool", channel), (input.GetProperty("node").GetString(), input.GetProperty("channel").GetInt32()));
            Assert.Equal(map.Floats(input), Values(map));
            passedOn.AddRange(Values(map));
        }

        Assert.Contains(passedOn, value => value != 0);
        var zeros = await Map("resnet20", "layer2/0/downsample/Pad", 16);
        Assert.Empty(zeros["inputs"].EnumerateArray());
        AssertComputed(zeros);
    }

    [Theory]
    [InlineData("residual", "rBlock1/Add", "rBlock1", "Relu", "rBlock1/conv2/Conv", "rBlock1/Relu_1")]
    [InlineData("residual", "rBlock2/Relu_1", "rBlock2", "Relu_1", "rBlock2/conv2/Conv", "rBlock2/Relu_1")]
    [InlineData(
        "resnet18", "layer2/0/Add", "layer2.0", "layer2/0/downsample/1/BatchNormalization", "layer2/0/bn2/BatchNormalization",
        "layer2/0/Relu_1")]
    [InlineData("resnet20", "layer3/0/Add", "layer3.0", "layer3/0/downsample/Pad", "layer3/0/bn2/BatchNormalization", "layer3/0/Relu_1")]
    public async Task A_residual_sum_has_its_terms_and_their_norms(string id, string node, string block, string x, string f, string relu)
    {
        var map = await Map(id, node, 3); // first: torch keeps scopes per thread
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var network = TrainedNetwork.Load(models.FileOf(id));
        using var data = IdxReader.Load(models.Folder["data"], trainLimit: 1);
        network.Network.eval();
        var trace = ActivationTrace.Run(
            network.Network, network.Normalization.Apply(data.Test.Images[9..10]), [], TestContext.Current.CancellationToken);

        var sum = map["sum"];
        Assert.Equal(block, sum.GetProperty("block").GetString());
        var parts = sum.GetProperty("terms").EnumerateArray().ToArray();
        var add = $"{block.Replace('.', '/')}/Add";
        Assert.Equal(
            [("x", x), ("F(x)", f), ("x + F(x)", add), ("relu", relu)],
            parts.Select(part => (part.GetProperty("name").GetString()!, part.GetProperty("node").GetString()!)));
        Assert.All(parts, part =>
        {
            var value = trace[part.GetProperty("node").GetString()!].Value;
            Assert.Equal(1, part.GetProperty("norm").GetDouble() / value.norm().item<float>(), 1e-4);
        });
        var maps = parts.Select(
            part => map.Floats(part.GetProperty("offset"), Side(map["value"]).Aggregate((product, side) => product * side))).ToArray();
        Assert.Equal(maps[0].Zip(maps[1], (one, other) => one + other), maps[2]);
        Assert.Equal(maps[2].Select(value => Math.Max(value, 0)), maps[3]);
        Assert.Equal(maps[node == add ? 2 : 3], Values(map));
    }

    [Fact]
    public async Task A_shortcut_that_is_switched_off_adds_zeros()
    {
        var map = await Server.Frame("/api/models/residual/map?image=9&node=rBlock1/Add&channel=3&wire=rBlock1/Add:0:");
        Assert.Equal([null, "rBlock1/conv2/Conv"], map["inputs"].EnumerateArray().Select(input => input.GetProperty("node").GetString()));
        Assert.All(map.Floats(map["inputs"][0]), value => Assert.Equal(0, value));
        Assert.Equal(map.Floats(map["inputs"][1]), Values(map));
        var x = map["sum"].GetProperty("terms")[0];
        Assert.Equal((JsonValueKind.Null, 0.0), (x.GetProperty("node").ValueKind, x.GetProperty("norm").GetDouble()));
    }

    [Theory]
    [InlineData("node=rBlock1/Add&channel=16", "rBlock1/Add has no feature map 16: it has 16.")]
    [InlineData("node=rBlock1/Add&channel=-1", "rBlock1/Add has no feature map -1: it has 16.")]
    [InlineData("node=Flatten&channel=1", "Flatten has no feature map 1: it has 1.")]
    [InlineData("node=nothing", "The network has no operation 'nothing'.")]
    [InlineData("channel=1", "node")]
    public async Task An_unknown_operation_or_channel_is_an_error(string query, string message) =>
        Assert.Contains(message, await Server.Refusal(HttpStatusCode.BadRequest, $"/api/models/residual/map?image=0&{query}"));

    private static void AssertComputed(Frame map)
    {
        var inputs = map["inputs"].EnumerateArray().Select(input => map.Floats(input)).ToArray();
        var values = Values(map);
        switch (map["operation"].GetString())
        {
            case "Input":
                Assert.Empty(inputs);
                break;
            case "Pad" when inputs.Length == 0:
                Assert.All(values, value => Assert.Equal(0, value));
                break;
            case "Conv" or "Gemm":
                AssertConvolution(map, inputs[0], values);
                break;
            case "BatchNormalization":
                var (factor, shift) = (map["factor"].GetDouble(), map["shift"].GetDouble());
                AssertNear(inputs[0].Select(x => (factor * x + shift, Math.Abs(factor * x) + Math.Abs(shift))), values);
                break;
            case "Relu":
                Assert.Equal(inputs[0].Select(x => Math.Max(x, 0)), values);
                break;
            case "Add":
                Assert.Equal(inputs[0].Zip(inputs[1], (x, y) => x + y), values);
                break;
            case "MaxPool":
                Assert.Equal(Windows(map, inputs[0], 1).Select(window => window.Where(x => x is not null).Max()!.Value), values);
                break;
            case "AveragePool":
                AssertNear(
                    Windows(map, inputs[0], 1).Select(window => (window.Average(x => x ?? 0.0), window.Average(x => Math.Abs(x ?? 0.0)))),
                    values);
                break;
            case "GlobalAveragePool":
                AssertNear([(inputs[0].Average(x => (double)x), inputs[0].Average(x => Math.Abs((double)x)))], values);
                break;
            case "Concat" or "Pad" or "Flatten" or "Identity":
                Assert.Equal(inputs[0], values);
                break;
            case var other:
                Assert.Fail($"nothing is known of {other}");
                break;
        }
    }

    private static void AssertConvolution(Frame map, float[] input, float[] values)
    {
        var kernel = map.Floats(map["kernel"]);
        var channels = (int)Frame.Numbers(map["kernel"].GetProperty("shape"))[0];
        Assert.Equal(channels, Frame.Numbers(map["inputs"][0].GetProperty("shape"))[0]);
        Assert.Equal(JsonValueKind.Null, map["inputs"][0].GetProperty("channel").ValueKind);
        var bias = map["bias"].ValueKind == JsonValueKind.Null ? 0 : map["bias"].GetDouble();
        AssertNear(
            Windows(map, input, channels).Select(window =>
            {
                var products = window.Zip(kernel, (x, weight) => (double)(x ?? 0) * weight).ToArray();
                return (products.Sum() + bias, products.Sum(Math.Abs) + Math.Abs(bias));
            }),
            values);
    }

    // The input values of each position, of all channels; null in the padding.
    private static IEnumerable<float?[]> Windows(Frame map, float[] input, int channels)
    {
        var (height, width) = Pair(Frame.Numbers(map["inputs"][0].GetProperty("shape"))[1..]);
        var ((kernelHeight, kernelWidth), (strideY, strideX), (paddingY, paddingX)) = map["window"].ValueKind == JsonValueKind.Null
            ? ((1L, 1L), (1L, 1L), (0L, 0L))
            : (Pair(Frame.Numbers(map["window"])), Pair(Frame.Numbers(map["stride"])), Pair(Frame.Numbers(map["padding"])));
        var sides = Side(map["value"]);
        for (var row = 0; row < sides[0]; row++)
            for (var column = 0; column < sides[1]; column++)
            {
                var (top, left) = (row * strideY - paddingY, column * strideX - paddingX);
                yield return
                [
                    .. from channel in Enumerable.Range(0, channels)
                       from y in Enumerable.Range(0, (int)kernelHeight).Select(y => top + y)
                       from x in Enumerable.Range(0, (int)kernelWidth).Select(x => left + x)
                       select y >= 0 && y < height && x >= 0 && x < width ? input[(channel * height + y) * width + x] : (float?)null,
                ];
            }

        static (long, long) Pair(long[] sides) => (sides[0], sides[1]);
    }

    // With the tolerance of a float32 sum of this size.
    private static void AssertNear(IEnumerable<(double Value, double Size)> expected, float[] actual)
    {
        var all = expected.ToArray();
        Assert.Equal(all.Length, actual.Length);
        foreach (var ((value, size), number) in all.Zip(actual))
            Assert.Equal(value, number, 1e-5 * size + 1e-7);
    }

    private static long[] Side(JsonElement value) => Frame.Numbers(value.GetProperty("shape"));

    private static float[] Values(Frame map) =>
        map.Floats(map["value"].GetProperty("offset"), Side(map["value"]).Aggregate((product, side) => product * side));

    private Task<Frame> Map(string id, string node, int channel, byte[]? picture = null) =>
        Server.Frame(
            $"/api/models/{id}/map?node={Uri.EscapeDataString(node)}&channel={channel}{(picture is null ? "&image=9" : "")}", picture);
}
