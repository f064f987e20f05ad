using System.Text.Json;
using MnistCnn.Runs;
using MnistCnn.Tests.Data;

namespace MnistCnn.Tests.Runs;

/// <summary>Accuracy of the networks that are bundled with the program, and how commands find them.</summary>
[Trait("Speed", "Slow")]
public sealed class BundledNetworkTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Names => [.. ModelLocator.Bundled];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_bundled_network_classifies_99_4_percent_of_the_test_images_correctly(string name)
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
    public void A_bundled_network_reads_digits_in_ten_handwritings(string name)
    {
        for (var hand = 0; hand < DrawnDigits.Hands; hand++)
            for (var digit = 0; digit < 10; digit++)
                File.WriteAllBytes(folder[$"{digit}-{hand}.png"], DrawnDigits.Draw(hand, digit));

        var run = ProgramRun.Of(folder.FullPath, "predict", name, ".", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var results = JsonDocument.Parse(run.Output).RootElement.EnumerateArray().ToArray();
        Assert.Equal(100, results.Length);
        var wrong = results
            .Where(result => Path.GetFileName(result.GetProperty("file").GetString())![0] - '0' != result.GetProperty("class").GetInt32())
            .Select(result => $"{result.GetProperty("file")} {result.GetProperty("class")}").ToArray();
        Assert.True(wrong.Length <= 5, string.Join(", ", wrong));
    }

    [Fact]
    public void An_image_without_a_network_is_classified_by_the_default_bundled_network()
    {
        File.WriteAllBytes(folder["photo.png"], DrawnDigits.Draw(hand: 3, digit: 7));
        var run = ProgramRun.Of(folder.FullPath, "predict", "photo.png");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"^photo\.png   7 +\d+\.\d\d %\n$", run.Output);
        Assert.Equal(run.Output, ProgramRun.Of(folder.FullPath, "predict", ModelLocator.Default, "photo.png").Output);
        Assert.NotEqual(
            ProgramRun.Of(folder.FullPath, "predict", "photo.png", "--json").Output,
            ProgramRun.Of(folder.FullPath, "predict", "photo.png", "--arch", "residual", "--json").Output);
        ProgramRun.Of(folder.FullPath, "predict", "inception").AssertFailed(2, "inception is a network: name the images after it");

        Directory.CreateDirectory(folder["inception"]);
        Assert.Equal(run.Output, ProgramRun.Of(folder.FullPath, "predict", "photo.png").Output);
    }

    [Fact]
    public void A_run_folder_stands_for_its_best_weights_and_a_path_has_precedence_over_a_bundled_name()
    {
        Assert.EndsWith(Path.Combine("data", "models", "residual.safetensors"), ModelLocator.Find("Residual", null));
        Assert.Equal(Path.GetFullPath("some.safetensors"), ModelLocator.Find("some.safetensors", null));
        Assert.False(ModelLocator.IsModel(folder.FullPath));
        File.WriteAllText(folder["run.json"], "{}");
        Assert.True(ModelLocator.IsModel(folder.FullPath));
        Assert.Equal(folder["best.safetensors"], ModelLocator.Find(folder.FullPath, null));

        Directory.CreateDirectory(folder["residual"]);
        ProgramRun.Of(folder.FullPath, "evaluate", "residual").AssertFailed(1, "residual is not a run folder");
        ProgramRun.Of(folder.FullPath, "evaluate", "--arch", "resnet18").AssertFailed(1, "No network of resnet18 comes with the program");
    }
}
