using System.Text;
using System.Text.Json;
using MnistCnn.Benchmarks;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Jobs;
using MnistCnn.Runs;
using MnistCnn.Sweeps;
using MnistCnn.Training;
using Onnx;

namespace MnistCnn.Tests.Documentation;

/// <summary>docs/reference/files.md lists all fields of all files, with their types.</summary>
public sealed class FilesPageTests : IDisposable
{
    internal const string Page = "docs/reference/files.md";

    /// <summary>Tables of records, and of enums, as this page links to them.</summary>
    internal static readonly IReadOnlyDictionary<Type, string> Tables = new Dictionary<Type, string>
    {
        [typeof(TrainSettings)] = "[settings](#training-settings)",
        [typeof(RunData)] = "[data](#data-set)",
        [typeof(Normalization)] = "[normalization](#normalization)",
        [typeof(ImageSettings)] = "[images](#image-settings)",
        [typeof(ImageFit)] = "[fit](#fit)",
        [typeof(Schedule)] = "[schedule](#schedule)",
        [typeof(RunStatus)] = "[status](#status)",
        [typeof(EpochMetrics)] = "[epoch](#metricsjsonl)",
        [typeof(ExperimentSettings)] = "[size](#size-of-an-experiment)",
        [typeof(Verdict)] = "[verdict](#verdict)",
        [typeof(Effect)] = "[effect](#effect)",
        [typeof(EffectUnit)] = "[unit](#unit)",
        [typeof(VerdictOutcome)] = "[outcome](#outcome)",
        [typeof(GridParameter)] = "[parameter](#parameter)",
        [typeof(Origin)] = "[origin](#origin)",
        [typeof(Conditions)] = "[conditions](#conditions)",
        [typeof(Figure)] = "[figure](#figure)",
    };

    private readonly TemporaryFolder folder = new();
    private readonly FieldTables page = new(Page);

    public static TheoryData<string, Type> Records { get; } = new()
    {
        { "run.json", typeof(RunInfo) },
        { "Training settings", typeof(TrainSettings) },
        { "Data set", typeof(RunData) },
        { "Normalization", typeof(Normalization) },
        { "Image settings", typeof(ImageSettings) },
        { "metrics.jsonl", typeof(EpochMetrics) },
        { "find-lr.csv", typeof(LearningRateStep) },
        { "Progress", typeof(TrainingProgress) },
        { "experiment.json", typeof(ExperimentInfo) },
        { "Size of an experiment", typeof(ExperimentSettings) },
        { "Verdict", typeof(Verdict) },
        { "Effect", typeof(Effect) },
        { "sweep.json", typeof(SweepInfo) },
        { "Parameter", typeof(GridParameter) },
        { "Origin", typeof(Origin) },
        { "benchmark.json", typeof(Measurements) },
        { "Conditions", typeof(Conditions) },
        { "Figure", typeof(Figure) },
    };

    public static TheoryData<string, Type> Enums { get; } = new()
    {
        { "Fit", typeof(ImageFit) },
        { "Schedule", typeof(Schedule) },
        { "Status", typeof(RunStatus) },
        { "Unit", typeof(EffectUnit) },
        { "Outcome", typeof(VerdictOutcome) },
    };

