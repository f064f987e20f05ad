using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Tests.Export;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Tests.Inspection;

/// <summary>Compares the values in a trace with the outputs of the network's own modules, bit for bit.</summary>
public sealed class ActivationTraceTests : IDisposable
{
    private static readonly NetworkShape Colour = new(3, 24, 20, 7);

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable noGradient = no_grad();

    // Networks with more blocks of the same kinds as a smaller network.
    private static readonly string[] Deeper =
        ["resnet34", "resnet101", "resnet152", "plain34", "resnet32", "resnet44", "resnet56", "resnet110", "plain32", "plain44", "plain56"];

    public static TheoryData<string> Names => [.. Architecture.All.Select(architecture => architecture.Name).Except(Deeper)];

    public void Dispose()
    {
        noGradient.Dispose();
        scope.Dispose();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_value_equals_the_output_of_its_module_in_every_network(string name)
    {
        using var network = RandomNetwork.Create(name, Colour);
        AssertSame(network, randn(2, 3, 24, 20));
    }

    [Theory]
    [Trait("Speed", "Slow")]
    [InlineData("inception")]
    [InlineData("residual")]
    [InlineData("residual-as-printed")]
    [InlineData("plain")]
    [InlineData("resnet18")]
    [InlineData("resnet20")]
    [InlineData("googlenet")]
    public void Values_are_equal_in_the_server_s_memory_layout_too(string name)
    {
        using var network = RandomNetwork.Create(name, NetworkShape.Mnist);
        AssertSame(MemoryLayout.ChannelsLast(network), randn(2, 1, 28, 28));
    }

    [Fact]
    public void A_trace_of_an_empty_batch_has_shapes_and_windows()
    {
        using var network = RandomNetwork.Create("resnet18", Colour);
        var trace = Run(network, empty(0, 3, 24, 20));
        Assert.Equal(
            Run(network, zeros(1, 3, 24, 20)).Nodes.Select(node => string.Join('x', node.Value.shape[1..])),
            trace.Nodes.Select(node => string.Join('x', node.Value.shape[1..])));
        AssertWindow("conv1/Conv", 7, 2, 3);
        AssertWindow("MaxPool", 3, 2, 1);
        AssertWindow("layer2/0/downsample/0/Conv", 1, 2, 0);
        Assert.Null(trace["bn1/BatchNormalization"].Window);

        void AssertWindow(string name, long kernel, long stride, long padding)
        {
            var window = trace[name].Window!;
            Assert.Equal([kernel, kernel], window.Kernel);
            Assert.Equal([stride, stride], window.Stride);
            Assert.Equal([padding, padding], window.Padding);
        }
    }

    [Fact]
    public void A_residual_block_with_the_listing_ablation_computes_the_listing()
    {
        using var residual = RandomNetwork.Create("residual", NetworkShape.Mnist);
        using var printed = RandomNetwork.Create("residual-as-printed", NetworkShape.Mnist);
        printed.load_state_dict(residual.state_dict());
        var images = randn(3, 1, 28, 28);
        InputOverride[] listing = [new("rBlock1/conv2/Conv", 0, "Relu"), new("rBlock2/conv2/Conv", 0, "Relu_1")];
        Assert.Equal(Bits(printed.call(images)), Bits(Run(residual, images, listing).Logits));
        Assert.NotEqual(Bits(printed.call(images)), Bits(Run(residual, images, listing[..1]).Logits));
    }

    [Theory]
    [InlineData(0, 0, 16)]
    [InlineData(1, 16, 40)]
    [InlineData(2, 40, 64)]
    [InlineData(3, 64, 88)]
    public void A_branch_that_is_switched_off_outputs_zeros(int branch, int first, int end)
    {
        using var network = RandomNetwork.Create("inception", NetworkShape.Mnist);
        var images = randn(2, 1, 28, 28);
        var whole = Bits(network.call(images));
        var off = Run(network, images, new InputOverride("inceptionA/Concat", branch, null));
        ModuleOf(network, "inceptionA").register_forward_hook((_, _, y) =>
        {
            y[.., first..end] = 0;
            return y;
        });
        Assert.Equal(Bits(network.call(images)), Bits(off.Logits));
        Assert.NotEqual(whole, Bits(off.Logits));
        Assert.Null(off["inceptionA/Concat"].Inputs[branch]);
        Assert.Equal(0, off["inceptionA/Concat"].InputValues[branch].abs().max().item<float>());
    }

    [Fact]
    public void A_shortcut_that_is_switched_off_adds_nothing()
    {
        using var network = RandomNetwork.Create("residual", NetworkShape.Mnist);
        var images = randn(2, 1, 28, 28);
        var off = Run(network, images, new InputOverride("rBlock1/Add", 0, null));
        var last = empty(0);
        ModuleOf(network, "rBlock1.conv2").register_forward_hook((_, _, y) => last = y);
        ModuleOf(network, "rBlock1").register_forward_hook((_, _, _) => relu(last));
        Assert.Equal(Bits(network.call(images)), Bits(off.Logits));
    }

    [Theory]
    [InlineData("rBlock1/Sum", 0, null, "no input 0 of an operation 'rBlock1/Sum'")]
    [InlineData("rBlock1/Add", 2, null, "no input 2 of an operation 'rBlock1/Add'")]
    [InlineData("rBlock1/Add", -1, null, "no input -1 of an operation 'rBlock1/Add'")]
    [InlineData("image", 0, null, "no input 0 of an operation 'image'")]
    [InlineData("", 0, "", "no input 0 of an operation ''")]
    [InlineData("rBlock1/Add", 0, "nothing", "rBlock1/Add cannot take 'nothing': there is no such operation before it")]
    [InlineData("rBlock1/Add", 0, "rBlock1/Relu_1", "rBlock1/Add cannot take 'rBlock1/Relu_1': there is no such operation before it")]
    [InlineData("rBlock1/Add", 0, "rBlock1/Add", "rBlock1/Add cannot take 'rBlock1/Add': there is no such operation before it")]
    [InlineData("rBlock1/Add", 0, "conv1/Conv", "rBlock1/Add cannot take conv1/Conv: it has the shape 16x24x24, not 16x12x12")]
    public void An_override_that_does_not_fit_fails_with_one_line(string node, int input, string? replacement, string message)
    {
        using var network = RandomNetwork.Create("residual", NetworkShape.Mnist);
        var error = Assert.Throws<UserException>(() => Run(network, zeros(1, 1, 28, 28), new InputOverride(node, input, replacement)));
        Assert.Contains(message, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void An_input_cannot_be_replaced_twice()
    {
        using var network = RandomNetwork.Create("residual", NetworkShape.Mnist);
        InputOverride[] twice = [new("rBlock1/Add", 0, null), new("rBlock1/Add", 0, "Relu")];
        Assert.Equal(
            "Input 0 of rBlock1/Add is replaced twice.",
            Assert.Throws<UserException>(() => Run(network, zeros(1, 1, 28, 28), twice)).Message);
    }

    [Fact]
    public void A_trace_stops_before_the_next_operation_when_it_is_cancelled()
    {
        using var network = RandomNetwork.Create("residual", NetworkShape.Mnist);
        using var stop = new CancellationTokenSource();
        var calls = new List<string>();
        foreach (var (name, _) in network.named_modules().Where(named => named.module is Conv2d))
            ModuleOf(network, name).register_forward_hook((_, _, _) =>
            {
                calls.Add(name);
                if (name == "rBlock1.conv1")
                    stop.Cancel();
                return null!;
            });
        Assert.Throws<OperationCanceledException>(() => ActivationTrace.Run(network, zeros(1, 1, 28, 28), [], stop.Token));
        Assert.Equal(["conv1", "rBlock1.conv1"], calls);
    }

    [Fact]
    public void A_network_that_cannot_be_traced_fails_with_the_name_of_the_module()
    {
        using var network = Sequential(("conv", Conv2d(1, 2, 3)), ("mystery", new UntraceableModule()));
        Assert.Contains(
            "The module 'mystery' is of type UntraceableModule, which cannot be exported",
            Assert.Throws<NotSupportedException>(() => Run(network, zeros(1, 1, 28, 28))).Message);
    }

    private static void AssertSame(Module<Tensor, Tensor> network, Tensor images)
    {
        var values = new Dictionary<string, byte[]>();
        foreach (var (name, child) in network.named_modules())
            if (child is Module<Tensor, Tensor> module and not TorchSharp.Modules.Dropout) // no operation in evaluation mode
                module.register_forward_hook((_, _, y) =>
                {
                    values[name] = Bits(y);
                    return null!;
                });
        var trace = Run(network, images);
        values.Clear(); // the trace called the hooks too
        var logits = Bits(network.call(images));
        Assert.Equal(logits, Bits(trace.Logits));
        Assert.Equal(logits, Bits(trace.Nodes.Last().Value));
        Assert.Equal(Bits(images), Bits(trace[ActivationTrace.Image].Value));
        Assert.True(values.Count > 3);
        foreach (var (name, value) in values)
        {
            var last = trace.Nodes.Last(node => name == "" || node.Module == name || Layers.IsInside(name, node.Module));
            Assert.Equal(value, Bits(last.Value));
        }

        foreach (var node in trace.Nodes)
            Assert.Equal(node.Inputs.Select(input => Bits(trace[input!].Value)), node.InputValues.Select(Bits));
    }

    private static ActivationTrace Run(Module<Tensor, Tensor> network, Tensor images, params InputOverride[] overrides) =>
        ActivationTrace.Run(network, images, overrides, TestContext.Current.CancellationToken);

    private static Module<Tensor, Tensor> ModuleOf(Module<Tensor, Tensor> network, string name) =>
        (Module<Tensor, Tensor>)network.named_modules().Single(named => named.name == name).module;

    // In the default memory layout.
    private static byte[] Bits(Tensor value) => value.detach().contiguous().bytes.ToArray();
}
