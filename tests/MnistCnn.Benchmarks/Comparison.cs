using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using Spectre.Console;

namespace MnistCnn.Benchmarks;

/// <summary>
/// The article's program on PyTorch and this one in turn, one process at a time, and how near this one is to the machine's limit.
/// </summary>
public static class Comparison
{
    private const double Goal = 99.0;

    /// <summary>Measures, prints a table and writes <c>benchmark.json</c> and <c>benchmark.md</c> into the working directory.</summary>
    /// <param name="pairs">How often each side runs.</param>
    public static int Run(int pairs)
    {
        NativeLibraries.Load();
        var python = FindPython();
        if (python is null)
            Console.Error.WriteLine(
                "There is no Python with PyTorch and torchvision here (Debian: python3-torchvision): the comparison with them is left out.");

        var figures = new List<Figure>();
        foreach (var name in new[] { "residual", "inception" })
        {
            Say($"{name}: epochs");
            List<double> ours = [], theirs = [], memory = [];
            for (var pair = 0; pair < pairs; pair++)
            {
                var (epochs, peak) = OurRun(name, "--epochs", "1");
                ours.Add(Seconds(epochs[0]));
                memory.Add(peak);
                if (python is not null)
                    theirs.Add(Seconds(TheirEpochs(python, name, 1).Single()));
            }

            figures.Add(new Figure($"{name}: seconds an epoch, training and test", "s", ours));
            if (python is not null)
            {
                figures.Add(new Figure($"{name}: the same, the article's program on PyTorch", "s", theirs));
                figures.Add(new Figure($"{name}: ratio of the two above", "", [.. ours.Zip(theirs, (a, b) => a / b)], name == "residual" ? 0.5 : 0.6));
            }

            Say($"{name}: to {Goal:F1} %");
            var fast = Enumerable.Range(0, pairs).Select(_ => ToGoal(OurRun(name, "--recipe", "fast").Epochs)).ToArray();
            figures.Add(new Figure($"{name}: seconds to {Goal:F1} % with --recipe fast", "s", [.. fast.Select(run => run.Seconds)]));
            if (python is not null)
            {
                // Once: it takes long enough.
                var article = ToGoal(TheirEpochs(python, name, 10));
                var howFar = article.Best < Goal ? $" (ten epochs, which do not reach it: {article.Best:F2} %)" : "";
                figures.Add(new Figure($"{name}: the same, the article's program on PyTorch{howFar}", "s", [article.Seconds]));
                figures.Add(new Figure($"{name}: ratio of the two above", "", [.. fast.Select(run => run.Seconds / article.Seconds)], 0.25));
            }

            figures.Add(new Figure($"{name}: peak memory", "MB", [.. memory.Select(bytes => bytes / 1e6)], 450));

            Say($"{name}: in one process");
            var inside = Enumerable.Range(0, pairs).Select(_ => MeasureInside(name)).ToArray();
            figures.Add(new Figure($"{name}: multiply-adds in training", "10⁹/s", [.. inside.Select(run => run.TrainingSpeed / 1e9)]));
            figures.Add(new Figure("matrix product 2048x2048", "10⁹/s", [.. inside.Select(run => run.MatrixProduct / 1e9)]));
            figures.Add(new Figure(
                $"{name}: ratio of the two above", "", [.. inside.Select(run => run.TrainingSpeed / run.MatrixProduct)], 0.75, AtLeast: true));
            figures.Add(new Figure(
                $"{name}: share of a step that is no forward, backward, optimiser", "%", [.. inside.Select(run => 100 * run.Overhead)], 2));
            figures.Add(new Figure(
                $"{name}: evaluating 10,000 images over one forward pass", "", [.. inside.Select(run => run.EvaluationRatio)], 1.1));
        }

        Say("start");
        var starts = Enumerable.Range(0, pairs + 1).Select(_ => SecondsToFirstStep()).Skip(1);
        figures.Add(new Figure("from the start of the process to the first step", "s", [.. starts], 1.5));
        Write(figures, python);
        return 0;
    }

