using BenchmarkDotNet.Running;
using MnistCnn.Benchmarks;

// `parts` times the small parts with BenchmarkDotNet; `measure NAME` is how this program starts itself.
switch (args)
{
    case ["parts", .. var rest]:
        BenchmarkSwitcher.FromTypes([typeof(PartBenchmarks), typeof(PictureBenchmarks)]).Run(rest.Length > 0 ? rest : ["--filter", "*"]);
        return 0;
    case ["measure", var name]:
        Console.WriteLine(InProcess.Measure(name));
        return 0;
    case []:
        return Comparison.Run(pairs: 3);
    case ["--pairs", var text] when int.TryParse(text, out var pairs) && pairs > 0:
        return Comparison.Run(pairs);
    default:
        Console.Error.WriteLine("error: usage: MnistCnn.Benchmarks [--pairs N] | parts [BenchmarkDotNet's options]");
        return 2;
}
