using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Training;

public sealed class ClassCountsTests
{
    private static readonly string[] Names = ["cats", "dogs", "birds"];

    [Fact]
    public void Labels_are_counted_per_class()
    {
        using var labels = tensor(new long[] { 2, 0, 0, 2, 2 });
        Assert.Equal([2, 0, 3, 0], ClassCounts.Count(labels, 4).Counts);
    }

    // sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 6 + [1] * 3 + [2]).
    [Fact]
    public void Class_weights_equal_those_of_scikit_learn()
    {
        double[] expected = [10 / 18.0, 10 / 9.0, 10 / 3.0];
        Assert.Equal(expected, new ClassCounts([6, 3, 1]).Weights, (one, other) => Math.Abs(one - other) < 1e-12);
        Assert.Equal([1, 1, 1], new ClassCounts([5, 5, 5]).Weights);
        Assert.Equal(0, new ClassCounts([5, 0, 5]).Weights[1]);
    }

    [Theory]
    [InlineData(30, 1200, 500, false, "Classes are unbalanced: dogs has 1,200 images, cats 30.")]
    [InlineData(30, 1200, 500, true, "Classes are unbalanced: dogs has 1,200 images, cats 30.")]
    [InlineData(40, 0, 20, false, "Classes are unbalanced: cats has 40 images, dogs 0.")]
    [InlineData(15, 10, 12, false, null)]
    [InlineData(16, 10, 12, false, "Classes are unbalanced: cats has 16 images, dogs 10.")]
    [InlineData(16, 10, 12, true, null)]
    [InlineData(6742, 5421, 6000, false, null)] // MNIST
    [InlineData(84, 53, 60, true, null)] // MNIST, first 640 images
    [InlineData(9, 4, 6, true, null)] // MNIST, first 64 images
    public void A_warning_names_the_largest_and_the_smallest_of_unbalanced_classes(
        long cats, long dogs, long birds, bool isSubset, string? expected) =>
        Assert.Equal(expected, new ClassCounts([cats, dogs, birds]).Warning(Names, isSubset));
}
