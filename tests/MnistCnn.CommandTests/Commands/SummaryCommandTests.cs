using System.Text.Json;
using System.Text.RegularExpressions;

namespace MnistCnn.Tests.Commands;

public sealed partial class SummaryCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_table_has_one_row_per_layer_and_fits_80_columns()
    {
        var run = Run("summary");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"(?m)^ *rBlock1\.conv1 +Conv2d +16x12x12 +2,320 +331,776 *$", run.Output);
        Assert.Matches(@"(?m)^ *Multiply-adds +2,013,184 for one image *$", run.Output);
        Assert.Matches(@"(?m)^ *Receptive field +40x40 ", run.Output);

        var deep = Run("--arch", "resnet50", "summary", "--input", "3x224x224", "--classes", "1000", "--batch-size", "1000");
        Assert.Matches(@"(?m)^ *layer1\.0\.downsample\.0 +Conv2d +256x56x56 +16,384 +51,380,224,000 *$", deep.Output);
        Assert.Matches(@"(?m)^ *Multiply-adds +4,089,184,256,000 for 1,000 images *$", deep.Output);
        Assert.All((run.Output + deep.Output).Split('\n'), line => Assert.InRange(line.TrimEnd().Length, 0, 80));
        Assert.Empty(folder.Contents);
    }

    [Fact]
    public void Json_is_one_document_on_standard_output()
    {
        var run = Run("summary", "--arch", "inception", "--input", "3x32x30", "--classes", "7", "--batch-size", "2", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal("inception", result.GetProperty("architecture").GetString());
        Assert.Equal([3, 32, 30], result.GetProperty("input").EnumerateArray().Select(side => side.GetInt32()));
        Assert.Equal(40, result.GetProperty("receptive_field").GetInt32());
        var layers = result.GetProperty("layers").EnumerateArray().ToArray();
        foreach (var name in new[] { "parameters", "multiply_adds" })
            Assert.Equal(layers.Sum(layer => layer.GetProperty(name).GetInt64()), result.GetProperty(name).GetInt64());
        Assert.Equal("linear", layers[^1].GetProperty("name").GetString());
        Assert.Equal([7], layers[^1].GetProperty("output_shape").EnumerateArray().Select(side => side.GetInt32()));
        Assert.Equal(2 * 7 * 88 * 5 * 4, layers[^1].GetProperty("multiply_adds").GetInt64());
    }

    [Theory]
    [InlineData("residual-as-printed", "rBlock1.conv1", "rBlock2.conv1")]
    [InlineData("residual")]
    public void Layers_without_effect_on_the_output_are_named(string name, params string[] layers)
    {
        var table = Run("summary", "--arch", name).Output;
        Assert.Equal(layers.Length > 0, table.Contains("Unused layers"));
        Assert.Contains(string.Join(", ", layers), table);
        Assert.All(table.Split('\n'), line => Assert.InRange(line.TrimEnd().Length, 0, 80));
        var json = JsonDocument.Parse(Run("summary", "--arch", name, "--json").Output).RootElement;
        Assert.Equal(layers, json.GetProperty("unused_layers").EnumerateArray().Select(layer => layer.GetString()));
    }

    [Fact]
    public void The_network_or_a_module_of_it_is_drawn_for_a_light_or_a_dark_background()
    {
        var run = Run("summary", "--draw", "new/net.svg");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.EndsWith($"\n{folder["new/net.svg"]}\n", run.Output);
        Assert.Contains(">rBlock1</text>", File.ReadAllText(folder["new/net.svg"]));

        // An existing drawing is replaced.
        var json = Run("summary", "--arch", "inception", "--module", "inceptionB", "--dark", "--draw", "new/net.svg", "--json").Output;
        var files = JsonDocument.Parse(json).RootElement.GetProperty("files").EnumerateArray();
        Assert.Equal([folder["new/net.svg"]], files.Select(file => file.GetString()));
        var (dark, light) = (File.ReadAllText(folder["new/net.svg"]), folder["light.svg"]);
        Run("summary", "--arch", "inception", "--module", "inceptionB", "--draw", "light.svg");
        Assert.Contains(">88x4x4</text>", dark);
        Assert.NotEqual(File.ReadAllText(light), dark);
        Assert.Equal(Colour().Replace(File.ReadAllText(light), ""), Colour().Replace(dark, ""));
        Assert.Equal(["light.svg", "new", "new/net.svg"], folder.Contents);
    }

    [Fact]
    public void A_drawing_that_cannot_be_written_fails_in_one_line()
    {
        File.WriteAllText(folder["file"], "");
        Directory.CreateDirectory(folder["folder.svg"]);
        Run("summary", "--draw", "folder.svg").AssertFailed(1, folder["folder.svg"], "is a folder");
        Run("summary", "--draw", "file/net.svg").AssertFailed(1, folder["file"]);
        Run("summary", "--draw", "net.svg", "--module", "block").AssertFailed(1, "'block'", "rBlock1, conv2");
        Run("summary", "--draw", "net.png").AssertFailed(2, "'net.png'", ".svg");
        Run("summary", "--module", "rBlock1").AssertFailed(2, "--draw");
        Run("summary", "--dark").AssertFailed(2, "--draw");
        Assert.Equal(["file", "folder.svg"], folder.Contents);
    }

    [Theory]
    [InlineData(1, "16x16", "--arch", "plain", "--input", "1x5x5")]
    [InlineData(2, "'abc'", "--input", "abc")]
    [InlineData(2, "'0x28x28'", "--input", "0x28x28")]
    [InlineData(2, "'1x28x28x'", "--input", "1x28x28x")]
    [InlineData(2, "16384", "--input", "1x28x99999999999")]
    [InlineData(2, "--classes", "--classes", "0")]
    [InlineData(2, "'foo'", "--arch", "foo")]
    public void A_wrong_shape_or_architecture_fails(int exitCode, string part, params string[] arguments) =>
        Run(["summary", .. arguments]).AssertFailed(exitCode, part);

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);

    [GeneratedRegex("#[0-9a-f]{6}")]
    private static partial Regex Colour();
}