    public static TheoryData<string> Experiments { get; } = [.. Experiment.All.Select(experiment => experiment.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Records))]
    public void A_table_lists_the_fields_and_types_of_its_record(string heading, Type record) => page.AssertEqual(heading, record, Tables);

    [Theory]
    [MemberData(nameof(Enums))]
    public void A_table_lists_the_values_of_its_enum(string heading, Type values) => page.AssertValues(heading, values);

    [Theory]
    [MemberData(nameof(Experiments))]
    public void A_table_lists_the_columns_of_an_experiment(string name)
    {
        var heading = FieldTables.HeadingsOf(Page, "###").Single(heading => heading.Split(", ").Contains(name));
        var row = RowOf(Experiment.All.Single(experiment => experiment.Name == name).GetType());
        page.AssertEqual(heading, row, Tables);

        static Type RowOf(Type type) => type.IsGenericType ? type.GenericTypeArguments[0] : RowOf(type.BaseType!);
    }

    [Fact]
    public void The_files_of_runs_have_the_fields_of_the_page()
    {
        WriteMnist();
        SmallPictures.Write(folder["pictures"], ["cat", "dog"], count: 10);
        Train("--validation 10 --augment shift=1 --class-weights balanced --checkpoint-every 1 --tensorboard --data data --out first");
        Train("--weight-decay 0.1 --lr-milestones 2 --clip-norm 1 --init first --freeze --data pictures "
            + "--image-size 28x28 --grey --out second");
        Assert.Equal(1, Run("train --arch plain --lr 1e30 --data data --out diverged").ExitCode);
        foreach (var run in new[] { "first", "second", "diverged" })
            page.AssertDocument("run.json", Json(File.ReadAllText(folder[$"{run}/run.json"])));
        var info = RunInfo.Read(folder["first/run.json"]) with { Replicas = 2, Processes = 2, SecondsWaited = 1, AuxiliaryParameters = 1 };
        var splits = info.Data with { Splits = new Dictionary<string, string> { ["train"] = "train" }, ValidationImages = 1 };
        page.AssertDocument("run.json", JsonSerializer.SerializeToElement(info with { Data = splits }, JsonFormat.Line));
        foreach (var line in File.ReadAllLines(folder["first/metrics.jsonl"]))
            page.AssertDocument("metrics.jsonl", Json(line));
        page.AssertAllSeen("run.json", "Training settings", "Data set", "Normalization", "Image settings", "metrics.jsonl");

        var metadata = Read("first/model.safetensors").Metadata.Keys.Union(Read("second/best.safetensors").Metadata.Keys);
        page.AssertNames("Weights", metadata);
        page.AssertNames("Checkpoints", Read("first/checkpoint.safetensors").Metadata.Keys);
        var tensors = Read("first/checkpoint.safetensors").Tensors;
        page.AssertDocument("Progress", Json(Encoding.UTF8.GetString(tensors["state"].bytes)));
        page.AssertAllSeen("Progress");
        var names = tensors.Keys.Select(name => name.Split('.', 2) is [var kind, _] ? $"{kind}.NAME" : name);
        page.AssertNames("Tensors of a checkpoint", names.Append("step_random_state").Distinct());

        page.AssertHasNames("The run folder", Directory.GetFiles(folder["first"]).Select(NameOf));
        Assert.Equal(0, Run("export first/model.safetensors").ExitCode);
        var keys = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder["first/model.onnx"])).MetadataProps.Select(text => text.Key);
        Assert.Equal(Read("first/model.safetensors").Metadata.Keys.Except(["sha256"]).Order(), keys.Order());
        var events = Encoding.Latin1.GetString(File.ReadAllBytes(Directory.GetFiles(folder["first"], "events.out.tfevents.*").Single()));
        page.AssertOccur("TensorBoard", events);
    }

    [Fact]
    public void The_files_of_an_experiment_have_the_fields_of_the_page()
    {
        WriteMnist();
        Assert.Equal(0, Run("experiment blocks --seeds 2 --epochs 1 --train-limit 20 --data data --out out").ExitCode);
        page.AssertDocument("experiment.json", Json(File.ReadAllText(folder["out/experiment.json"])));
        var info = ExperimentInfo.Read(folder["out"])!;
        var verdicts = info.Verdicts!.Select(verdict => verdict with { Diverged = 1, IsInterim = true }).ToArray();
        var changed = info with { Error = "the disk is full", Verdicts = verdicts };
        page.AssertDocument("experiment.json", JsonSerializer.SerializeToElement(changed, JsonFormat.Line));
        page.AssertAllSeen("experiment.json", "Size of an experiment", "Verdict", "Effect");
        var trial = Json(File.ReadLines(folder["out/trials.jsonl"]).First());
        page.AssertNames("trials.jsonl", trial.EnumerateObject().Select(field => field.Name).Append("diverged"));
        page.AssertNames("blocks, convergence, views", File.ReadLines(folder["out/measurements.csv"]).First().Split(','));
        page.AssertHasNames("The folder of an experiment", Directory.GetFiles(folder["out"]).Select(NameOf));
    }

    [Fact]
    public void The_files_of_a_sweep_have_the_fields_of_the_page()
    {
        SmallPictures.Write(folder["pictures"], ["cat", "dog"], count: 10);
        Assert.Equal(0, Run("sweep lr=0.01,0.1 --init residual --epochs 1 --data pictures --image-size 28x28 --grey --out out").ExitCode);
        page.AssertDocument("sweep.json", Json(File.ReadAllText(folder["out/sweep.json"])));
        page.AssertAllSeen("sweep.json", "Parameter", "Origin", "Image settings");
        page.AssertNames("results.csv", File.ReadLines(folder["out/results.csv"]).First().Split(',').Except(["lr"]));
        page.AssertHasNames("The folder of a sweep", Directory.GetFiles(folder["out"]).Select(NameOf));
    }

    [Fact]
    public void The_saved_measurements_have_the_columns_and_fields_of_the_page()
    {
        foreach (var path in Directory.GetFiles(DocumentationTests.PathOf("docs/measurements"), "*.csv"))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            var heading = FieldTables.HeadingsOf(Page, "###").Single(heading => heading.Split(", ").Contains(name));
            page.AssertHasNames(heading, File.ReadLines(path).First().Split(','));
        }

        foreach (var path in Directory.GetFiles(DocumentationTests.PathOf("docs/measurements"), "*.json"))
            page.AssertDocument(
                Path.GetFileName(path) == "performance.json" ? "benchmark.json" : "experiment.json", Json(File.ReadAllText(path)));
    }

    private static string NameOf(string path) => Path.GetFileName(path).Split("tfevents.") is [var start, _]
        ? $"{start}tfevents..."
        : Path.GetFileName(path);

    private void WriteMnist()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 40, test: 20);
    }

    private void Train(string options) => Assert.Equal(0, Run($"train --arch plain --epochs 2 --batch-size 10 {options}").ExitCode);

    private ProgramRun Run(string command) => ProgramRun.Of(folder.FullPath, command.Split(' '));

    private SafetensorsFile Read(string path) => SafetensorsFile.Read(folder[path]);

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
