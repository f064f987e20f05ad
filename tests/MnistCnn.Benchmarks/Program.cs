using BenchmarkDotNet.Running;
using MnistCnn.Benchmarks;

// `parts` times components with BenchmarkDotNet. The program starts itself with `measure`, `steps` and `rival`.
switch (args)
{
    case ["parts", .. var rest]:
        BenchmarkSwitcher.FromTypes([typeof(PartBenchmarks), typeof(ImageFolderBenchmarks)])
            .Run(rest.Length > 0 ? rest : ["--filter", "*"]);
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

var isArticleOnly = args is ["--only", "article", ..];
switch (isArticleOnly ? args[2..] : args)
{
    case []:
        return Compare(pairs: 3, isQuick: false);
    case ["--quick"]:
        return Compare(pairs: 1, isQuick: true);
    case ["--pairs", var text] when int.TryParse(text, out var pairs) && pairs > 0:
        return Compare(pairs, isQuick: false);
    default:
        Console.Error.WriteLine(
            "error: usage: MnistCnn.Benchmarks [--only article] [--quick | --pairs N] | parts [BenchmarkDotNet's options]");
        return 2;
}

int Compare(int pairs, bool isQuick)
{
    try
    {
        return new Comparison(pairs, isQuick, isArticleOnly).Run();
    }
    catch (InvalidDataException exception)
    {
        Console.Error.WriteLine($"error: {exception.Message}");
        return 1;
    }
}
