using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using Spectre.Console;

namespace MnistCnn.Benchmarks;

/// <summary>
/// Compares this program with the article's program on PyTorch and with plain TorchSharp, each with the same number of threads, and with
/// the speed of a matrix product.
/// </summary>
/// <param name="pairs">Number of runs of each program.</param>
/// <param name="isQuick">Shortens epochs and skips recipes, for checks during development.</param>
/// <param name="isChartOnly">Measures only the figures of <see cref="PerformancePage"/>.</param>
/// <param name="needsIdleMachine">
/// Waits up to a minute for an idle processor before each epoch: other programs slow down PyTorch more than this program.
/// </param>
internal sealed partial class Comparison(int pairs, bool isQuick, bool isChartOnly, bool needsIdleMachine)
{
    private readonly int part = isQuick ? 20 : 8; // an epoch uses this fraction of the images
    private readonly int rounds = isQuick ? 4 : 10;
    private readonly string? python = FindPython();
    private readonly List<Figure> figures = [];

    private static int Cores => Environment.ProcessorCount;

    private string[] Limits => [$"{60000 / part}", $"{10000 / part}"];

    private string[] LimitOptions => ["--train-limit", Limits[0], "--test-limit", Limits[1]];

    /// <summary>Measures, prints a table and writes <c>benchmark.json</c> and <c>benchmark.md</c> into the working directory.</summary>
    /// <exception cref="InvalidDataException">A program does not use the number of threads that it was given, or fails.</exception>
    public Measurements Run()
    {
        NativeLibraries.Load();
        if (python is null)
            Console.Error.WriteLine(
                "The comparison with PyTorch is skipped: no Python with PyTorch and torchvision was found (Debian: python3-torchvision).");
        foreach (var (name, _) in PerformancePage.Networks)
        {
            Epochs(name);
            FirstStep(name);
            if (!isQuick)
                Memory(name);
            if (isChartOnly)
                continue;
            TwoAtOnce(name);
            InsideOneProcess(name);
        }

        if (!isQuick)
            Recipe("sprint", 99.0, 5.0);
        if (!isQuick && !isChartOnly)
            Recipe("fast", 99.4, 12.0);
        return Write();
    }

    // Each program with one thread per core, and the most important ones with one thread too.
    private void Epochs(string name)
    {
        Say($"{name}: epochs");
        string[] options = ["--arch", name, "--epochs", "2", "--json", .. LimitOptions];
        List<Contender> contenders =
            [new(ProgramName.This, folder => Train(folder, options)), new(ProgramName.PlainTorchSharp, _ => TorchSharp(name))];
        if (python is not null)
        {
            contenders.Add(new(ProgramName.Article, _ => Article(name, "--torchvision")));
            contenders.Add(new(ProgramName.ArticleWithTensors, _ => Article(name)) { IsMinor = true });
            if (name == "residual")
                contenders.Add(new(ProgramName.ArticleAsPrinted, _ => Article("residual-as-printed", "--torchvision")) { IsMinor = true });
        }

        int[] counts = [.. new[] { 1, Cores }.Distinct()];
        var runs = (
            from pair in Enumerable.Range(0, pairs)
            from threads in counts
            from contender in contenders
            where threads == Cores || !contender.IsMinor
            select (key: (threads, contender), seconds: EpochSeconds(contender, threads))).ToLookup(run => run.key, run => run.seconds);
        foreach (var run in runs)
            Add(FigureName.Epoch(name, run.Key.threads, run.Key.contender.Name), "s", [.. run]);
        foreach (var run in runs.Where(run => run.Key.contender != contenders[0]))
            Add(
                FigureName.Ratio(name, run.Key.threads, run.Key.contender.Name),
                "",
                Ratios(runs[(run.Key.threads, contenders[0])], run));
        Add(
            $"{name}: this program's epoch with one thread over the epoch with one per core",
            "",
            Ratios(runs[(1, contenders[0])], runs[(Cores, contenders[0])]),
            name == "residual" ? 1.75 : 1.8,
            atLeast: true);
    }

    // The second of two short epochs, as long as all images would take. The first one warms up.
    private double EpochSeconds(Contender contender, int threads)
    {
        if (needsIdleMachine)
            WaitForIdleMachine();
        var output = InTemporaryFolder(folder => Output(contender.Command(folder), threads));
        var seconds = part * (Last(output, "train_seconds") + Last(output, "test_seconds"));
        Say($"{contender.Name}, threads: {Last(output, "threads")}, seconds per epoch: {seconds:F1}");
        return seconds;
    }

    private static void WaitForIdleMachine()
    {
        for (var attempt = 0; Machine.BusyFraction() is > 0.1 and var busy; attempt++)
        {
            Say($"Other programs use {100 * busy:F0} % of the processor.");
            if (attempt == 60)
                throw new InvalidDataException("The processor is busy. Stop other programs first.");
        }
    }

