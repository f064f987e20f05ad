using MnistCnn.Benchmarks.Recipes;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;

namespace MnistCnn.Tests.Recipes;

/// <summary>The benchmark <c>recipes</c> on a tiny set keeps results, resumes killed trainings, and records divergence.</summary>
public sealed class RecipeSuiteTests : IDisposable
{
    private const int Images = 40;

    private readonly TemporaryFolder folder = new();
    private readonly SuiteSet set = new("tiny", Images, new ImageSettings());

    public RecipeSuiteTests()
    {
        SmallPictures.Write(folder["tiny/train"], ["a", "b"], Images / 2);
        SmallPictures.Write(folder["tiny/test"], ["a", "b"], 3, seed: 2);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_result_is_kept_until_the_settings_of_its_recipe_change()
    {
        var rows = Train("suite", "--epochs", "2");
        Assert.Equal(
            [("tiny", 32, "plain", "article", 1L, "finished", 2), ("tiny", 32, "plain", "article", 2L, "finished", 2)],
            rows.Select(row => (row.Set, row.Images, row.Network, row.Recipe, row.Seed, row.Status, row.Epochs)));
        Assert.All(rows, row => Assert.True(row.Accuracy <= row.BestValidationAccuracy && row.Seconds > 0 && row.Label == "changed"));
        Assert.Equal(rows, RecipeRow.ReadCsv(folder["suite/results.csv"]));
        Assert.Equal(
            ["metrics.jsonl", "row.json", "run.json"], Directory.GetFiles(folder["suite/tiny/32/plain/article changed/seed-1"])
                .Select(Path.GetFileName).Order());

        var time = File.GetLastWriteTimeUtc(RowOf("suite", seed: 2));
        Assert.Equal(rows, Train("suite", "--epochs", "2"));
        Assert.Equal(time, File.GetLastWriteTimeUtc(RowOf("suite", seed: 2)));

        var changed = Train("suite", "--epochs", "3");
        Assert.Equal([3, 3], changed.Select(row => row.Epochs));
        Assert.Equal(changed, RecipeSuite.ReadAll(folder["suite"]).OrderBy(row => row.Seed));
    }

    [Fact]
    public void A_diverged_training_is_a_result()
    {
        var rows = Train("suite", "--lr", "1e30", "--epochs", "2");
        Assert.Equal([("diverged", null, null), ("diverged", null, null)],
            rows.Select(row => (row.Status, row.Accuracy, row.BestValidationAccuracy)));
        Assert.Equal(rows, RecipeRow.ReadCsv(folder["suite/results.csv"]));
    }

    [Fact]
    public void A_killed_training_is_resumed_from_its_checkpoint()
    {
        string[] options = ["--epochs", "60"];
        var trial = CreateTrials(options)[0];
        var path = folder[$"killed/{trial.Name}"];
        var train = ProgramRun.Start(folder.FullPath,
        [
            "exec", ProgramRun.ProgramPath, "train", "--arch", "plain", "--seed", "1", "--epochs", "60", "--batch-size", "4",
            "--validation", "8", "--recipe", "article", "--test-limit", "1", "--data", "tiny", "--threads", "1", "--out", path,
        ]);
        while (!train.HasExited && new FileInfo(Path.Combine(path, RunFolder.MetricsFile)) is { Exists: false } or { Length: 0 })
            Thread.Sleep(5);
        train.Kill();
        train.WaitForExit();
        train.Dispose();
        var before = RunInfo.Read(Path.Combine(path, RunFolder.InfoFile));
        Assert.Equal(RunStatus.Running, before.Status);

        var rows = Train("killed", options);
        Assert.Equal(before.Id, RunInfo.Read(Path.Combine(path, RunFolder.InfoFile)).Id);
        Assert.Equal(Train("whole", options).Select(Result), rows.Select(Result));

        static object Result(RecipeRow row) => (row.Seed, row.Epochs, row.Accuracy, row.BestValidationAccuracy);
    }

    private RecipeRow[] Train(string name, params string[] options)
    {
        using var inputs = new RecipeInputs(_ => folder["tiny"]);
        var suite = new RecipeSuite(folder[name], CreateTrials(options), inputs);
        suite.Train(workers: null, _ => { }, CancellationToken.None);
        return [.. suite.ReadResults()];
    }

    private RecipeTrial[] CreateTrials(string[] options) => new RecipePlan(
        IsFinal: false, [set], [null], [Architecture.Find("plain")!], [Recipe.All[0]], [1, 2],
        [new RecipeChange("changed", ["--batch-size", "4", .. options])]).CreateTrials();

    private string RowOf(string name, int seed) => folder[$"{name}/tiny/32/plain/article changed/seed-{seed}/row.json"];
}
