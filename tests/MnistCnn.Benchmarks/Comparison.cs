using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using Spectre.Console;

namespace MnistCnn.Benchmarks;

/// <summary>
/// This program and its rivals in turn, and how near this one is to the machine's limit. The rivals are the article's
/// program on PyTorch and plain TorchSharp.
/// </summary>
/// <param name="pairs">How often each side runs.</param>
/// <param name="isQuick">Whether epochs are a fifth as long, and nothing is trained to an accuracy: a few minutes, for a change in hand.</param>
public sealed class Comparison(int pairs, bool isQuick)
{
    private const int MemoryRuns = 10;

    // What a figure is measured on that needs no whole epoch.
    private static readonly string[] Short = ["--train-limit", "12800", "--test-limit", "2000", "--epochs", "1"];

    private readonly string[] sizes = isQuick ? ["12000", "2000"] : [];
    private readonly int rounds = isQuick ? 4 : 16;
    private readonly string? python = FindPython();
    private readonly List<Figure> figures = [];

    private string[] Limits => sizes is [var train, var test] ? ["--train-limit", train, "--test-limit", test] : [];

    /// <summary>Measures, prints a table and writes <c>benchmark.json</c> and <c>benchmark.md</c> into the working directory.</summary>
    public int Run()
    {
        NativeLibraries.Load();
        if (python is null)
            Console.Error.WriteLine(
                "There is no Python with PyTorch and torchvision here (Debian: python3-torchvision): the comparison with them is left out.");
        foreach (var name in new[] { "residual", "inception" })
        {
            var peaks = Epochs(name);
            Cores(name);
            InsideOneProcess(name);
            if (!isQuick)
                Memory(name, peaks);
        }

        if (!isQuick)
            Goals();

        Say("start");
        Add("from the start of the process to the first step", "s", [.. Repeat(SecondsToFirstStep, pairs + 1).Skip(1)], 1.5);
        Write();
        return 0;
    }

    // This program and its rivals in turn; the peak memory of each of its own runs.
    private List<double> Epochs(string name)
    {
        Say($"{name}: epochs");
        List<double> peaks = [], ours = [], plain = [], explained = [], printed = [];
        for (var pair = 0; pair < pairs; pair++)
        {
            var own = OurRun(name, ["--epochs", "1", .. Limits]);
            peaks.Add(own.PeakMemory);
            ours.Add(SecondsOf(own.Epochs[0]));
            plain.Add(SecondsOf(Measure("rival", name, sizes)));
            if (python is null)
                continue;
            explained.Add(SecondsOf(TheirEpochs(name, 1).Single()));
            if (name == "residual")
                printed.Add(SecondsOf(TheirEpochs("residual-as-printed", 1).Single()));
        }

        Add($"{name}: seconds an epoch, training and test", "s", ours);
        Against("plain TorchSharp", plain);
        Against(name == "residual" ? "the article's program as explained" : "the article's program", explained, name == "residual" ? 0.37 : 0.54);
        Against("the article's program as printed, which does less work", printed);

        return peaks;

        void Against(string rival, List<double> seconds, double? goal = null)
        {
            if (seconds.Count == 0)
                return;
            Add($"{name}: the same, {rival}", "s", seconds);
            Add($"{name}: ours over {rival}", "", [.. ours.Zip(seconds, (a, b) => a / b)], goal);
        }
    }

    // What the second core gives, and what a second training takes.
    private void Cores(string name)
    {
        Say($"{name}: cores");
        List<double> gain = [], twice = [];
        for (var pair = 0; pair < pairs; pair++)
        {
            var (alone, single) = (TrainSeconds(Run()), TrainSeconds(Run("--threads", "1")));
            var both = Task.WhenAll(Task.Run(() => Run()), Task.Run(() => Run())).Result.Average(TrainSeconds);
            gain.Add(single / alone);
            twice.Add(both / alone);
        }

        Add($"{name}: images a second over those with --threads 1", "", gain, name == "residual" ? 1.75 : 1.8, atLeast: true);
        Add($"{name}: two trainings at once, seconds of each over one alone", "", twice, 2.2);

        JsonElement Run(params string[] options) => OurRun(name, [.. Short, .. options]).Epochs[0];
    }

    private void InsideOneProcess(string name)
    {
        Say($"{name}: in one process");
        var inside = Repeat(() => JsonSerializer.Deserialize<InProcess>(Measure("measure", name, $"{rounds}"))!, pairs);
        Add($"{name}: multiply-adds in training", "10⁹/s", [.. inside.Select(run => run.TrainingSpeed / 1e9)]);
        Add($"{name}: those of a product 2048x2048, meanwhile", "10⁹/s", [.. inside.Select(run => run.MatrixProduct / 1e9)]);
        Add($"{name}: those in registers, meanwhile", "10⁹/s", [.. inside.Select(run => run.FusedMultiplyAdds / 1e9)]);
        Add($"{name}: multiply-adds in training over the product's", "", [.. inside.Select(run => run.TrainingSpeed / run.MatrixProduct)], 0.72, atLeast: true);
        Add($"{name}: share of a step outside forward, backward, optimiser", "%", [.. inside.Select(run => 100 * run.Overhead)], 1);
        Add($"{name}: testing 10,000 images over one forward pass", "", [.. inside.Select(run => run.EvaluationRatio)], 1.02);
        Add(
            $"{name}: a step over its convolutions alone (one thread, oneDNN's own time)",
            "",
            [.. inside.Select(run => run.StepSeconds / ConvolutionSeconds(name))],
            1.1);
    }

