using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.OnnxExport;
using MnistCnn.Runtime;
using static MnistCnn.OnnxExport.Functional;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Inspection;

public sealed class NetworkSummaryTests
{
    private static readonly NetworkShape ImageNet = new(3, 224, 224, 1000);

    // By hand, Residual has 16*576*25 + 2*16*144*144 + 32*64*400 + 2*32*16*288 + 512*10 multiply-adds. Its receptive field grows to 5 in
    // the first convolution, 6 in pooling, 14 in the block, then in steps of two to 22 and 24, and in steps of four to 40.
    [Theory]
    [InlineData("inception", 97_298, 6_019_200, 40)]
    [InlineData("residual", 41_514, 2_013_184, 40)]
    [InlineData("plain", 8_490, 467_200, 16)]
    [InlineData("resnet18", 11_175_370, 33_010_944, 435)]
    public void Parameters_multiply_adds_and_receptive_fields_are_right_for_MNIST(
        string name, long parameters, long multiplyAdds, int receptiveField) =>
        AssertSummary(name, NetworkShape.Mnist, parameters, multiplyAdds, receptiveField);

    // The residual paper's table 1 has 1.8, 3.6, 3.8, 7.6 and 11.3 billion multiply-adds. The table counts no projections in ResNet-18 and
    // ResNet-34; they have 19,267,584 here, as the plain networks show. From ResNet-50 on, the stride is in the 3x3 convolution here, so
    // the first 1x1 convolutions of three blocks read every pixel: 231,211,008 more. Without these it would be 3.86, 7.57 and 11.28
    // billion. For the same reason, the receptive fields of ResNet-50, ResNet-101 and ResNet-152 are 2 * (4 + 8 + 16) pixels smaller than
    // in A. Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", 2019 (483, 1027 and 1507).
    [Theory]
    [InlineData("resnet18", 11_689_512, 1_814_073_344, 435)]
    [InlineData("resnet34", 21_797_672, 3_663_761_408, 899)]
    [InlineData("resnet50", 25_557_032, 4_089_184_256, 427)]
    [InlineData("resnet101", 44_549_160, 7_801_405_440, 971)]
    [InlineData("resnet152", 60_192_808, 11_513_626_624, 1451)]
    [InlineData("plain18", 11_515_688, 1_794_805_760, 435)]
    [InlineData("plain34", 21_623_848, 3_644_493_824, 899)]
    public void Parameters_multiply_adds_and_receptive_fields_are_right_for_ImageNet(
        string name, long parameters, long multiplyAdds, int receptiveField) =>
        AssertSummary(name, ImageNet, parameters, multiplyAdds, receptiveField);

    // By hand, ResNet-20 has 1024 * 16 * 27 + 6 * 1024 * 16 * 144 multiply-adds up to its first layer of blocks; each further layer has 11
    // times as many as its first convolution, and the last layer has 640. Its receptive field is 3 + 6 * 2, then 2 + 5 * 4 more, then
    // 4 + 5 * 8 more.
    [Theory]
    [InlineData("resnet20", 269_722, 40_551_040, 81)]
    [InlineData("plain20", 269_722, 40_551_040, 81)]
    [InlineData("resnet56", 853_018, 125_485_696, 249)]
    [InlineData("resnet110", 1_727_962, 252_887_680, 501)]
    public void Parameters_multiply_adds_and_receptive_fields_are_right_for_CIFAR(
        string name, long parameters, long multiplyAdds, int receptiveField) =>
        AssertSummary(name, new NetworkShape(3, 32, 32, 10), parameters, multiplyAdds, receptiveField);

    [Fact]
    public void Layers_are_in_the_order_of_the_forward_pass_with_their_output_shapes()
    {
        var summary = Summary("inception");
        Assert.Equal(
            ["conv1", "inceptionA.branch1x1", "inceptionA.branch5x5_1", "inceptionA.branch5x5_2", "inceptionA.branch3x3_1"],
            summary.Layers.Take(5).Select(layer => layer.Name));
        Assert.Equal(("conv1", "Conv2d", "10x24x24", 260, 144_000), Row(summary.Layers[0]));
        Assert.Equal(("linear", "Linear", "10", 14_090, 14_080), Row(summary.Layers[^1]));

        // From 28x28 pixels to a single one.
        var shapes = Summary("resnet18").Layers.Select(layer => layer.OutputShape);
        Assert.Equal([14, 7, 4, 2, 1], shapes.Where(output => output.Count == 3).Select(output => output[2]).Distinct());
        Assert.Equal(("bn1", "BatchNorm2d", "64x14x14", 128, 0), Row(Summary("resnet18").Layers[1]));
    }

