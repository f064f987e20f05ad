using MnistCnn.Data;

namespace MnistCnn.Tests.Data;

public sealed class ClassNamesTests
{
    private const string Digits = "0 1 2 3 4 5 6 7 8 9";

    [Theory]
    [InlineData("0", true)]
    [InlineData(Digits + " 10 11", true)]
    [InlineData("0 1 3", false)]
    [InlineData("1 2 3", false)]
    [InlineData("0 01", false)]
    [InlineData("cat dog", false)]
    public void Numbers_as_names_are_recognized(string names, bool areNumbers) =>
        Assert.Equal(areNumbers, ClassNames.AreNumbers(names.Split(' ')));

    [Theory]
    [InlineData("cat dog", "cat dog", null)]
    [InlineData("0 1", "cat dog", null)]
    [InlineData("cat dog", "0 1", null)]
    [InlineData(
        Digits, "ant bee 2 3 4 5", "10 classes (0, 1, 2, ...) and DIR holds 6 (ant, bee, 2, ...): the network does not know 'ant'.")]
    [InlineData("cat dog", "cat wolf", "2 classes (cat, dog) and DIR holds 2 (cat, wolf): the network does not know 'wolf'.")]
    [InlineData("cat dog", "Cat dog", "2 classes (cat, dog) and DIR holds 2 (Cat, dog): the network does not know 'Cat'.")]
    [InlineData(
        "ant bee cat dog emu", "ant bee cat dog",
        "5 classes (ant, bee, cat, ...) and DIR holds 4 (ant, bee, cat, dog): 'emu' is missing in the data.")]
    [InlineData("cat dog", "dog cat", "2 classes (cat, dog) and DIR holds 2 (dog, cat): their order differs.")]
    [InlineData("0 1 10 2", "0 1 2 10", "4 classes (0, 1, 10, 2) and DIR holds 4 (0, 1, 2, 10): their order differs.")]
    [InlineData("0 1 2 3", "0 2 1 3", "4 classes (0, 1, 2, 3) and DIR holds 4 (0, 2, 1, 3): their order differs.")]
    [InlineData("0 1 2", "0 1", "3 classes (0, 1, 2) and DIR holds 2 (0, 1): '2' is missing in the data.")]
    [InlineData("0 1", "a b c", "2 classes (0, 1) and DIR holds 3 (a, b, c): the network does not know 'a'.")]
    public void Mismatches_name_a_class(string network, string data, string? message) =>
        Assert.Equal(
            message is null ? null : $"The network knows {message}", ClassNames.Mismatch(network.Split(' '), data.Split(' '), "DIR"));
}