    private void TwoAtOnce(string name)
    {
        Say($"{name}: two trainings at once");
        Add($"{name}: two trainings at once, seconds of each over one alone", "", Repeat(Ratio, pairs), 2.2);

        double Ratio()
        {
            var alone = Seconds();
            return Task.WhenAll(Task.Run(Seconds), Task.Run(Seconds)).Result.Average() / alone;
        }

        double Seconds() => Last(OurRun(["--arch", name, "--epochs", "2", .. LimitOptions]), "train_seconds");
    }

    private void InsideOneProcess(string name)
    {
        Say($"{name}: in one process");
        var inside = Repeat(
            () => JsonSerializer.Deserialize<InProcess>(Output(Self("measure", name, $"{rounds}"), Cores), JsonFormat.Line)!, pairs);
        Add($"{name}: multiply-adds in training", "10⁹/s", [.. inside.Select(run => run.TrainingSpeed / 1e9)]);
        Add($"{name}: multiply-adds in a 2048x2048 matrix product", "10⁹/s", [.. inside.Select(run => run.MatrixProduct / 1e9)]);
        Add(
            $"{name}: multiply-adds in training over the matrix product's",
            "",
            [.. inside.Select(run => run.TrainingSpeed / run.MatrixProduct)],
            0.72,
            atLeast: true);
        Add($"{name}: fraction of a step outside forward, backward, optimizer", "%", [.. inside.Select(run => 100 * run.Overhead)], 1);
        Add($"{name}: evaluation of 10,000 images over one forward pass", "", [.. inside.Select(run => run.EvaluationRatio)], 1.02);
        Add(
            $"{name}: a step over its convolutions alone (one thread, oneDNN's own time)",
            "",
            [.. inside.Select(run => run.StepSeconds / ConvolutionSeconds(name))],
            1.1);
    }

    private void Memory(string name)
    {
        Say($"{name}: memory");
        Add(FigureName.Memory(name), "MB", Repeat(() => Last(OurRun("--arch", name, "--epochs", "1"), "peak_memory") / 1e6, pairs), 400);
    }

    private void FirstStep(string name)
    {
        Say($"{name}: start");
        Add(FigureName.FirstStep(name), "s", [.. Repeat(() => SecondsToFirstStep(name), pairs + 1).Skip(1)], 1.5);
    }

    // Time to reach an accuracy with Residual.
    private void Recipe(string recipe, double accuracy, double goal)
    {
        Say($"residual: {recipe}");
        List<double> seconds = [], accuracies = [];
        for (var seed = 1; seed <= pairs; seed++)
        {
            var clock = Stopwatch.StartNew();
            accuracies.Add(Last(OurRun("--arch", "residual", "--recipe", recipe, "--seed", $"{seed}"), "test_accuracy"));
            seconds.Add(clock.Elapsed.TotalSeconds);
        }

        Add(FigureName.Recipe(recipe), "s", seconds, goal);
        Add(FigureName.RecipeAccuracy(recipe), "%", accuracies, accuracy, atLeast: true);
    }

    private void Add(string name, string unit, IReadOnlyList<double> values, double? goal = null, bool atLeast = false) =>
        figures.Add(new Figure(name, unit, values, goal, atLeast));

    private static double[] Ratios(IEnumerable<double> ours, IEnumerable<double> theirs) =>
        [.. ours.Zip(theirs, (one, other) => one / other)];

    private static string OurRun(params string[] options) =>
        InTemporaryFolder(folder => Output(Train(folder, ["--json", .. options]), Cores));

    // Standard output of a program that reports its number of threads, which must be the one that it was given.
    private static string Output(ProcessStartInfo start, int threads)
    {
        start.Environment["OMP_NUM_THREADS"] = $"{threads}"; // otherwise Debian's PyTorch 1.13 uses one
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var used = Last(output, "threads");
        return used == threads
            ? output
            : throw new InvalidDataException($"Threads: {used}, not {threads}, in {start.FileName} {string.Join(' ', start.ArgumentList)}");
    }

    // The last value of a key in JSON, of one document or one per line.
    private static double Last(string output, string key) =>
        Field().Matches(output).LastOrDefault(field => field.Groups["key"].Value == key) is { } last
            ? double.Parse(last.Groups["value"].Value)
            : throw new InvalidDataException($"A program did not print \"{key}\": {output}");

    [GeneratedRegex("""
        "(?<key>\w+)": ?(?<value>-?[\d.]+(e-?\d+)?)
        """, RegexOptions.IgnoreCase)]
    private static partial Regex Field();