    // The first convolution of each block is unused. The receptive field grows to 5 in the first convolution, 6 in pooling, 10 in the
    // block, then in steps of two to 18 and 20, and in steps of four to 28.
    [Fact]
    public void An_unused_layer_has_parameters_but_no_row()
    {
        var summary = Summary("residual-as-printed");
        Assert.Equal(["conv1", "rBlock1.conv2", "conv2", "rBlock2.conv2", "linear"], summary.Layers.Select(layer => layer.Name));
        Assert.Equal((41_514, 41_514 * 4), (summary.Parameters, summary.WeightBytes));
        Assert.Equal((2_013_184 - 331_776 - 147_456, new ReceptiveField(28, 28)), (summary.MultiplyAdds, summary.ReceptiveField));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void Only_the_printed_network_has_unused_layers() =>
        Assert.All(Architecture.All, architecture => Assert.Equal(
            architecture.Name == "residual-as-printed" ? ["rBlock1.conv1", "rBlock2.conv1"] : Array.Empty<string>(),
            Summary(architecture.Name, NetworkShape.Mnist with { Classes = 7 }).UnusedLayers!));

    [Fact]
    public void Layers_whose_output_is_dropped_are_unused()
    {
        Assert.Equal(["first.0", "first.1"], Unused(addsFirst: false));
        Assert.Equal([], Unused(addsFirst: true));

        static IReadOnlyList<string>? Unused(bool addsFirst) =>
            NetworkSummary.Summarize(CreateArchitecture(() => new Wasteful(addsFirst)), NetworkShape.Mnist).UnusedLayers;
    }

    [Fact]
    public void A_network_that_cannot_be_traced_has_neither_unused_layers_nor_a_receptive_field()
    {
        var network = CreateArchitecture(() => Sequential(Conv2d(1, 1, kernel_size: 3), new UntraceableModule()));
        var summary = NetworkSummary.Summarize(network, NetworkShape.Mnist);
        Assert.Null(summary.UnusedLayers);
        Assert.Null(summary.ReceptiveField);
    }

    [Fact]
    public void Weight_bytes_are_per_network_and_activation_bytes_per_batch()
    {
        var one = Summary("residual");
        Assert.Equal(41_514 * 4, one.WeightBytes);
        Assert.Equal((9216 + 2 * 2304 + 2048 + 2 * 512 + 10) * 4, one.ActivationBytes);
        var many = NetworkSummary.Summarize(Architecture.Find("residual")!, NetworkShape.Mnist, batchSize: 64);
        Assert.Equal((64 * one.MultiplyAdds, 64 * one.ActivationBytes), (many.MultiplyAdds, many.ActivationBytes));
        Assert.Equal((one.Parameters, one.WeightBytes, one.ReceptiveField), (many.Parameters, many.WeightBytes, many.ReceptiveField));

        // 20 batch norms with 4800 channels in total: a 64-bit counter each, and a running mean and variance per channel.
        var resNet = Summary("resnet18");
        Assert.Equal(resNet.Parameters * 4 + 2 * 4800 * 4 + 20 * 8, resNet.WeightBytes);
    }

    // Three times the forward pass, but twice for the layers that read the image: 16*576*25 in Residual, 10*576*25 in Inception and
    // 64*196*49 in ResNet-18.
    [Theory]
    [InlineData("inception", 3 * 6_019_200 - 144_000)]
    [InlineData("residual", 3 * 2_013_184 - 230_400)]
    [InlineData("residual-as-printed", 3 * 1_533_952 - 230_400)]
    [InlineData("resnet18", 3 * 33_010_944 - 614_656)]
    public void A_training_step_computes_no_gradient_of_the_image(string name, long multiplyAdds)
    {
        Assert.Equal(multiplyAdds, Summary(name).TrainingMultiplyAdds);
        var batch = NetworkSummary.Summarize(Architecture.Find(name)!, NetworkShape.Mnist, batchSize: 64);
        Assert.Equal(64 * multiplyAdds, batch.TrainingMultiplyAdds);
    }

    [Fact]
    public void A_layer_reads_the_image_through_operations_without_weights_and_in_every_branch()
    {
        var summary = NetworkSummary.Summarize(
            CreateArchitecture(() => new TwoBranches(
                Sequential(AvgPool2d(2), Conv2d(1, 1, kernel_size: 3), Conv2d(1, 1, kernel_size: 1)),
                Conv2d(1, 1, kernel_size: 5, stride: 2))),
            new NetworkShape(1, 28, 28, 1));
        Assert.Equal([144 * 9, 144, 144 * 25], summary.Layers.Select(layer => layer.MultiplyAdds));
        Assert.Equal(2 * 144 * 9 + 3 * 144 + 2 * 144 * 25, summary.TrainingMultiplyAdds);
    }

    [Fact]
    public void Multiply_adds_depend_on_stride_dilation_and_groups()
    {
        var network = CreateArchitecture(() => Sequential(
            Conv2d(4, 8, kernel_size: 3, stride: 2, padding: 1, groups: 4), Conv2d(8, 8, kernel_size: 3, dilation: 2)));
        var summary = NetworkSummary.Summarize(network, new NetworkShape(4, 32, 24, 1));
        Assert.Equal([8 * 16 * 12 * 9, 8 * 12 * 8 * 72], summary.Layers.Select(layer => layer.MultiplyAdds));
    }

    [Fact]
    public void A_summary_takes_no_memory_for_the_weights()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var before = process.PeakWorkingSet64;
        Assert.Equal(320L * int.MaxValue, Summary("plain", NetworkShape.Mnist with { Classes = int.MaxValue }).Layers[^1].MultiplyAdds);
        process.Refresh();
        Assert.InRange(process.PeakWorkingSet64 - before, 0, 500_000_000);
    }

