using System.Net;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Tests.Data;
using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Web;

/// <summary>Models, their graphs, feature maps and predictions.</summary>
[Collection<ServerWithModels.Shared>]
public sealed class ModelsTests(ServerWithModels models)
{
    private static readonly string[] ModelFields =
    [
        "id", "title", "architecture", "file", "channels", "height", "width", "classes", "reads_drawings", "parameters", "test_accuracy",
        "chosen_on_test", "has_images",
    ];

    private RunningServer Server => models.Server;

    public static TheoryData<string> Ids => [.. ServerWithModels.Ids];

    [Fact]
    public async Task The_named_models_are_listed()
    {
        var all = (await Server.Json("/api/models")).EnumerateArray().ToArray();
        Assert.All(all, model => Assert.Equal(ModelFields, model.EnumerateObject().Select(field => field.Name)));
        Assert.Equal(ServerWithModels.Ids, all.Select(model => model.GetProperty("id").GetString()));
        Assert.Equal(
            ["residual", "inception", "inception", "resnet18", "resnet20"],
            all.Select(model => model.GetProperty("architecture").GetString()));
        Assert.Equal(
            ["Residual", "Inception", "Inception", "ResNet-18", "ResNet-20"], all.Select(model => model.GetProperty("title").GetString()));
        string[] sides = ["channels", "height", "width"];
        Assert.Equal(
            ["1x28x28", "1x28x28", "3x24x20", "1x28x28", "1x28x28"],
            all.Select(model => string.Join('x', sides.Select(side => model.GetProperty(side).GetInt32()))));
        Assert.Equal([true, true, false, true, true], all.Select(model => model.GetProperty("reads_drawings").GetBoolean()));
        Assert.Equal([true, true, false, true, true], all.Select(model => model.GetProperty("has_images").GetBoolean()));
        Assert.Equal([41_514, 97_298], all.Take(2).Select(model => model.GetProperty("parameters").GetInt64()));
        Assert.Equal(
            Enumerable.Range(0, 7).Select(number => $"class {number}"),
            all[2].GetProperty("classes").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal("colour.safetensors", all[2].GetProperty("file").GetString());
        Assert.InRange(all[0].GetProperty("test_accuracy").GetDouble(), 98, 100);
        Assert.Equal(JsonValueKind.Null, all[2].GetProperty("test_accuracy").ValueKind);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task The_graph_of_a_model_equals_its_trace(string id)
    {
        var graph = await Server.Json($"/api/models/{id}");
        Assert.Equal(
            [.. ModelFields.Append("nodes").Append("ablations").Order()], graph.EnumerateObject().Select(field => field.Name).Order());
        using var scope = NewDisposeScope();
        using var network = Load(id);
        var expected = Run(network, zeros(1, network.Shape.Channels, network.Shape.Height, network.Shape.Width)).Nodes;
        var nodes = graph.GetProperty("nodes").EnumerateArray().ToArray();
        foreach (var (node, actual) in expected.Zip(nodes, (node, actual) => (node, actual)))
        {
            Assert.Equal(
                (node.Name, node.Operation, node.Module), (Text(actual, "name"), Text(actual, "operation"), Text(actual, "module")));
            Assert.Equal(node.Inputs, actual.GetProperty("inputs").EnumerateArray().Select(input => input.GetString()));
            Assert.Equal(node.Value.shape[1..], Frame.Numbers(actual.GetProperty("shape")));
            var window = new[] { ("kernel", node.Window?.Kernel), ("stride", node.Window?.Stride), ("padding", node.Window?.Padding) };
            foreach (var (field, value) in window)
                Assert.Equal(
                    value, actual.GetProperty(field).ValueKind == JsonValueKind.Null ? null : Frame.Numbers(actual.GetProperty(field)));
        }

        Assert.Equal(expected.Count, nodes.Length);
        Assert.Equal(graph.GetProperty("parameters").GetInt64(), nodes.Sum(node => node.GetProperty("parameters").GetInt64()));
        Assert.Equal(
            Ablation.Find(network.Network, expected).Select(ablation => (
                $"{ablation.Kind}".ToLowerInvariant(), ablation.Block,
                ablation.Override.Node, ablation.Override.Input, ablation.Override.Replacement)),
            graph.GetProperty("ablations").EnumerateArray()
                .Select(ablation => (Text(ablation, "kind")!, Text(ablation, "block")!, ablation.GetProperty("override")))
                .Select(ablation => (
                    ablation.Item1, ablation.Item2,
                    Text(ablation.Item3, "node")!, ablation.Item3.GetProperty("input").GetInt32(), Text(ablation.Item3, "replacement"))));
        var blocks = Ablation.BlockOf(expected);
        Assert.Equal(expected.Select(node => blocks[node.Name]), nodes.Select(node => Text(node, "block")));
    }

    // Requests are awaited first, here and below: torch keeps scopes and no_grad per thread, and a test may continue on another thread.
    [Theory]
    [MemberData(nameof(Ids))]
    public async Task An_upload_gets_the_logits_and_feature_maps_of_a_trace(string id)
    {
        var picture = Picture();
        var look = await Server.Frame($"/api/models/{id}/look?maps=5&size=10", picture);
        using var scope = NewDisposeScope();
        using var network = Load(id);
        var image = Image(network, picture);
        using var noGradient = no_grad();
        var trace = Run(network, network.Normalization.Apply(image.unsqueeze(0)));
        Assert.Equal(
            ["image", "blank", "digits", "label", "probabilities", "logits", "layers"],
            look.Head.EnumerateObject().Select(field => field.Name));
        Assert.Equal(image.shape, Frame.Numbers(look["image"].GetProperty("shape")));
        Assert.Equal(image.bytes.ToArray(), look.Bytes(look["image"].GetProperty("offset"), image.numel()));
        Assert.Equal((false, 1), (look["blank"].GetBoolean(), look["digits"].GetInt32()));
        Assert.Equal(JsonValueKind.Null, look["label"].ValueKind);
        AssertNear(trace.Logits[0], [.. Frame.Doubles(look["logits"]).Select(logit => (float)logit)]);
        Assert.Equal(1, Frame.Doubles(look["probabilities"]).Sum(), 1e-9);
        Assert.Equal(trace.Nodes.Select(node => node.Name), look["layers"].EnumerateArray().Select(layer => Text(layer, "node")));
        foreach (var (node, layer) in trace.Nodes.Zip(look["layers"].EnumerateArray(), (node, layer) => (node, layer)))
            AssertLayer(node.Value[0], look, layer, most: 5, size: 10);
    }

    [Fact]
    public async Task At_most_16_feature_maps_of_64_pixels_are_sent_by_default()
    {
        var look = await Server.Frame("/api/models/inception/look?image=1");
        var sides = look["layers"].EnumerateArray()
            .Select(layer => (
                layer.GetProperty("maps").GetArrayLength(), layer.GetProperty("height").GetInt32(), layer.GetProperty("width").GetInt32()))
            .ToArray();
        Assert.Equal([(1, 28, 28), (10, 24, 24), (10, 12, 12)], sides.Take(3));
        Assert.Contains((16, 12, 12), sides);
        Assert.Equal([(1, 1, 1408), (1, 1, 10)], sides[^2..]);
        var all = await Server.Frame("/api/models/inception/look?image=1&maps=4096&size=1024");
        Assert.Contains(all["layers"].EnumerateArray(), layer => layer.GetProperty("maps").GetArrayLength() == 88);
    }

    // Both compute float64 probabilities from float32 logits; different memory layouts may round a logit differently.
    [Theory]
    [InlineData("residual", "seven.png", SKEncodedImageFormat.Png)]
    [InlineData("residual", "seven.jpg", SKEncodedImageFormat.Jpeg)]
    [InlineData("colour", "stripes.png", SKEncodedImageFormat.Png)]
    public async Task An_upload_gets_the_probabilities_of_the_command_predict(string id, string name, SKEncodedImageFormat format)
    {
        var picture = id == "colour"
            ? SmallPictures.Encode(50, 40, (x, y) => new SKColor((byte)(5 * x), (byte)(6 * y), (byte)(x * y)), format)
            : Picture(format);
        File.WriteAllBytes(models.Folder[name], picture);
        var run = ProgramRun.Of(models.Folder.FullPath, "predict", models.FileOf(id), name, "--top", id == "colour" ? "7" : "10", "--json");
        var predicted = JsonDocument.Parse(run.Output).RootElement[0].GetProperty("top").EnumerateArray()
            .OrderBy(entry => entry.GetProperty("class").GetInt32()).Select(entry => entry.GetProperty("probability").GetDouble())
            .ToArray();
        var look = await Server.Frame($"/api/models/{id}/look", picture);
        Assert.Equal(predicted.Length, look["probabilities"].GetArrayLength());
        foreach (var (expected, actual) in predicted.Zip(Frame.Doubles(look["probabilities"])))
            Assert.Equal(expected, actual, 1e-6);
    }

    [Fact]
    public async Task Digits_side_by_side_in_an_upload_are_counted()
    {
        var number = await Server.Frame("/api/models/residual/look", DrawnDigits.DrawNumber(hand: 2, "428", gap: 0.3));
        Assert.Equal(3, number["digits"].GetInt32());
    }

    [Fact]
    public async Task An_upload_without_ink_is_blank()
    {
        var look = await Server.Frame("/api/models/residual/look", SmallPictures.Encode(20, 30, (_, _) => SKColors.White));
        Assert.Equal((true, 0), (look["blank"].GetBoolean(), look["digits"].GetInt32()));
        Assert.All(look.Bytes(look["image"].GetProperty("offset"), 784), pixel => Assert.Equal(0, pixel));
        Assert.Equal(10, look["probabilities"].GetArrayLength());
    }

    [Fact]
    public async Task Test_images_are_those_of_the_data_set()
    {
        using var data = IdxReader.Load(models.Folder["data"], trainLimit: 1);
        var images = await Server.Json("/api/models/residual/images");
        Assert.Equal(["count", "folder", "labels"], images.EnumerateObject().Select(field => field.Name));
        Assert.Equal((300, models.Folder["data"]), (images.GetProperty("count").GetInt32(), Text(images, "folder")));
        Assert.Equal(data.Test.Labels.data<long>().ToArray(), Frame.Numbers(images.GetProperty("labels")));
        foreach (var index in new[] { 0, 123, 299 })
        {
            using var answer = await Server.Client.GetAsync(
                $"/api/models/residual/images/{index}.png", TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.OK, "image/png"), (answer.StatusCode, answer.Content.Headers.ContentType?.ToString()));
            using var bitmap = SKBitmap.Decode(await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
            var pixels = data.Test.Images[index].bytes.ToArray();
            Assert.Equal(pixels, Enumerable.Range(0, 784).Select(at => bitmap.GetPixel(at % 28, at / 28).Green));
            var look = await Server.Frame($"/api/models/residual/look?image={index}");
            Assert.Equal(pixels, look.Bytes(look["image"].GetProperty("offset"), 784));
            Assert.Equal(index % 10, look["label"].GetInt32());
        }
    }

    [Fact]
    public async Task The_test_predictions_are_those_of_the_command_evaluate()
    {
        var run = ProgramRun.Of(models.Folder.FullPath, "evaluate", "inception", "--data", "data", "--out", "pictures", "--json");
        var expected = JsonDocument.Parse(run.Output).RootElement;
        var answers = await Server.Json("/api/models/inception/evaluation");
        Assert.Equal(["accuracy", "loss", "labels", "predictions", "confidences"], answers.EnumerateObject().Select(field => field.Name));
        Assert.Equal(expected.GetProperty("accuracy").GetDouble(), answers.GetProperty("accuracy").GetDouble());
        Assert.Equal(expected.GetProperty("loss").GetDouble(), answers.GetProperty("loss").GetDouble(), 1e-6);
        var (labels, predictions) = (Frame.Numbers(answers.GetProperty("labels")), Frame.Numbers(answers.GetProperty("predictions")));
        foreach (var (row, counts) in expected.GetProperty("confusion").EnumerateArray().Index())
            Assert.Equal(
                Frame.Numbers(counts),
                Enumerable.Range(0, 10).Select(column => labels.Zip(predictions).LongCount(pair => pair == (row, column))));

        // One of them, alone.
        var look = await Server.Frame("/api/models/inception/look?image=42");
        var probabilities = Frame.Doubles(look["probabilities"]);
        Assert.Equal(predictions[42], probabilities.Index().MaxBy(entry => entry.Item).Index);
        Assert.Equal(answers.GetProperty("confidences")[42].GetDouble(), probabilities.Max(), 1e-5);
    }

    [Theory]
    [InlineData("right=2", 2, 0)]
    [InlineData("right=-3&down=1", -3, 1)]
    [InlineData("down=5", 0, 5)]
    [InlineData("right=0&down=0&degrees=0&scale=1&thicker=0", 0, 0)]
    public async Task The_image_is_translated(string query, int right, int down)
    {
        var (before, after) = (await Look(""), await Look(query));
        for (var y = 0; y < 28; y++)
            for (var x = 0; x < 28; x++)
                Assert.Equal(before[Math.Clamp(y - down, 0, 27), Math.Clamp(x - right, 0, 27)], after[y, x]);
    }

    [Fact]
    public async Task The_image_is_rotated_scaled_and_thickened()
    {
        var (before, turned, half, thick, thin) =
            (await Look(""), await Look("degrees=90"), await Look("scale=2"), await Look("thicker=2"), await Look("thicker=-2"));
        for (var y = 1; y < 27; y++)
            for (var x = 1; x < 27; x++)
            {
                Assert.Equal(before[x, 27 - y], turned[y, x]); // counter-clockwise: the right becomes the top
                int[] offsets = [-1, 0, 1];
                byte[] around = [.. offsets.SelectMany(down => offsets.Select(right => before[y + down, x + right]))];
                Assert.Equal((around.Max(), around.Min()), (thick[y, x], thin[y, x]));
            }

        // Of twice the size, the middle is seen, and each pixel between its old neighbours.
        var (low, high) = (Math.Min(before[13, 13], before[13, 14]), Math.Max(before[13, 13], before[13, 14]));
        Assert.InRange(
            half[13, 13],
            Math.Min(low, Math.Min(before[14, 13], before[14, 14])),
            Math.Max(high, Math.Max(before[14, 13], before[14, 14])));
        Assert.NotEqual(before.Cast<byte>(), half.Cast<byte>());
    }

    [Theory]
    [InlineData("residual", "rBlock1/Add:0:")]
    [InlineData("residual", "rBlock1/conv2/Conv:0:Relu&wire=rBlock2/conv2/Conv:0:Relu_1")]
    [InlineData("inception", "inceptionA/Concat:1:&wire=inceptionA/Concat:2:")]
    public async Task An_ablation_gives_the_logits_of_a_trace_with_its_overrides(string id, string query)
    {
        InputOverride[] overrides =
        [
            .. query.Split("&wire=").Select(text => text.Split(':'))
                .Select(parts => new InputOverride(parts[0], int.Parse(parts[1]), parts[2] == "" ? null : parts[2])),
        ];
        var switched = await Server.Frame($"/api/models/{id}/look?image=7&wire={query}");
        var whole = await Server.Frame($"/api/models/{id}/look?image=7");
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var network = Load(id);
        using var data = IdxReader.Load(models.Folder["data"], trainLimit: 1);
        var expected = Run(network, network.Normalization.Apply(data.Test.Images[7..8]), overrides).Logits[0];
        AssertNear(expected, [.. Frame.Doubles(switched["logits"]).Select(logit => (float)logit)]);
        Assert.NotEqual(Frame.Doubles(whole["logits"]), Frame.Doubles(switched["logits"]));
    }

    [Theory]
    [InlineData("occlusion")]
    [InlineData("gradient")]
    public async Task Saliency_is_sent_in_bytes(string method)
    {
        var heat = await Server.Frame($"/api/models/residual/where?image=3&method={method}&class=8");
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var network = Load("residual");
        using var data = IdxReader.Load(models.Folder["data"], trainLimit: 1);
        var image = network.Normalization.Apply(data.Test.Images[3..4]);
        var expected = method == "gradient"
            ? Saliency.Gradient(network.Network.call, image, 8)
            : Saliency.Occlusion(network.Network.call, image, 8, CancellationToken.None);
        Assert.Equal(
            ["method", "class", "height", "width", "zero", "scale", "offset"], heat.Head.EnumerateObject().Select(field => field.Name));
        Assert.Equal(
            (method, 8, 28, 28, 128),
            (Text(heat.Head, "method"), heat["class"].GetInt32(), heat["height"].GetInt32(), heat["width"].GetInt32(),
                heat["zero"].GetInt32()));
        var step = heat["scale"].GetDouble();
        foreach (var (number, value) in expected.data<float>().Zip(heat.Scaled(heat.Head, 1)))
            Assert.Equal(number, value, 0.51 * step + 1e-5);
    }

    private async Task<byte[,]> Look(string query)
    {
        var look = await Server.Frame($"/api/models/residual/look?image=5&maps=1&{query}");
        var image = new byte[28, 28];
        foreach (var (at, pixel) in look.Bytes(look["image"].GetProperty("offset"), 784).Index())
            image[at / 28, at % 28] = pixel;
        return image;
    }

    // The bytes are within half a quantization step of the values, for the maps with the largest standard deviation.
    private static void AssertLayer(Tensor value, Frame frame, JsonElement layer, int most, int size)
    {
        // Exact ranges, of each map or of each value of a vector.
        var chosen = tensor(Frame.Numbers(layer.GetProperty("maps")));
        var rows = value.dim() == 1 ? value.unsqueeze(1) : value.flatten(start_dim: 1).index_select(0, chosen);
        AssertNear(rows.amin([1]), frame.Floats(layer.GetProperty("lowest"), rows.shape[0]));
        AssertNear(rows.amax([1]), frame.Floats(layer.GetProperty("highest"), rows.shape[0]));
        if (value.dim() == 1)
            value = value.reshape(1, 1, -1);
        else if (value.shape[1] > size || value.shape[2] > size)
            value = nn.functional.adaptive_avg_pool2d(value, [Math.Min(size, value.shape[1]), Math.Min(size, value.shape[2])]);
        Assert.Equal((value.shape[1], value.shape[2]), (layer.GetProperty("height").GetInt64(), layer.GetProperty("width").GetInt64()));
        var maps = Frame.Numbers(layer.GetProperty("maps"));
        Assert.Equal(Math.Min(most, value.shape[0]), maps.Length);
        Assert.Equal(maps.Length, maps.Distinct().Count());
        var deviations = value.flatten(start_dim: 1).std(1, unbiased: false).data<float>().ToArray();
        Assert.Equal(
            deviations.OrderDescending().Take(maps.Length),
            maps.Select(map => deviations[map]),
            (x, y) => Math.Abs(x - y) <= 1e-4f * (1 + x));
        Assert.Equal(value.min().item<float>() < 0 ? 128 : 0, layer.GetProperty("zero").GetInt32());
        var step = layer.GetProperty("scale").GetDouble();
        Assert.InRange(step, 0, value.abs().max().item<float>() / 126 + 1e-6);
        var expected = value.index_select(0, tensor(maps)).contiguous().data<float>().ToArray();
        var actual = frame.Scaled(layer, maps.Length);
        Assert.Equal(expected.Length, actual.Length);
        foreach (var (number, decoded) in expected.Zip(actual))
            Assert.Equal(number, decoded, 0.5001 * step + 2e-5 * Math.Abs(number) + 1e-6);
    }

    // Exact, except for rounding with other memory layouts and numbers of threads.
    private static void AssertNear(Tensor expected, float[] actual)
    {
        var numbers = expected.data<float>().ToArray();
        Assert.Equal(numbers.Length, actual.Length);
        foreach (var (number, other) in numbers.Zip(actual))
            Assert.Equal(number, other, 1e-5f * numbers.Max(Math.Abs));
    }

    private static ActivationTrace Run(TrainedNetwork network, Tensor images, params InputOverride[] overrides) =>
        ActivationTrace.Run(network.Network, images, overrides, TestContext.Current.CancellationToken);

    private TrainedNetwork Load(string id)
    {
        var network = TrainedNetwork.Load(models.FileOf(id));
        MemoryLayout.ChannelsLast(network.Network).eval();
        return network;
    }

    private static Tensor Image(TrainedNetwork network, byte[] picture)
    {
        if (network.ImageSettings.Fit is ImageFit.Ink)
            return tensor(DigitImage.Read(picture, "picture")!, [1, 28, 28]);
        var pixels = new byte[network.Shape.Channels * network.Shape.Height * network.Shape.Width];
        ImageDecoder.TryFit(picture, "picture", network.ImageSettings, pixels);
        return tensor(pixels, [network.Shape.Channels, network.Shape.Height, network.Shape.Width]);
    }

    private static byte[] Picture(SKEncodedImageFormat format = SKEncodedImageFormat.Png)
    {
        using var picture = new SKBitmap(100, 100);
        using (var canvas = new SKCanvas(picture))
        using (var path = SKPath.ParseSvgPathData("M25 20 L75 20 L45 85"))
        using (var paint = new SKPaint { Style = SKPaintStyle.Stroke, StrokeWidth = 8, IsAntialias = true })
        {
            canvas.Clear(SKColors.White);
            canvas.DrawPath(path, paint);
        }

        using var data = picture.Encode(format, 90);
        return data.ToArray();
    }

    private static string? Text(JsonElement element, string field) => element.GetProperty(field).GetString();
}
