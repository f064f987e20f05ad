using MnistCnn.Inspection;
using MnistCnn.Networks;
using Spectre.Console;

namespace MnistCnn.Reporting;

internal static class SummaryReport
{
    public static void Write(
        Architecture architecture, NetworkShape shape, int batchSize, NetworkSummary summary, string[] files, bool json) => Output.Write(
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
            Files = files,
        },
        console =>
        {
            console.Write(Layers(summary));
            console.Write(Totals(architecture, shape, batchSize, summary));
        },
        files);

    // Narrow enough for the deepest network at 224x224 pixels in 80 columns.
    private static Table Layers(NetworkSummary summary)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var heading in new[] { "Layer", "Kind", "Output" })
            table.AddColumn(heading, column => column.NoWrap().PadRight(0));
        foreach (var heading in new[] { "Parameters", "Multiply-adds" })
            table.AddColumn(heading, column => column.NoWrap().RightAligned().PadRight(0));
        foreach (var layer in summary.Layers)
            table.AddRow(
                new Text(layer.Name), new Text(layer.Kind), new Text(string.Join("x", layer.OutputShape)),
                new Text($"{layer.Parameters:N0}"), new Text(layer.MultiplyAdds == 0 ? "" : $"{layer.MultiplyAdds:N0}"));
        return table;
    }

    private static Table Totals(Architecture architecture, NetworkShape shape, int batchSize, NetworkSummary summary)
    {
        var images = batchSize == 1 ? "one image" : $"{batchSize:N0} images";
        var field = summary.ReceptiveField is { } size
            ? $"{size.Height}x{size.Width} pixels per pixel of the last feature maps"
            : "unknown";
        var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "");
        table.AddRow("Network", $"{architecture.Title}, {shape.Input} to {shape.Classes} classes");
        table.AddRow("Parameters", $"{summary.Parameters:N0}");
        if (summary.AuxiliaryParameters > 0)
            table.AddRow("Auxiliary classifiers", $"{summary.AuxiliaryParameters:N0} parameters, only in training");
        table.AddRow("Multiply-adds", $"{summary.MultiplyAdds:N0} for {images}");
        table.AddRow("Weights", $"{Size(summary.WeightBytes)}: parameters and running statistics");
        table.AddRow("Activations", $"{Size(summary.ActivationBytes)}: the outputs above, float32, for {images}");
        table.AddRow("Receptive field", field);
        if (summary.UnusedLayers is { Count: > 0 } unused)
            table.AddRow("Unused layers", $"{string.Join(", ", unused)}: no effect on the output");
        return table;
    }

    private static string Size(long bytes) => bytes < 1_000_000 ? $"{bytes / 1e3:F1} kB" : $"{bytes / 1e6:N1} MB";
}