    private void Memory(string name, List<double> peaks)
    {
        Say($"{name}: memory");
        while (peaks.Count < MemoryRuns)
            peaks.Add(OurRun(name, "--epochs", "1").PeakMemory);
        Add($"{name}: peak memory of an epoch, the goal for the highest", "MB", [.. peaks.Select(bytes => bytes / 1e6)], 400);
    }

    // How long Residual takes to an accuracy.
    private void Goals()
    {
        foreach (var (recipe, accuracy, seconds) in new[] { ("sprint", 99.0, 5.0), ("fast", 99.4, 12.0) })
        {
            Say($"residual: {recipe}");
            var runs = Enumerable.Range(1, pairs).Select(seed => OurRun("residual", ["--recipe", recipe, "--seed", $"{seed}"])).ToArray();
            Add($"residual: --recipe {recipe}, the whole process", "s", [.. runs.Select(run => run.Seconds)], seconds);
            Add($"residual: what --recipe {recipe} reaches", "%", [.. runs.Select(run => run.Epochs[^1].GetProperty("test_accuracy").GetDouble())], accuracy, atLeast: true);
        }

        if (python is null)
            return;
        // Once: it takes long enough.
        var (article, best) = ToAccuracy(TheirEpochs("residual", 10), 99);
        Add(string.Create(CultureInfo.InvariantCulture, $"residual: the article's program, until an epoch reached {best:F2} %"), "s", [article]);
    }

    private void Add(string name, string unit, IReadOnlyList<double> values, double? goal = null, bool atLeast = false) =>
        figures.Add(new Figure(name, unit, values, goal, atLeast));

    private static (JsonElement[] Epochs, double PeakMemory, double Seconds) OurRun(string name, params string[] options)
    {
        var folder = Directory.CreateTempSubdirectory("mnist-cnn-benchmark-").FullName;
        try
        {
            var clock = Stopwatch.StartNew();
            using var process = Train(folder, ["--arch", name, "--json", .. options]);
            var result = JsonDocument.Parse(process.StandardOutput.ReadToEnd()).RootElement;
            process.WaitForExit();
            var seconds = clock.Elapsed.TotalSeconds;
            return ([.. result.GetProperty("epochs").EnumerateArray()], result.GetProperty("run").GetProperty("peak_memory").GetDouble(), seconds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // As they come; whoever has seen enough ends the process.
    private IEnumerable<JsonElement> TheirEpochs(string name, int epochs)
    {
        var script = Path.Combine(RepositoryRoot.FullPath, "tests", "reference", "article.py");
        using var process = Start(python!, ["-u", script, "train", name, "--epochs", $"{epochs}", "--torchvision", .. Limits]);
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

    // The seconds until the first epoch that reached it, or of all where none did, and the best accuracy until then.
    private static (double Seconds, double Best) ToAccuracy(IEnumerable<JsonElement> epochs, double accuracy)
    {
        var (seconds, best) = (0.0, 0.0);
        foreach (var epoch in epochs)
        {
            seconds += SecondsOf(epoch);
            best = Math.Max(best, epoch.GetProperty("test_accuracy").GetDouble());
            if (best >= accuracy)
                break;
        }

        return (seconds, best);
    }

    private static double TrainSeconds(JsonElement epoch) => epoch.GetProperty("train_seconds").GetDouble();

    private static double SecondsOf(JsonElement epoch) => TrainSeconds(epoch) + epoch.GetProperty("test_seconds").GetDouble();

    private static JsonElement Measure(string what, string name, params string[] options)
    {
        using var process = StartSelf([what, name, .. options]);
        return JsonDocument.Parse(process.StandardOutput.ReadToEnd()).RootElement;
    }

    // What oneDNN says of each of its calls: "onednn_verbose,v1,primitive,exec,cpu,convolution,...,MILLISECONDS", in a process that does nothing else.
    private double ConvolutionSeconds(string name)
    {
        using var process = StartSelf(["steps", name, $"{rounds}"], ("ONEDNN_VERBOSE", "profile_exec"));
        List<double> milliseconds = [];
        while (process.StandardOutput.ReadLine() is { } line)
            if (line.Contains(",exec,cpu,convolution,", StringComparison.Ordinal))
                milliseconds.Add(double.Parse(line[(line.LastIndexOf(',') + 1)..], CultureInfo.InvariantCulture));

        // The first half is the warm-up.
        return milliseconds.Skip(milliseconds.Count / 2).Sum() / 1000 / (rounds * InProcess.Steps / 2);
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

    private void Write()
    {
        var machine = $"{Machine.Description}; MnistCnn {Versions.Program}, TorchSharp {Versions.All["torchsharp"]}, libtorch {Versions.All["libtorch"]}"
            + (python is null ? "" : $"; PyTorch {Output(python, "-c", "import torch, torchvision; print(torch.__version__, 'with torchvision', torchvision.__version__)")}");
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

    private static T[] Repeat<T>(Func<T> measure, int times) => [.. Enumerable.Range(0, times).Select(_ => measure())];

    private static Process Train(string folder, params string[] options) => Start(
        "dotnet",
        ["exec", typeof(Versions).Assembly.Location, "train", "--device", "cpu", "--out", Path.Combine(folder, "run"), .. options]);

    private static Process StartSelf(IEnumerable<string> arguments, params (string Name, string Value)[] environment) =>
        Start("dotnet", ["exec", typeof(Comparison).Assembly.Location, .. arguments], environment);

    private static Process Start(string program, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = program != "dotnet" };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static void Say(string text) => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:HH:mm:ss} {text}"));
}
