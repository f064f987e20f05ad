using System.Text.Json;
using System.Text.RegularExpressions;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>The program published for Windows starts, trains, evaluates and reports errors.</summary>
[Trait("Kind", "Waiting")]
public sealed class WindowsTests(WindowsProgram program) : IClassFixture<WindowsProgram>, IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Version_prints_the_version()
    {
        var run = program.Run(folder.FullPath, "--version");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"^\d+\.\d+\.\d+\S*\r\n$", run.RawOutput);
    }

    [Theory]
    [InlineData("inception")]
    [InlineData("residual")]
    public void Training_and_evaluating_its_weights_give_the_same_accuracy(string architecture)
    {
        var train = program.Run(
            folder.FullPath,
            ["train", "--arch", architecture, "--epochs", "1", "--train-limit", "1280", "--test-limit", "500", "--out", "out"]);
        Assert.Equal((0, ""), (train.ExitCode, train.Error));
        string[] files = ["accuracy.png", "best.safetensors", "checkpoint.safetensors", "metrics.jsonl", "model.safetensors", "run.json"];
        Assert.Equal(["out", .. files.Select(name => $"out/{name}")], folder.Contents);
        var accuracy = Assert.Single(Regex.Matches(train.Output, @"(?m)^Epoch  1: accuracy (\d+\.\d\d) %, ")).Groups[1].Value;
        AssertLineEnds(train);
        Assert.EndsWith(@"\out\checkpoint.safetensors", train.Output.TrimEnd());

        var info = JsonDocument.Parse(File.ReadAllText(folder["out/run.json"])).RootElement;
        Assert.Equal("finished", info.GetProperty("status").GetString());
        Assert.Contains("Windows", info.GetProperty("versions").GetProperty("os").GetString());

        var evaluate = program.Run(folder["out"], "evaluate", "model.safetensors", "--test-limit", "500");
        Assert.Equal((0, ""), (evaluate.ExitCode, evaluate.Error));
        Assert.Contains($"accuracy {accuracy} % (", evaluate.Output.Split('\n')[0]);
        AssertLineEnds(evaluate);
        Assert.Contains("out/model-confusion.png", folder.Contents);
    }

    [Fact]
    public void An_unknown_architecture_gives_one_line_that_names_the_known_ones()
    {
        var run = program.Run(folder.FullPath, "train", "--arch", "foo");
        run.AssertFailed(2, "'foo'", "inception, residual, residual-as-printed");
        AssertLineEnds(run);
        Assert.Empty(folder.Contents);
    }

    // All line ends are CR LF.
    private static void AssertLineEnds(ProgramRun run)
    {
        foreach (var text in new[] { run.RawOutput, run.RawError })
            Assert.DoesNotMatch(@"(?<!\r)\n|\r(?!\n)", text);
        Assert.EndsWith("\r\n", run.RawOutput + run.RawError);
    }
}
