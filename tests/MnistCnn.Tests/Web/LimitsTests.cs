using MnistCnn.Web;

namespace MnistCnn.Tests.Web;

public sealed class LimitsTests
{
    [Fact]
    public void Memory_of_all_requests_is_limited_until_it_is_released()
    {
        const int ThirtyMegabytes = 30 << 20;
        for (var round = 0; round < 3; round++)
        {
            IDisposable[] held = [.. Enumerable.Range(0, 4).Select(_ => Limits.HoldMemory(ThirtyMegabytes))];
            Assert.Throws<BusyException>(() => Limits.HoldMemory(ThirtyMegabytes));
            foreach (var memory in held)
            {
                memory.Dispose();
                memory.Dispose();
            }
        }
    }

    [Fact]
    public async Task Large_images_are_decoded_one_at_a_time_and_small_ones_meanwhile()
    {
        var stop = TestContext.Current.CancellationToken;
        using var large = await Limits.WaitForDecode(10_000, 10_000, stop);
        var next = Limits.WaitForDecode(10_000, 10_000, stop);
        using (await Limits.WaitForDecode(1000, 1000, stop))
            Assert.False(next.IsCompleted);
        large.Dispose();
        (await next).Dispose();
    }
}
