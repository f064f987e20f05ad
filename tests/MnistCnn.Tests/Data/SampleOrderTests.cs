using MnistCnn.Data;
using MnistCnn.Networks;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class SampleOrderTests
{
    [Theory]
    [MemberData(nameof(Fixture.Names), MemberType = typeof(Fixture))]
    public void Every_epoch_has_the_order_of_PyTorch(string name)
    {
        var fixture = Fixture.Read(name);
        manual_seed(fixture.Seed);
        using var model = Architecture.Find(name)!.Create();
        var train = SampleOrder.Shuffled(60000);
        var test = SampleOrder.Sequential(10000);
        foreach (var expected in fixture.EpochOrders)
        {
            Assert.Equal(expected, train.Take(expected.Length));
            Assert.Equal(0, test.First());
        }
    }

    // From PyTorch 1.13: torch.manual_seed(1); next(iter(DataLoader(range(60000), 8, shuffle=True))).
    [Fact]
    public void With_seed_1_and_nothing_drawn_before_the_order_is_the_known_one()
    {
        manual_seed(1);
        Assert.Equal([24894, 45082, 51850, 25962, 57884, 58887, 59203, 58901], SampleOrder.Shuffled(60000).Take(8));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void Every_index_comes_once(long count)
    {
        manual_seed(5);
        var order = SampleOrder.Shuffled(count).ToArray();
        Assert.Equal(SampleOrder.Sequential(count), order.Order());
    }

    [Fact]
    public void Two_epochs_have_two_orders()
    {
        var order = SampleOrder.Shuffled(1000);
        Assert.NotEqual(order.ToArray(), order.ToArray());
    }
}
