using MnistCnn.Runtime;
using Spectre.Console;

namespace MnistCnn.Reporting;

internal static class DoctorReport
{
    public static void Write(IReadOnlyList<HealthCheck> checks, bool json) => Output.Write(json, new { Findings = checks }, console =>
    {
        var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "", "");
        foreach (var check in checks)
            table.AddRow(new Text(check.Name), Status(check), Terminal.Cell(check.Text));
        console.Write(table);
    });

    private static Text Status(HealthCheck check) =>
        check.Found ? new Text("ok", new Style(Color.Green))
        : check.Needed ? new Text("missing", new Style(Color.Red))
        : new Text("none");
}
