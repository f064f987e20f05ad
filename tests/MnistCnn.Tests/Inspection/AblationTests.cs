using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Tests.Export;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Inspection;

public sealed class AblationTests
{
    [Fact]
    public void A_Residual_block_has_a_shortcut_ablation_and_a_listing_ablation() => Assert.Equal(
        [
            "Shortcut of rBlock1: rBlock1/Add:0:",
            "Listing of rBlock1: rBlock1/conv2/Conv:0:Relu",
            "Shortcut of rBlock2: rBlock2/Add:0:",
            "Listing of rBlock2: rBlock2/conv2/Conv:0:Relu_1",
        ],
        Ablations("residual"));

    [Fact]
    public void The_printed_Residual_block_has_only_a_shortcut_ablation() =>
        Assert.Equal(["Shortcut of rBlock1: rBlock1/Add:0:", "Shortcut of rBlock2: rBlock2/Add:0:"], Ablations("residual-as-printed"));

    [Fact]
    public void An_Inception_block_has_four_branch_ablations() => Assert.Equal(
        new[] { "inceptionA", "inceptionB" }.SelectMany(BranchesOf),
        Ablations("inception"));

    [Fact]
    public void A_GoogLeNet_block_has_four_branch_ablations() => Assert.Equal(
        new[] { "3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b" }.Select(block => $"inception{block}").SelectMany(BranchesOf),
        Ablations("googlenet"));

    // The shortcut is the second input of the addition here, with or without a projection.
    [Theory]
    [InlineData("resnet18", 2, 2, 2, 2)]
    [InlineData("resnet50", 3, 4, 6, 3)]
    [InlineData("resnet20", 3, 3, 3)]
    public void Every_block_of_a_residual_network_has_a_shortcut_ablation(string name, params int[] blocks) => Assert.Equal(
        blocks.SelectMany((count, layer) => Enumerable.Range(0, count)
            .Select(block => $"Shortcut of layer{layer + 1}.{block}: layer{layer + 1}/{block}/Add:1:")),
        Ablations(name));

    [Theory]
    [InlineData("plain")]
    [InlineData("plain18")]
    [InlineData("plain20")]
    public void A_plain_network_has_no_ablations(string name) => Assert.Empty(Ablations(name));

    [Fact]
    public void An_operation_belongs_to_the_outermost_block_around_it()
    {
        using var scope = NewDisposeScope();
        AssertBlock("inception", "inceptionA", 9, "inceptionA/branch5x5_1/Conv", "inceptionA/Concat");
        AssertBlock("residual", "rBlock2", 5, "rBlock2/conv1/Conv", "rBlock2/Relu", "rBlock2/conv2/Conv", "rBlock2/Add", "rBlock2/Relu_1");
        AssertBlock("resnet18", "layer2.0", 9, "layer2/0/downsample/1/BatchNormalization", "layer2/0/conv2/Conv");
    }

    private static void AssertBlock(string name, string block, int count, params string[] some)
    {
        using var network = RandomNetwork.Create(name, NetworkShape.Mnist);
        var nodes = ShapesOf(network);
        var blocks = Ablation.BlockOf(nodes);
        Assert.Equal(nodes.Select(node => node.Name), blocks.Keys);
        var inside = blocks.Where(entry => entry.Value == block).Select(entry => entry.Key).ToArray();
        Assert.Equal(nodes.Count(node => node.Name.StartsWith(block.Replace('.', '/') + "/", StringComparison.Ordinal)), inside.Length);
        Assert.Superset(some.ToHashSet(), inside.ToHashSet());
        Assert.Equal(count, inside.Length);
        Assert.Null(blocks[ActivationTrace.Image]);
        Assert.Null(blocks[nodes.Last().Name]);
    }

    private static IEnumerable<string> BranchesOf(string block) =>
        Enumerable.Range(0, 4).Select(branch => $"Branch of {block}: {block}/Concat:{branch}:");

    private static string[] Ablations(string name)
    {
        using var scope = NewDisposeScope();
        using var network = RandomNetwork.Create(name, NetworkShape.Mnist);
        return
        [
            .. from ablation in Ablation.Find(network, ShapesOf(network))
               let replaced = ablation.Override
               select $"{ablation.Kind} of {ablation.Block}: {replaced.Node}:{replaced.Input}:{replaced.Replacement}",
        ];
    }

    private static IReadOnlyCollection<TraceNode> ShapesOf(Module<Tensor, Tensor> network) =>
        ActivationTrace.Run(network, empty(0, 1, 28, 28), [], TestContext.Current.CancellationToken).Nodes;
}
