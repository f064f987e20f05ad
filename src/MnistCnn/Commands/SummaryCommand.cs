using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using static MnistCnn.Commands.CommonOptions;

namespace MnistCnn.Commands;

/// <summary><c>summary</c>: what a network is made of, and what it costs.</summary>
public static class SummaryCommand
{
    private const int LargestSide = 1 << 14;

    private static readonly NetworkShape Mnist = NetworkShape.Mnist;

    private static readonly Option<int[]?> Input = new("--input")
    {
        Description = $"The images that go in: channels, height, width. [default: {Mnist.Channels}x{Mnist.Height}x{Mnist.Width}]",
        HelpName = "CxHxW",
        CustomParser = Sides,
    };

    private static readonly Option<int> Classes = Count("--classes", "How many classes come out.", Mnist.Classes);
    private static readonly Option<int> BatchSize = Count("--batch-size", "Count for N images.", 1);

    /// <summary>The command and its options.</summary>
    public static Command Create()
    {
        var command = new Command("summary", "Show a network's layers, shapes, parameters, multiply-adds and receptive field.")
        {
            Input, Classes, BatchSize, Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        NativeLibraries.Load();
        var architecture = Architecture.Find(line.GetValue(Arch) ?? Architecture.Default)!;
        var shape = Mnist with { Classes = line.GetValue(Classes) };
        if (line.GetValue(Input) is [var channels, var height, var width])
            shape = shape with { Channels = channels, Height = height, Width = width };
        var batchSize = line.GetValue(BatchSize);
        var summary = NetworkSummary.Of(architecture, shape, batchSize);
        SummaryReport.Write(architecture, shape, batchSize, summary, line.GetValue(Json));
        return 0;
    }

    private static int[] Sides(ArgumentResult result)
    {
        var text = result.Tokens is [var token] ? token.Value : "";
        var sides = text.Split('x')
            .Select(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0).ToArray();
        if (sides.Length != 3 || sides.Any(side => side is < 1 or > LargestSide))
            result.AddError($"--input takes channels, height and width, as in 1x28x28, each from 1 to {LargestSide}, not '{text}'.");
        return sides;
    }
}
