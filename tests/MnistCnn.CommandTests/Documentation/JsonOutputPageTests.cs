using System.Text.Json;
using System.Text.Json.Nodes;
using MnistCnn.Experiments;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Pages;
using MnistCnn.Tests.Web;

namespace MnistCnn.Tests.Documentation;

/// <summary>docs/reference/json-output.md lists all fields of the documents that <c>--json</c> prints, with their types.</summary>
[Trait("Speed", "Slow")]
public sealed class JsonOutputPageTests : IDisposable
{
    private const string Page = "docs/reference/json-output.md";

    private readonly TemporaryFolder folder = new();
    private readonly FieldTables page = new(Page);

    public JsonOutputPageTests()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 40, test: 20);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_command_with_the_option_has_a_section()
    {
        var commands = HelpText.Of().Commands.Where(command => HelpText.Of(command).Options.Any(option => option.Name == "--json"));
        Assert.Equal(commands, FieldTables.HeadingsOf(Page, "##"));
    }

    [Fact]
    public void The_documents_of_a_run_have_the_fields_of_the_page()
    {
        string[] small = ["--arch", "plain", "--batch-size", "10", "--data", "data"];
        page.AssertDocument("train", Run(["train", "--epochs", "2", "--out", "run", .. small]));
        ProgramRun.Of(folder.FullPath, ["train", "--lr", "1e30", "--out", "diverged", .. small]);
        page.AssertDocument("evaluate", Run("evaluate", "run", "--top", "2", "--data", "data"));
        page.AssertDocument("compare", Run("compare", "run", "diverged"));
        page.AssertDocument("export", Run("export", "run", "--uint8"));
        page.AssertDocument("train --find-lr", Run(["train", "--find-lr", "--train-limit", "640"]));
        page.AssertAllSeen(
            "train", "train --find-lr", "evaluate", "Top-k accuracy", "Class", "compare", "Compared run", "Worst class", "export",
            "Tensor");
    }

    [Fact]
    public void The_documents_of_predict_have_the_fields_of_the_page()
    {
        File.WriteAllText(folder["broken.png"], "no image");
        var photo = DocumentationTests.PathOf("docs/photo.jpg");
        var run = ProgramRun.Of(folder.FullPath, "predict", "residual", photo, "broken.png", "--top", "2", "--json");
        Assert.Equal(1, run.ExitCode);
        foreach (var entry in JsonDocument.Parse(run.Output).RootElement.EnumerateArray())
            page.AssertDocument("predict", entry);
        page.AssertAllSeen("predict", "Likely class", "Digit");
    }

    [Fact]
    public void The_documents_of_networks_and_systems_have_the_fields_of_the_page()
    {
        page.AssertDocument("summary", Run("summary", "--arch", "residual-as-printed"));
        var checks = Run("doctor");
        page.AssertDocument("doctor", checks);
        new FieldTables("docs/reference/doctor.md").AssertNames(
            "Checks of `doctor`", checks.GetProperty("findings").EnumerateArray().Select(check => check.GetProperty("name").GetString()!));
        page.AssertAllSeen("summary", "Layer", "doctor", "Check");
    }

    [Fact]
    public void The_document_of_a_sweep_has_the_fields_of_the_page()
    {
        var document = JsonNode.Parse(Run("sweep", "lr=0.01,0.1", "--epochs", "1", "--data", "data", "--out", "out").GetRawText())!;
        foreach (var row in document["results"]!.AsArray())
            Assert.True(row!.AsObject().Remove("lr"));
        page.AssertDocument("sweep", JsonSerializer.SerializeToElement(document));
        page.AssertAllSeen("sweep");
    }

    [Fact]
    public void The_documents_of_experiments_have_the_fields_of_the_page()
    {
        page.AssertDocument(
            "experiment", Run("experiment", "ablation", "--test-limit", "20", "--data", "data", "--out", "out"));
        using var suite = ExperimentSuite.Open(Experiment.All, folder["all"], SuiteReport.Files);
        page.AssertDocument("experiment all", Print(report => report.Write(suite)));
        var status = Experiment.All.Single(experiment => experiment.Name == "ablation").Read(folder["out"])!;
        page.AssertDocument("experiment", Print(report => report.Write(status with { Problem = "a reason" })));
        page.AssertAllSeen("experiment", "experiment all");
    }

    [Fact]
    public void The_document_of_serve_has_the_fields_of_the_page()
    {
        page.AssertDocument("serve", RunningServer.ReadDocument(folder.FullPath, "residual", "--data", "data"));
        page.AssertAllSeen("serve");
    }

    private JsonElement Run(params string[] arguments)
    {
        var run = ProgramRun.Of(folder.FullPath, [.. arguments, "--json"]);
        Assert.True(run.ExitCode == 0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private static JsonElement Print(Action<ExperimentReport> write)
    {
        var output = Console.Out;
        using var text = new StringWriter();
        try
        {
            Console.SetOut(text);
            write(new ExperimentReport(json: true));
        }
        finally
        {
            Console.SetOut(output);
        }

        return JsonDocument.Parse($"{text}").RootElement;
    }
}
