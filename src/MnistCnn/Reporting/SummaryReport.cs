using MnistCnn.Inspection;
using MnistCnn.Networks;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>summary</c> sees.</summary>
internal static class SummaryReport
{
    /// <summary>Writes the tables, or JSON, to standard output.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="shape">Its images and classes.</param>
    /// <param name="batchSize">The images that are counted for.</param>
    /// <param name="summary">What was counted.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(Architecture architecture, NetworkShape shape, int batchSize, NetworkSummary summary, bool json) => Output.Write(
        json,
        new
        {
            Architecture = architecture.Name,
            Input = new[] { shape.Channels, shape.Height, shape.Width },
            shape.Classes,
            BatchSize = batchSize,
            summary.Parameters,
            SideParameters = summary.AuxiliaryParameters, // the name that programs read
            summary.MultiplyAdds,
            summary.WeightBytes,
            summary.ActivationBytes,
            ReceptiveField = summary.ReceptiveField?.Height,
            summary.Layers,
            summary.UnusedLayers,
        },
        console =>
        {
            console.Write(Layers(summary));
            console.Write(Totals(architecture, shape, batchSize, summary));
        });

    private static Table Layers(NetworkSummary summary)
    {
        // Narrow enough for the deepest network at 224x224 pixels in 80 columns.
        var layers = new Table().Border(TableBorder.Simple);
        foreach (var heading in new[] { "Layer", "Kind", "Output" })
            layers.AddColumn(heading, column => column.NoWrap().PadRight(0));
        foreach (var heading in new[] { "Parameters", "Multiply-adds" })
            layers.AddColumn(heading, column => column.NoWrap().RightAligned().PadRight(0));
        foreach (var layer in summary.Layers)
            layers.AddRow(
                new Text(layer.Name),
                new Text(layer.Kind),
                new Text(string.Join("x", layer.OutputShape)),
                new Text($"{layer.Parameters:N0}"),
                new Text(layer.MultiplyAdds == 0 ? "" : $"{layer.MultiplyAdds:N0}"));
        return layers;
    }

    private static Table Totals(Architecture architecture, NetworkShape shape, int batchSize, NetworkSummary summary)
    {
        var images = batchSize == 1 ? "one image" : $"{batchSize:N0} images";
        var totals = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "");
        totals.AddRow("Network", $"{architecture.Title}, {shape.Input} to {shape.Classes} classes");
        totals.AddRow("Parameters", $"{summary.Parameters:N0}");
        if (summary.AuxiliaryParameters > 0)
            totals.AddRow("Auxiliary classifiers", $"{summary.AuxiliaryParameters:N0} parameters more while it trains");
        totals.AddRow("Multiply-adds", $"{summary.MultiplyAdds:N0} for {images}");
        totals.AddRow("Weights", $"{Size(summary.WeightBytes)}: parameters and running statistics");
        totals.AddRow("Activations", $"{Size(summary.ActivationBytes)}: the outputs above, float32, for {images}");
        totals.AddRow(
            "Receptive field",
            summary.ReceptiveField is { } field ? $"{field.Height}x{field.Width} pixels per pixel of the last feature maps" : "unknown");
        if (summary.UnusedLayers is { Count: > 0 } unused)
            totals.AddRow("Unused layers", $"{string.Join(", ", unused)}: no effect on the output");
        return totals;
    }

    private static string Size(long bytes) =>
        bytes < 1_000_000 ? $"{bytes / 1e3:F1} kB" : $"{bytes / 1e6:N1} MB";
}