    // From oneDNN's log, "onednn_verbose,v1,primitive,exec,cpu,convolution,...,MILLISECONDS", of a process that only makes training steps.
    private double ConvolutionSeconds(string name)
    {
        var start = Self("steps", name, $"{rounds}");
        start.Environment["ONEDNN_VERBOSE"] = "profile_exec";
        using var process = Process.Start(start)!;
        List<double> milliseconds = [];
        while (process.StandardOutput.ReadLine() is { } line)
            if (line.Contains(",exec,cpu,convolution,", StringComparison.Ordinal))
                milliseconds.Add(double.Parse(line[(line.LastIndexOf(',') + 1)..]));

        // The first half is the warm-up.
        return milliseconds.Skip(milliseconds.Count / 2).Sum() / 1000 / (rounds * InProcess.Steps / 2);
    }

    private static double SecondsToFirstStep(string name) => InTemporaryFolder(folder =>
    {
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(Train(folder, "--arch", name, "--epochs", "1", "--log-interval", "1"))!;
        process.StandardOutput.ReadLine();
        var seconds = clock.Elapsed.TotalSeconds;
        process.Kill();
        process.WaitForExit();
        return seconds;
    });

    private Measurements Write()
    {
        string? VersionOf(string package) => python is null ? null : Ask(python, $"import {package}; print({package}.__version__)");
        var conditions = new Conditions(
            $"{DateTime.Now:yyyy-MM-dd}", Cores, Machine.Processor, RuntimeInformation.OSDescription, $"{Environment.Version}",
            Versions.Program, Versions.All["torchsharp"], Versions.All["libtorch"], VersionOf("torch"), VersionOf("torchvision"));
        var measured = new Measurements(conditions, figures);
        var table = new Table().Border(TableBorder.Simple).AddColumn("Figure");
        List<string> lines = [$"{conditions}.", "", "| figure | median | lowest to highest | goal |", "| --- | ---: | ---: | ---: |"];
        foreach (var heading in new[] { "Median", "Lowest to highest", "Goal" })
            table.AddColumn(heading, column => column.RightAligned());
        foreach (var figure in figures)
        {
            string[] cells = [figure.Name, figure.MedianText, figure.Range, figure.GoalText];
            table.AddRow([.. cells.Select(cell => new Text(cell))]);
            lines.Add($"| {string.Join(" | ", cells)} |");
        }

        Console.Out.WriteLine(conditions);
        Terminal.CreateConsole(Console.Out).Write(table);
        var (markdown, json) = (Path.GetFullPath("benchmark.md"), Path.GetFullPath("benchmark.json"));
        AtomicFile.Write(markdown, stream => stream.Write(Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n")));
        measured.Write(json);
        Console.Out.WriteLine(json);
        Console.Out.WriteLine(markdown);
        return measured;
    }

    private static string? FindPython() =>
        new[] { "python3", "/usr/bin/python3", "python" }
            .FirstOrDefault(python => Ask(python, "import torch, torchvision; print(1)") == "1");

    private static string? Ask(string python, string statements)
    {
        try
        {
            var start = Start(python, ["-c", statements]);
            start.RedirectStandardError = true;
            using var process = Process.Start(start)!;
            return process.StandardOutput.ReadToEnd().Trim();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static T[] Repeat<T>(Func<T> measure, int times) => [.. Enumerable.Range(0, times).Select(_ => measure())];

    private static T InTemporaryFolder<T>(Func<string, T> measure)
    {
        var folder = Directory.CreateTempSubdirectory("mnist-cnn-benchmark-").FullName;
        try
        {
            return measure(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ProcessStartInfo Train(string folder, params string[] options) =>
        DotNet(typeof(Versions), ["train", "--device", "cpu", "--out", Path.Combine(folder, "run"), .. options]);

    private static ProcessStartInfo Self(params string[] arguments) => DotNet(typeof(Comparison), arguments);

    private static ProcessStartInfo DotNet(Type type, string[] arguments) =>
        Start("dotnet", ["exec", type.Assembly.Location, .. arguments]);

    // With libgomp's default spin count, which this program lowers.
    private ProcessStartInfo TorchSharp(string name)
    {
        var start = Self(["rival", name, .. Limits]);
        start.Environment["GOMP_SPINCOUNT"] = "300000";
        return start;
    }

    private ProcessStartInfo Article(string name, params string[] options)
    {
        var script = Path.Combine(RepositoryRoot.FullPath, "tests/reference/article.py");
        return Start(python!, [script, "train", name, "--epochs", "2", .. options, .. LimitOptions]);
    }

    private static ProcessStartInfo Start(string program, string[] arguments) => new(program, arguments) { RedirectStandardOutput = true };

    private static void Say(string text) => Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss} {text}");

    /// <summary>A program that trains for two epochs and prints its seconds and threads as JSON.</summary>
    /// <param name="Name">Its name in the figures.</param>
    /// <param name="Command">Returns its command line; the argument is an empty folder.</param>
    private sealed record Contender(string Name, Func<string, ProcessStartInfo> Command)
    {
        /// <summary>Whether the program runs only with one thread per core.</summary>
        public bool IsMinor { get; init; }
    }
}
