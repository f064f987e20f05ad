using MnistCnn.Sweeps;

namespace MnistCnn.Tests.Experiments;

/// <summary>Parsing of grids and shards.</summary>
public sealed class GridTests
{
    [Theory]
    [InlineData("lr=0.01,0.1", "lr", "0.01 0.1")]
    [InlineData("arch=residual", "arch", "residual")]
    [InlineData("seed=1..3", "seed", "1 2 3")]
    [InlineData("seed=7,-1..1,9", "seed", "7 -1 0 1 9")]
    [InlineData("--lr=0.1", "lr", "0.1")]
    public void Values_and_ranges_are_read(string text, string name, string values)
    {
        var parameter = GridParameter.Parse(text, out var problem);
        Assert.Null(problem);
        Assert.Equal((name, values), (parameter.Name, string.Join(' ', parameter.Values)));
    }

    [Theory]
    [InlineData("lr", "NAME=VALUE")]
    [InlineData("lr=", "NAME=VALUE")]
    [InlineData("=1", "NAME=VALUE")]
    [InlineData("lr=1,,2", "empty")]
    [InlineData("lr=1,", "empty")]
    [InlineData("seed=1,1", "1 twice")]
    [InlineData("seed=1..3,2", "2 twice")]
    [InlineData("arch=plain,Plain", "twice")]
    [InlineData("seed=3..1", "3..1")]
    [InlineData("seed=a..b", "a..b")]
    [InlineData("seed=1..", "1..")]
    [InlineData("seed=-9223372036854775808..9223372036854775807", "too long")]
    public void A_text_that_is_no_grid_parameter_is_an_error(string text, string part)
    {
        GridParameter.Parse(text, out var problem);
        Assert.Contains(part, problem);
        Assert.DoesNotContain('\n', problem!);
    }

    [Fact]
    public void The_last_parameter_changes_fastest_and_names_the_folder_last()
    {
        var grid = new Grid([new GridParameter("arch", ["plain", "residual"]), new GridParameter("seed", ["1", "2", "3"])]);
        Assert.Equal(6, grid.Count);
        Assert.Equal(
            [
                "arch=plain,seed=1", "arch=plain,seed=2", "arch=plain,seed=3",
                "arch=residual,seed=1", "arch=residual,seed=2", "arch=residual,seed=3",
            ],
            grid.Points.Select(grid.NameOf));
    }

    [Fact]
    public void Every_trial_is_in_one_part_and_parts_are_equally_large()
    {
        foreach (var count in Enumerable.Range(1, 9))
        {
            var shards = Enumerable.Range(1, count).Select(index => new Shard(index, count));
            var parts = shards.Select(shard => Enumerable.Range(0, 20).Where(shard.Contains).ToArray()).ToArray();
            Assert.Equal(Enumerable.Range(0, 20), parts.SelectMany(part => part).Order());
            Assert.InRange(parts.Max(part => part.Length) - parts.Min(part => part.Length), 0, 1);
        }
    }

    [Theory]
    [InlineData("1/8", "1/8")]
    [InlineData("9/8", "9/8")]
    [InlineData("8", null)]
    [InlineData("1/2/3", null)]
    [InlineData("a/b", null)]
    [InlineData("1/99999999999", null)]
    public void A_part_is_read(string text, string? part) => Assert.Equal(part, Shard.Parse(text)?.ToString());
}
