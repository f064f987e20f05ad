using System.Text.Json;
using MnistCnn.Runs;
using MnistCnn.Tests.Data;

namespace MnistCnn.Tests.Runs;

/// <summary>The networks that come with the program: nothing is trained here, they are tried.</summary>
public sealed class ReadyNetworkTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Names => [.. ModelFile.Ready];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_ready_network_knows_the_test_images(string name)
    {
        var run = ProgramRun.Of(folder.FullPath, "evaluate", name, "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(name, result.GetProperty("architecture").GetString());
        Assert.Equal(10_000, result.GetProperty("total").GetInt32());
        Assert.InRange(result.GetProperty("accuracy").GetDouble(), 99.4, 100);
        Assert.Equal([$"{name}-confusion.png", $"{name}-mistakes.png"], folder.Contents);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_ready_network_reads_digits_of_ten_hands(string name)
    {
        for (var hand = 0; hand < DrawnDigits.Hands; hand++)
            for (var digit = 0; digit < 10; digit++)
                File.WriteAllBytes(folder[$"{digit}-{hand}.png"], DrawnDigits.Draw(hand, digit));

        var run = ProgramRun.Of(folder.FullPath, "predict", name, ".", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var results = JsonDocument.Parse(run.Output).RootElement.EnumerateArray().ToArray();
        Assert.Equal(100, results.Length);
        var wrong = results.Where(result => Path.GetFileName(result.GetProperty("file").GetString())![0] - '0' != result.GetProperty("digit").GetInt32())
            .Select(result => $"{result.GetProperty("file")} {result.GetProperty("digit")}").ToArray();
        Assert.True(wrong.Length <= 5, string.Join(", ", wrong));
    }
}
