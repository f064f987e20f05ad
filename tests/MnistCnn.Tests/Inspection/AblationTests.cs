using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Tests.Export;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Inspection;

public sealed class SwitchTests
{
    [Fact]
    public void A_Residual_block_has_its_shortcut_and_the_listing() => Assert.Equal(
        [
            "Shortcut of rBlock1: rBlock1/Add:0:",
            "Listing of rBlock1: rBlock1/conv2/Conv:0:Relu",
            "Shortcut of rBlock2: rBlock2/Add:0:",
            "Listing of rBlock2: rBlock2/conv2/Conv:0:Relu_1",
        ],
        Switches("residual"));

    [Fact]
    public void One_that_is_as_printed_already_has_its_shortcut_alone() =>
        Assert.Equal(["Shortcut of rBlock1: rBlock1/Add:0:", "Shortcut of rBlock2: rBlock2/Add:0:"], Switches("residual-as-printed"));

    [Fact]
    public void An_Inception_block_has_four_branches() => Assert.Equal(
        new[] { "inceptionA", "inceptionB" }.SelectMany(block => Enumerable.Range(0, 4).Select(branch => $"Branch of {block}: {block}/Concat:{branch}:")),
        Switches("inception"));

    [Fact]
    public void So_has_each_block_of_GoogLeNet() => Assert.Equal(
        new[] { "3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b" }.Select(block => $"inception{block}")
            .SelectMany(block => Enumerable.Range(0, 4).Select(branch => $"Branch of {block}: {block}/Concat:{branch}:")),
        Switches("googlenet"));

    // The sum of these is of what the layers give and the shortcut, in this order; a projection on the way around is still the shortcut.
    [Theory]
    [InlineData("resnet18", 2, 2, 2, 2)]
    [InlineData("resnet50", 3, 4, 6, 3)]
    [InlineData("resnet20", 3, 3, 3)]
    public void Every_block_of_a_residual_network_has_a_shortcut(string name, params int[] blocks) => Assert.Equal(
        blocks.SelectMany((count, layer) => Enumerable.Range(0, count)
            .Select(block => $"Shortcut of layer{layer + 1}.{block}: layer{layer + 1}/{block}/Add:1:")),
        Switches(name));

    [Theory]
    [InlineData("plain")]
    [InlineData("plain18")]
    [InlineData("plain20")]
    public void A_plain_network_has_nothing_to_switch(string name) => Assert.Empty(Switches(name));

    [Fact]
    public void An_operation_is_in_the_outermost_block_around_it()
    {
        using var scope = NewDisposeScope();
        AssertBlock("inception", "inceptionA", 9, "inceptionA/branch5x5_1/Conv", "inceptionA/Concat");
        AssertBlock("residual", "rBlock2", 5, "rBlock2/conv1/Conv", "rBlock2/Relu", "rBlock2/conv2/Conv", "rBlock2/Add", "rBlock2/Relu_1");
        AssertBlock("resnet18", "layer2.0", 9, "layer2/0/downsample/1/BatchNormalization", "layer2/0/conv2/Conv");
    }

    // What is in a block has its name in front; what is not is in none.
    private static void AssertBlock(string name, string block, int count, params string[] some)
    {
        using var network = RandomNetwork.Create(name, NetworkShape.Mnist);
        var nodes = ActivationTrace.Run(network, empty(0, 1, 28, 28), [], TestContext.Current.CancellationToken).Nodes;
        var blocks = Ablation.BlockOf(nodes);
        Assert.Equal(nodes.Select(node => node.Name), blocks.Keys);
        var inside = blocks.Where(entry => entry.Value == block).Select(entry => entry.Key).ToArray();
        Assert.Equal(nodes.Count(node => node.Name.StartsWith(block.Replace('.', '/') + "/", StringComparison.Ordinal)), inside.Length);
        Assert.Superset(some.ToHashSet(), inside.ToHashSet());
        Assert.Equal(count, inside.Length);
        Assert.Null(blocks[ActivationTrace.Image]);
        Assert.Null(blocks[nodes.Last().Name]);
    }

    private static string[] Switches(string name)
    {
        using var scope = NewDisposeScope();
        using var network = RandomNetwork.Create(name, NetworkShape.Mnist);
        return
        [
            .. Ablation.Find(network, ActivationTrace.Run(network, empty(0, 1, 28, 28), [], TestContext.Current.CancellationToken).Nodes)
                .Select(found => $"{found.Kind} of {found.Block}: {found.Override.Node}:{found.Override.Input}:{found.Override.Replacement}"),
        ];
    }
}