    private static (JsonElement[] Epochs, double PeakMemory) OurRun(string name, params string[] options)
    {
        var folder = Directory.CreateTempSubdirectory("mnist-cnn-benchmark-").FullName;
        try
        {
            using var process = Train(folder, ["--arch", name, "--json", .. options]);
            var result = JsonDocument.Parse(process.StandardOutput.ReadToEnd()).RootElement;
            return ([.. result.GetProperty("epochs").EnumerateArray()], result.GetProperty("run").GetProperty("peak_memory").GetDouble());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // As they come; whoever has seen enough ends the process.
    private static IEnumerable<JsonElement> TheirEpochs(string python, string name, int epochs)
    {
        var script = Path.Combine(RepositoryRoot.FullPath, "tests", "reference", "article.py");
        using var process = Start(python, ["-u", script, "train", name, "--epochs", $"{epochs}", "--torchvision"]);
        try
        {
            while (process.StandardOutput.ReadLine() is { } line)
                yield return JsonDocument.Parse(line).RootElement;
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    // The seconds until the first epoch that reached the goal, or of all where none did, and the best accuracy until then.
    private static (double Seconds, double Best) ToGoal(IEnumerable<JsonElement> epochs)
    {
        var (seconds, best) = (0.0, 0.0);
        foreach (var epoch in epochs)
        {
            seconds += Seconds(epoch);
            best = Math.Max(best, epoch.GetProperty("test_accuracy").GetDouble());
            if (best >= Goal)
                break;
        }

        return (seconds, best);
    }

    private static double Seconds(JsonElement epoch) => epoch.GetProperty("train_seconds").GetDouble() + epoch.GetProperty("test_seconds").GetDouble();

    private static InProcess MeasureInside(string name)
    {
        using var process = Start("dotnet", ["exec", typeof(Comparison).Assembly.Location, "measure", name]);
        return JsonSerializer.Deserialize<InProcess>(process.StandardOutput.ReadToEnd())!;
    }

    private static double SecondsToFirstStep()
    {
        var folder = Directory.CreateTempSubdirectory("mnist-cnn-benchmark-").FullName;
        var clock = Stopwatch.StartNew();
        using var process = Train(folder, "--epochs", "1", "--log-interval", "1");
        process.StandardOutput.ReadLine();
        var seconds = clock.Elapsed.TotalSeconds;
        process.Kill();
        process.WaitForExit();
        Directory.Delete(folder, recursive: true);
        return seconds;
    }

    private static void Write(IReadOnlyList<Figure> figures, string? python)
    {
        var machine = $"{Environment.ProcessorCount} cores ({Processor()}), {RuntimeInformation.OSDescription}, libtorch {TorchSharp.torch.__version__}"
            + (python is null ? "" : $"; PyTorch {Output(python, "-c", "import torch; print(torch.__version__)")}");
        var table = new Table().Border(TableBorder.Simple).AddColumn("Figure");
        var lines = new List<string> { machine + ".", "", "| figure | median | lowest to highest | goal |", "| --- | ---: | ---: | ---: |" };
        foreach (var heading in new[] { "Median", "Lowest to highest", "Goal" })
            table.AddColumn(heading, column => column.RightAligned());
        foreach (var figure in figures)
        {
            string[] cells = [figure.Name, figure.Text(figure.Median), $"{figure.Text(figure.Values.Min())} to {figure.Text(figure.Values.Max())}", figure.GoalText];
            table.AddRow([.. cells.Select(cell => new Text(cell))]);
            lines.Add($"| {string.Join(" | ", cells)} |");
        }

        Console.Out.WriteLine(machine);
        Terminal.Of(Console.Out).Write(table);
        AtomicFile.Write(Path.GetFullPath("benchmark.md"), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n")));
        AtomicFile.Write(Path.GetFullPath("benchmark.json"), stream => JsonSerializer.Serialize(stream, new { Machine = machine, Figures = figures }, JsonFormat.Indented));
        Console.Out.WriteLine(Path.GetFullPath("benchmark.json"));
        Console.Out.WriteLine(Path.GetFullPath("benchmark.md"));
    }

    private static string? FindPython() =>
        new[] { "python3", "/usr/bin/python3", "python" }.FirstOrDefault(python => Output(python, "-c", "import torch, torchvision; print(1)") == "1");

    private static string Processor() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown"
        : RuntimeInformation.ProcessArchitecture.ToString();

    private static string? Output(string program, params string[] arguments)
    {
        try
        {
            using var process = Start(program, arguments);
            return process.StandardOutput.ReadToEnd().Trim();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static Process Train(string folder, params string[] options) => Start(
        "dotnet",
        ["exec", typeof(Versions).Assembly.Location, "train", "--device", "cpu", "--out", Path.Combine(folder, "run"), .. options]);

    private static Process Start(string program, IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = program != "dotnet" })!;

    private static void Say(string text) => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:HH:mm:ss} {text}"));
}
