using System.CommandLine;
using System.CommandLine.Parsing;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

/// <summary><c>summary</c>: shows the layers, size and cost of a network.</summary>
internal static class SummaryCommand
{
    private static readonly NetworkShape Mnist = NetworkShape.Mnist;

    private static readonly Option<NetworkShape?> Input = OptionParsers.Parsed(
        "--input", "CxHxW", $"Input shape: channels, height, width. [default: {Mnist.Input}]", ParseShape);
    private static readonly Option<int> Classes = OptionParsers.Count("--classes", "Number of classes.", Mnist.Classes);
    private static readonly Option<int> BatchSize = OptionParsers.Count(
        "--batch-size", "Images for which multiply-adds and activations are counted.", 1);

    public static Command Create() => OptionParsers.CreateCommand(
        "summary",
        "Show a network's layers, shapes, parameters, multiply-adds and receptive field.",
        Run,
        [Input, Classes, BatchSize, SharedOptions.Json, .. DataOptions.All],
        result =>
        {
            var hasShape = result.GetResult(Input) is not null || result.GetResult(Classes) is { Implicit: false };
            if (hasShape && result.GetResult(DataOptions.Data) is not null)
                result.AddError("--data and --input or --classes exclude each other: a data set has its own shape and classes.");
        });

    private static int Run(ParseResult parseResult)
    {
        NativeLibraries.Load();
        var architecture = parseResult.GetValue(SharedOptions.Arch) ?? Architecture.Default;
        var shape = parseResult.GetValue(DataOptions.Data) is null
            ? (parseResult.GetValue(Input) ?? Mnist) with { Classes = parseResult.GetValue(Classes) }
            : ReadShape(parseResult);
        var batchSize = parseResult.GetValue(BatchSize);
        var summary = NetworkSummary.Summarize(architecture, shape, batchSize);
        SummaryReport.Write(architecture, shape, batchSize, summary, parseResult.GetValue(SharedOptions.Json));
        return 0;
    }

    private static NetworkShape ReadShape(ParseResult parseResult)
    {
        using var data = DataOptions.Load(parseResult, trainLimit: 1, testLimit: 1);
        DataOptions.Report(parseResult, data);
        return TrainableModel.ShapeOf(data);
    }

    private static NetworkShape? ParseShape(ArgumentResult result)
    {
        var text = result.Text();
        var shape = NetworkShape.Parse(text);
        if (shape is null)
            result.AddError(
                $"--input takes channels, height and width, as in {Mnist.Input}, each from 1 to {NetworkShape.LargestSide}, not '{text}'.");
        return shape;
    }
}