    [Fact]
    public void Errors_are_one_line()
    {
        var small = Assert.Throws<UserException>(() => Summary("inception", new NetworkShape(1, 28, 15, 10)));
        Assert.Equal("This network takes images of 16x16 pixels or more, not of 28x15.", small.Message);
        Assert.Equal(1, Summary("inception", new NetworkShape(1, 16, 17, 10)).Layers.Count(layer => layer.Kind == "Linear"));

        var large = Assert.Throws<UserException>(
            () => NetworkSummary.Summarize(Architecture.Find("resnet18")!, new NetworkShape(1000, 16384, 16384, 10), int.MaxValue));
        Assert.DoesNotContain('\n', large.Message);
        Assert.Contains("1000x16384x16384", large.Message);
        var broken = CreateArchitecture(() => Sequential(Conv2d(1, 2, kernel_size: 3), Conv2d(3, 2, kernel_size: 3)));
        Assert.DoesNotContain('\n', Assert.Throws<UserException>(() => NetworkSummary.Summarize(broken, NetworkShape.Mnist)).Message);
    }

    [Fact]
    public void A_network_on_the_meta_device_uses_no_random_numbers_and_keeps_the_default_device()
    {
        manual_seed(1);
        var before = get_rng_state().data<byte>().ToArray();
        using (var network = Architecture.Find("resnet18")!.CreateOnMeta())
            Assert.All(network.state_dict().Values, tensor => Assert.Equal(TorchSharp.DeviceType.META, tensor.device_type));
        Assert.Throws<ArgumentException>(() => Architecture.Find("plain")!.CreateOnMeta(new NetworkShape(1, 1, 1, 1)));
        Assert.Equal(before, get_rng_state().data<byte>().ToArray());
        Assert.Equal(TorchSharp.DeviceType.CPU, zeros(1).device_type);
    }

    private static NetworkSummary Summary(string name, NetworkShape? shape = null) =>
        NetworkSummary.Summarize(Architecture.Find(name)!, shape ?? NetworkShape.Mnist);

    private static Architecture CreateArchitecture(Func<Module<Tensor, Tensor>> make) => new("test", "Test", "", _ => make());

    private static void AssertSummary(string name, NetworkShape shape, long parameters, long multiplyAdds, int receptiveField)
    {
        var summary = Summary(name, shape);
        Assert.Equal((parameters, multiplyAdds), (summary.Parameters, summary.MultiplyAdds));
        Assert.Equal(new ReceptiveField(receptiveField, receptiveField), summary.ReceptiveField);
        Assert.Equal(parameters, summary.Layers.Sum(layer => layer.Parameters));
        Assert.Equal(multiplyAdds, summary.Layers.Sum(layer => layer.MultiplyAdds));
    }

    private sealed class TwoBranches : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> first;
        private readonly Module<Tensor, Tensor> second;

        public TwoBranches(Module<Tensor, Tensor> first, Module<Tensor, Tensor> second)
            : base(nameof(TwoBranches))
        {
            (this.first, this.second) = (first, second);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => first.call(x) + second.call(x);
    }

    // Computes its first branch, and adds its output or drops it.
    private sealed class Wasteful : TraceableModule
    {
        private readonly Module<Tensor, Tensor> first = Sequential(Conv2d(1, 1, kernel_size: 3), Conv2d(1, 1, kernel_size: 1));
        private readonly Module<Tensor, Tensor> second = Conv2d(1, 1, kernel_size: 3);
        private readonly bool addsFirst;

        public Wasteful(bool addsFirst)
            : base(nameof(Wasteful))
        {
            this.addsFirst = addsFirst;
            RegisterComponents();
        }

        public override GraphValue forward(GraphValue x)
        {
            var (y, z) = (first.call(x), second.call(x));
            return addsFirst ? y + z : z;
        }
    }

    private static (string, string, string, long, long) Row(LayerSummary layer) =>
        (layer.Name, layer.Kind, string.Join("x", layer.OutputShape), layer.Parameters, layer.MultiplyAdds);
}
