using BenchmarkDotNet.Running;
using MnistCnn.Benchmarks;

// `parts` times the small parts with BenchmarkDotNet; `measure`, `steps` and `rival` are how this program starts itself.
switch (args)
{
    case ["parts", .. var rest]:
        BenchmarkSwitcher.FromTypes([typeof(PartBenchmarks), typeof(PictureBenchmarks)]).Run(rest.Length > 0 ? rest : ["--filter", "*"]);
        return 0;
    case ["measure", var name, var rounds]:
        Console.WriteLine(InProcess.Measure(name, int.Parse(rounds)));
        return 0;
    case ["steps", var name, var rounds]:
        InProcess.RunSteps(name, int.Parse(rounds));
        return 0;
    case ["rival", var name]:
        Console.WriteLine(Rival.Train(name, trainLimit: null, testLimit: null));
        return 0;
    case ["rival", var name, var trainLimit, var testLimit]:
        Console.WriteLine(Rival.Train(name, int.Parse(trainLimit), int.Parse(testLimit)));
        return 0;
    case []:
        return new Comparison(pairs: 3, isQuick: false).Run();
    case ["--quick"]:
        return new Comparison(pairs: 1, isQuick: true).Run();
    case ["--pairs", var text] when int.TryParse(text, out var pairs) && pairs > 0:
        return new Comparison(pairs, isQuick: false).Run();
    default:
        Console.Error.WriteLine("error: usage: MnistCnn.Benchmarks [--quick | --pairs N] | parts [BenchmarkDotNet's options]");
        return 2;
}
