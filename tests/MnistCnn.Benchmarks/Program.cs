using System.CommandLine;
using BenchmarkDotNet.Running;
using MnistCnn.Benchmarks;
using MnistCnn.Benchmarks.Recipes;

// `parts` times components with BenchmarkDotNet, `recipes` compares recipes. The program starts itself with `measure`, `steps` and `rival`.
switch (args)
{
    case [RecipesCommand.Name, .. var rest]:
        return RecipesCommand.Run(rest);
    case ["parts", .. var filters]:
        BenchmarkSwitcher.FromTypes([typeof(PartBenchmarks), typeof(ImageFolderBenchmarks)])
            .Run(filters.Length > 0 ? filters : ["--filter", "*"]);
        return 0;
    case ["measure", var name, var rounds]:
        Console.WriteLine(InProcess.Measure(name, int.Parse(rounds)));
        return 0;
    case ["steps", var name, var rounds]:
        InProcess.RunSteps(name, int.Parse(rounds));
        return 0;
    case ["rival", var name, var trainLimit, var testLimit]:
        Rival.Train(name, int.Parse(trainLimit), int.Parse(testLimit));
        return 0;
}

var pairs = new Option<int>("--pairs") { Description = "Number of runs of each program", DefaultValueFactory = _ => 5 };
pairs.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() < 1)
        result.AddError("--pairs must be at least 1.");
});
var quick = new Option<bool>("--quick") { Description = "Run each program once, on few images, to check that the benchmark works" };
var only = new Option<string>("--only") { Description = "chart: measure only the figures of docs/explanation/performance.md" };
only.AcceptOnlyFromAmong("chart");
var writeDocs = new Option<bool>("--write-docs")
{
    Description = "Save the figures in docs/measurements, and write them into pages and charts",
};
var command = new RootCommand("Compares this program with the article's program on PyTorch and with plain TorchSharp.")
{
    pairs, quick, only, writeDocs,
};
command.Validators.Add(result =>
{
    if (result.GetValue(writeDocs) && result.GetValue(quick))
        result.AddError("The figures of --quick are too inaccurate for the documentation.");
});
command.SetAction(parsed =>
{
    var isQuick = parsed.GetValue(quick);
    try
    {
        var isForDocs = parsed.GetValue(writeDocs);
        var isChartOnly = parsed.GetValue(only) is not null;
        var measured = new Comparison(isQuick ? 1 : parsed.GetValue(pairs), isQuick, isChartOnly, needsIdleMachine: isForDocs).Run();
        if (isForDocs)
            PerformancePage.Save(measured);
        return 0;
    }
    catch (InvalidDataException exception)
    {
        Console.Error.WriteLine($"error: {exception.Message}");
        return 1;
    }
});
return command.Parse(args).Invoke();
