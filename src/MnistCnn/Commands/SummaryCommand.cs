using System.CommandLine;
using MnistCnn.Files;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

internal static class SummaryCommand
{
    private static readonly NetworkShape Mnist = NetworkShape.Mnist;

    private static readonly Option<NetworkShape?> Input = OptionParsers.Parsed(
        "--input", "CxHxW", $"Input shape: channels, height, width. [default: {Mnist.Input}]", NetworkShape.Parse,
        $"channels, height and width, as in {Mnist.Input}, each from 1 to {NetworkShape.LargestSide}");
    private static readonly Option<int> Classes = OptionParsers.Count("--classes", "Number of classes.", Mnist.Classes);
    private static readonly Option<int> BatchSize = OptionParsers.Count(
        "--batch-size", "Images for which multiply-adds and activations are counted.", 1);
    private static readonly Option<string?> Drawing = OptionParsers.Parsed(
        "--draw", "FILE", "Draw the network into this .svg file.",
        path => path.EndsWith(".svg", StringComparison.OrdinalIgnoreCase) ? path : null, "a file that ends in .svg");
    private static readonly Option<string?> DrawnModule = OptionParsers.FilePath(
        "--module", "NAME", "With --draw: draw only this module, for instance rBlock1.");
    private static readonly Option<bool> Dark = OptionParsers.Switch("--dark", "With --draw: draw for a dark background.");

    public static Command Create() => OptionParsers.CreateCommand(
        "summary",
        "Show a network's layers, shapes, parameters, multiply-adds and receptive field.",
        Run,
        [Input, Classes, BatchSize, Drawing, DrawnModule, Dark, SharedOptions.Json, .. DataOptions.All],
        result =>
        {
            var hasShape = result.GetResult(Input) is not null || result.GetResult(Classes) is { Implicit: false };
            if (hasShape && result.GetResult(DataOptions.Data) is not null)
                result.AddError("--data and --input or --classes exclude each other: a data set has its own shape and classes.");
            if (result.GetResult(Drawing) is null && (result.GetResult(DrawnModule) is not null || result.GetValue(Dark)))
                result.AddError("--module and --dark need --draw: they are for the drawing.");
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
        string[] files = parseResult.GetValue(Drawing) is { } path ? [Path.GetFullPath(path)] : [];
        if (files is [var file])
        {
            var drawing = NetworkDrawing.Draw(architecture, shape, parseResult.GetValue(DrawnModule) ?? "", parseResult.GetValue(Dark));
            AtomicFile.EnsureWritable(file);
            AtomicFile.WriteText(file, drawing);
        }

        SummaryReport.Write(architecture, shape, batchSize, summary, files, parseResult.GetValue(SharedOptions.Json));
        return 0;
    }

    private static NetworkShape ReadShape(ParseResult parseResult)
    {
        using var data = DataOptions.Load(parseResult, trainLimit: 1, testLimit: 1);
        DataOptions.Report(parseResult, data);
        return TrainableModel.ShapeOf(data);
    }
}
