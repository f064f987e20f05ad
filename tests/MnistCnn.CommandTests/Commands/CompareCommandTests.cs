using System.Text.Json;
using System.Xml.Linq;

namespace MnistCnn.Tests.Commands;

public sealed class CompareCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Runs_are_compared_in_one_table_and_one_plot()
    {
        WriteRun("fast", 97.5, 98.25, 98.5);
        WriteRun("slow", 90, 97);
        var run = Run("compare", "fast", "slow/", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var result = JsonDocument.Parse(run.Output).RootElement;
        var runs = result.GetProperty("runs");
        Assert.Equal("fast", runs[0].GetProperty("name").GetString());
        Assert.Equal(98.5, runs[0].GetProperty("best_accuracy").GetDouble());
        Assert.Equal(2, runs[0].GetProperty("epochs_to_goal").GetInt32());
        Assert.Equal(2.5, runs[0].GetProperty("seconds_per_epoch").GetDouble());
        Assert.Equal("slow", runs[1].GetProperty("name").GetString());
        Assert.Equal(JsonValueKind.Null, runs[1].GetProperty("epochs_to_goal").ValueKind);
        Assert.True(File.Exists(folder["compare.png"]));

        var table = Run("compare", "fast", "slow", "--plot", "both.svg").Output;
        Assert.Contains("98.50 %", table);
        Assert.Contains(folder["both.svg"], table);
        var texts = XDocument.Load(folder["both.svg"]).Descendants().Where(element => element.Name.LocalName == "text");
        HashSet<string> expected = ["fast", "slow", "Epoch", "Accuracy", "Loss"];
        Assert.Superset(expected, texts.Select(element => element.Value.Trim()).ToHashSet());
    }

    [Fact]
    public void Runs_with_the_same_name_show_their_parent_folder()
    {
        foreach (var name in new[] { "a/seed-1", "b/seed-1", "b/seed-2" })
            WriteRun(name, 90, 91);
        var run = Run("compare", "a/seed-1", "b/seed-1", "b/seed-2", "--plot", "both.svg", "--json");
        string[] names = ["a/seed-1", "b/seed-1", "seed-2"];
        var rows = JsonDocument.Parse(run.Output).RootElement.GetProperty("runs").EnumerateArray();
        Assert.Equal(names, rows.Select(row => row.GetProperty("name").GetString()));
        var texts = XDocument.Load(folder["both.svg"]).Descendants().Where(element => element.Name.LocalName == "text");
        Assert.Superset(names.ToHashSet(), texts.Select(element => element.Value.Trim()).ToHashSet());
    }

    [Fact]
    public void A_killed_run_is_named_with_the_way_to_resume_it()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"]);
        Assert.Equal(0, Run("train", "--data", "data", "--arch", "plain", "--epochs", "2", "--out", "killed").ExitCode);
        var finished = File.ReadAllText(folder["killed/run.json"]);
        Assert.DoesNotContain("killed: ", Run("compare", "killed").Output);
        File.WriteAllText(folder["killed/run.json"], finished.Replace("\"finished\"", "\"running\""));
        File.WriteAllText(folder["killed/run.lock"], "x");
        Assert.Equal("running", Status());
        File.SetLastWriteTimeUtc(folder["killed/run.lock"], DateTime.UnixEpoch);
        Assert.Equal("interrupted", Status());
        Assert.Contains("\nkilled: interrupted. Resume it with: train --resume FOLDER\n", Run("compare", "killed").Output);

        string? Status() => JsonDocument.Parse(Run("compare", "killed", "--json").Output).RootElement
            .GetProperty("runs")[0].GetProperty("status").GetString();
    }

    [Fact]
    public void The_best_accuracy_is_marked_if_it_was_chosen_on_the_test_images()
    {
        WriteRun("test", 90, 91);
        WriteRun("single", 90);
        WriteRun("validated", 90, 91);
        var lines = File.ReadAllLines(folder["validated/metrics.jsonl"]);
        File.WriteAllLines(
            folder["validated/metrics.jsonl"],
            lines.Select(line => $$"""{{line[..^1]}},"validation_loss":0.1,"validation_accuracy":90}"""));
        var output = Run("compare", "test", "single", "validated").Output;
        Assert.Matches(@"test .*91\.00 %\*", output);
        Assert.Equal(2, output.Split('*').Length - 1);
        Assert.Contains("\n* chosen on the test images\n", output);
        var rows = JsonDocument.Parse(Run("compare", "test", "single", "validated", "--json").Output).RootElement.GetProperty("runs");
        Assert.Equal(["test", null, "validation"], rows.EnumerateArray().Select(row => row.GetProperty("best_chosen_on").GetString()));
    }

    [Fact]
    public void A_balanced_accuracy_that_differs_is_printed()
    {
        foreach (var (name, balanced) in new[] { ("uneven", 61.25), ("even", 89.5) })
        {
            WriteRun(name, 80, 90);
            var lines = File.ReadAllLines(folder[$"{name}/metrics.jsonl"]);
            lines[1] = FormattableString.Invariant(
                $$"""{{lines[1][..^1]}},"test_class_accuracies":[92.5,null,30],"test_balanced_accuracy":{{balanced}}}""");
            File.WriteAllLines(folder[$"{name}/metrics.jsonl"], lines);
        }

        WriteRun("old", 90);
        var run = Run("compare", "uneven", "even", "old");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(
            "uneven: balanced accuracy 61.25 %, worst class 2 (30.00 %)",
            Assert.Single(run.Output.Split('\n'), line => line.Contains("balanced")));
        Assert.Equal(
            [61.25, 89.5, null],
            JsonDocument.Parse(Run("compare", "uneven", "even", "old", "--json").Output).RootElement.GetProperty("runs").EnumerateArray()
                .Select(row => row.GetProperty("best_balanced_accuracy").Deserialize<double?>()));
    }

    [Fact]
    public void A_run_that_diverged_is_told_apart_and_needs_no_finished_epoch()
    {
        string[] train = ["train", "--arch", "plain", "--train-limit", "64", "--test-limit", "50", "--threads", "1", "--epochs", "1"];
        Assert.Equal(0, Run([.. train, "--out", "fine"]).ExitCode);
        Assert.Equal(1, Run([.. train, "--out", "diverged", "--lr", "1e30"]).ExitCode);
        Assert.Equal("", File.ReadAllText(folder["diverged/metrics.jsonl"]));
        var run = Run("compare", "fine", "diverged");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"diverged +plain +[\d,]+ +0 +- ", run.Output);
        Assert.Matches(@"\ndiverged: diverged: The loss became [^\n]+\n", run.Output);
        Assert.DoesNotContain("fine: finished", run.Output);

        var rows = JsonDocument.Parse(Run("compare", "fine", "diverged", "--json").Output).RootElement.GetProperty("runs");
        Assert.Equal(["finished", "diverged"], rows.EnumerateArray().Select(row => row.GetProperty("status").GetString()));
        Assert.Equal((1, 0), (rows[0].GetProperty("epochs").GetInt32(), rows[1].GetProperty("epochs").GetInt32()));
        Assert.Contains("loss became", rows[1].GetProperty("error").GetString());
        Assert.Equal(JsonValueKind.Null, rows[1].GetProperty("best_accuracy").ValueKind);

        var alone = Run("compare", "diverged", "--plot", "none.png");
        Assert.Equal((0, ""), (alone.ExitCode, alone.Error));
        Assert.DoesNotContain("none.png", folder.Contents);
    }

    [Fact]
    public void An_unfinished_line_of_metrics_is_ignored()
    {
        WriteRun("running", 90, 91);
        File.AppendAllText(folder["running/metrics.jsonl"], """{"epoch":3,"train_lo""");
        Assert.Contains("91.00 %", Run("compare", "running").Output);
    }

    [Fact]
    public void The_table_is_printed_if_the_plot_cannot_be_written()
    {
        WriteRun("fast", 97.5, 98.25, 98.5);
        var plot = Path.Combine("fast", "metrics.jsonl", "plot.png");
        var run = Run("compare", "fast", "--plot", plot);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("98.50 %", run.Output);
        Assert.Matches(@"^warning: [^\n]+plot\.png was not drawn: [^\n]+\nChoose another place for plots with --plot\.\n$", run.Error);

        var json = Run("compare", "fast", "--plot", plot, "--json");
        Assert.Equal(0, json.ExitCode);
        Assert.Equal(JsonValueKind.Null, JsonDocument.Parse(json.Output).RootElement.GetProperty("plot").ValueKind);
    }

    [Fact]
    public void A_path_without_a_run_fails_with_its_name()
    {
        Run("compare", "nowhere").AssertFailed(1, folder["nowhere"]);
        WriteRun("broken", 90);
        foreach (var text in new[] { "[]", "{}", "null", """{"settings":null}""" })
        {
            File.WriteAllText(folder["broken/run.json"], text);
            Run("compare", "broken").AssertFailed(1, folder["broken/run.json"]);
        }

        File.Delete(folder["broken/run.json"]);
        const string Infinite =
            """{"epoch":1,"train_loss":1,"test_loss":1e999,"test_accuracy":1,"train_seconds":1,"test_seconds":1,"images_per_second":1}""";
        foreach (var text in new[] { "{}", "null", Infinite })
        {
            File.WriteAllText(folder["broken/metrics.jsonl"], text + "\n");
            Run("compare", "broken", "--json").AssertFailed(1, folder["broken/metrics.jsonl"]);
        }

        Run("compare", "broken/metrics.jsonl").AssertFailed(1, "is a file");
        File.WriteAllText(folder["broken/metrics.jsonl"], "nonsense\n");
        Run("compare", "broken").AssertFailed(1, folder["broken/metrics.jsonl"]);
        Run("compare").AssertFailed(2);
        Assert.DoesNotContain("compare.png", folder.Contents);
    }

    private void WriteRun(string name, params double[] accuracies)
    {
        Directory.CreateDirectory(folder[name]);
        const string Rest = """ "train_loss":0.1,"test_loss":0.1,"train_seconds":2,"test_seconds":0.5,"images_per_second":30000}""";
        File.WriteAllLines(
            folder[$"{name}/metrics.jsonl"],
            accuracies.Select((accuracy, index) => $$"""{"epoch":{{index + 1}},"test_accuracy":{{accuracy}},{{Rest}}"""));
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);
}
