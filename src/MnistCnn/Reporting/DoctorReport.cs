using MnistCnn.Runtime;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>doctor</c> sees.</summary>
internal static class DoctorReport
{
    /// <summary>Writes a line for each finding, or JSON, to standard output.</summary>
    /// <param name="findings">What there is and what there is not.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(IReadOnlyList<HealthCheck> findings, bool json) => Output.Write(json, new { Findings = findings }, console =>
    {
        var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "", "");
        foreach (var finding in findings)
            table.AddRow(new Text(finding.Name), Mark(finding), new Text(finding.Text));
        console.Write(table);
    });

    private static Text Mark(HealthCheck finding) =>
        finding.Found ? new Text("ok", new Style(Color.Green))
        : finding.Needed ? new Text("missing", new Style(Color.Red))
        : new Text("none");
}
