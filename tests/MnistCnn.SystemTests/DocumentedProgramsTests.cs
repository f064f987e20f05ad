using System.Globalization;
using System.Text.RegularExpressions;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using MnistCnn.Tests.Training;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.SystemTests;

/// <summary>docs/article.cs and the programs in docs/lessons, which do not use this program.</summary>
[Trait("Kind", "Waiting")]
public sealed class DocumentedProgramsTests
{
    private const int Steps = 20;

    static DocumentedProgramsTests() => NativeLibraries.Load();

    [Theory]
    [InlineData("residual")]
    [InlineData("inception")]
    public void The_articles_program_has_the_losses_of_the_trainer(string architecture)
    {
        var expected = TrainerLosses(architecture);
        using var process = ProgramRun.Start(RepositoryRoot.FullPath, ["run", "docs/article.cs", "--", architecture, "1"]);
        try
        {
            for (var step = 1; step <= Steps; step++)
            {
                var line = process.StandardOutput.ReadLine() ?? $"ended: {process.StandardError.ReadToEnd()}";
                var match = Regex.Match(line, @"^\[1 +(\d+)\] loss: ([\d.]+)$");
                Assert.True(match.Success, line);
                Assert.Equal(step, int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
                Assert.Equal(expected[step - 1], double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture), 1e-5);
            }
        }
        finally
        {
            process.Kill(entireProcessTree: true); // it would train for ten epochs
        }
    }

    [Fact]
    public void The_articles_program_has_at_most_150_lines_and_uses_nothing_of_this_program()
    {
        var lines = File.ReadAllLines(Path.Combine(RepositoryRoot.FullPath, "docs", "article.cs"));
        Assert.InRange(lines.Length, 1, 150);
        Assert.DoesNotContain(lines, line => line.Contains("MnistCnn", StringComparison.Ordinal));
    }

    public static TheoryData<string> Lessons =>
        [.. Directory.GetFiles(LessonsFolder, "*.cs").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Lessons))]
    public void A_lesson_has_at_most_120_lines_an_outlook_and_a_question(string name)
    {
        var lines = File.ReadAllLines(Path.Combine(LessonsFolder, name));
        Assert.InRange(lines.Length, 1, 120);
        Assert.StartsWith("// Lesson ", lines[0]);
        Assert.Equal($"//     dotnet run docs/lessons/{name}", lines[1]);
        Assert.Contains(lines, line => line.StartsWith("// You will see: ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("    Try it: ", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("src/MnistCnn/", StringComparison.Ordinal));
    }

    [Fact]
    public void Lesson_1_shows_that_one_convolution_of_the_printed_block_has_no_gradient()
    {
        var (explained, printed) = RunTwoParts("1-unused-layer.cs", "The block as printed");
        Assert.DoesNotContain("none", explained);
        Assert.Equal(
            ["block1.conv1.weight", "block2.conv1.weight"],
            Regex.Matches(printed, @"^  (\S+) +none +0\.0000$", RegexOptions.Multiline).Select(match => match.Groups[1].Value));
        Assert.Contains("parameters: 41,514", explained);
        Assert.Contains("parameters: 41,514", printed);
    }

    [Fact]
    public void Lesson_2_shows_that_gradients_vanish_in_a_plain_stack_only()
    {
        var (plain, residual) = RunTwoParts("2-deep-stacks.cs", "20 blocks with a shortcut");
        Assert.InRange(Number(plain, "gradient norm of block  1: "), 0, 1e-10);
        Assert.InRange(Number(plain, "gradient norm of block 20: "), 1e-4, 1);
        Assert.InRange(Number(residual, "gradient norm of block  1: "), 0.1, 10);
        Assert.InRange(Number(plain, "loss of step 100: "), 2.25, 2.35);
        Assert.InRange(Number(residual, "loss of step 100: "), 0, 0.5);
    }

    [Fact]
    public void Lesson_3_counts_the_multiplications_of_the_articles_example()
    {
        var output = RunLesson("3-one-by-one.cs");
        Assert.Contains("120,422,400", output);
        Assert.Contains("12,443,648", output);
        Assert.Contains("fall by a factor of 9.7", output);
        Assert.InRange(Number(output, "a linear layer per pixel: "), 0, 1e-5);
    }

    [Fact]
    public void Lesson_4_writes_an_ONNX_file_that_another_program_runs()
    {
        using var folder = new TemporaryFolder();
        var lesson = ProgramRun.OfDotnet(folder.FullPath, "run", Path.Combine(LessonsFolder, "4-own-images.cs"));
        Assert.Equal((0, ""), (lesson.ExitCode, lesson.Error));
        Assert.StartsWith("300 images of 3 classes: circle, square, triangle\n", lesson.Output);
        Assert.InRange(Number(lesson.Output, "Epoch 10: "), 80, 100);
        foreach (var shape in new[] { "circle", "square", "triangle" })
        {
            var image = folder[Path.Combine("shapes", shape, "0.png")];
            var predicted = ProgramRun.OfDotnet(RepositoryRoot.FullPath, "run", "docs/predict-onnx.cs", folder["own-images.onnx"], image);
            Assert.StartsWith($"{shape}  ", predicted.Output);
        }
    }

    private static string LessonsFolder => Path.Combine(RepositoryRoot.FullPath, "docs", "lessons");

    private static (string First, string Second) RunTwoParts(string name, string beginningOfSecond)
    {
        var parts = RunLesson(name).Split(beginningOfSecond);
        Assert.Equal(2, parts.Length);
        return (parts[0], parts[1]);
    }

    private static string RunLesson(string name)
    {
        var run = ProgramRun.OfDotnet(RepositoryRoot.FullPath, "run", $"docs/lessons/{name}");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return run.Output;
    }

    private static double Number(string text, string before) => double.Parse(
        Regex.Match(text, Regex.Escape(before) + @"(\S+)").Groups[1].Value, CultureInfo.InvariantCulture);

    private static double[] TrainerLosses(string architecture)
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, testLimit: 1);
        var settings = new TrainSettings { Architecture = Architecture.Find(architecture)!, Seed = 1 };
        using var trainer = Trainer.Create(settings, data, CPU, new ParallelSettings());
        using var enough = new CancellationTokenSource();
        var losses = new Recorder(step =>
        {
            if (step.Step == Steps)
                enough.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => trainer.Fit([losses], enough.Token));
        return [.. losses.Steps.Select(step => step.Loss)];
    }
}
