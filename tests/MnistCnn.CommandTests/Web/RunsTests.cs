using System.Net;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using MnistCnn.Web;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Web;

/// <summary>Runs whose files change while the server watches. The folder of runs does not exist before a test.</summary>
public sealed class RunsTests(RunsTests.ServerOfRuns shared) : IClassFixture<RunsTests.ServerOfRuns>, IDisposable
{
    private static readonly string[] Fields =
    [
        "name", "epochs", "model", "architecture", "seed", "batch_size", "learning_rate", "status", "error", "started", "data",
        "total_epochs", "problem",
    ];

    private static readonly EpochMetrics Epoch = new(1, 0.5, 0.25, 90, 1, 0.1, 1000);

    private readonly TemporaryFolder folder = shared.Folder;

    private RunningServer Server => shared.Server;

    public void Dispose() => Directory.Delete(folder["runs"], recursive: true);

    [Fact]
    public async Task A_run_is_reported_from_its_start_to_its_deletion()
    {
        var none = await Server.Json("/api/runs");
        Assert.Equal((folder["runs"], 0), (none.GetProperty("folder").GetString(), none.GetProperty("runs").GetArrayLength()));
        await using var events = await Events();
        using (var run = Create("first"))
        {
            var started = await events.Next("run");
            Assert.Equal(Fields, started.EnumerateObject().Select(field => field.Name));
            Assert.Equal(("first", "running", "plain", 0), Summary(started));
            Assert.Equal((7, 32, 0.05, 3, "data"), (
                started.GetProperty("seed").GetInt32(), started.GetProperty("batch_size").GetInt32(),
                started.GetProperty("learning_rate").GetDouble(),
                started.GetProperty("total_epochs").GetInt32(), started.GetProperty("data").GetString()));
            Assert.Equal(DateTimeOffset.UnixEpoch, started.GetProperty("started").GetDateTimeOffset());
            Assert.All(["model", "error", "problem"], field => Assert.Equal(JsonValueKind.Null, started.GetProperty(field).ValueKind));

            run.Append(Epoch);
            var learnt = await events.Next("run");
            Assert.Equal(("first", "running", "plain", 1), Summary(learnt));
            Assert.Equal((1, 0.5, 90.0), (
                learnt.GetProperty("epochs")[0].GetProperty("epoch").GetInt32(),
                learnt.GetProperty("epochs")[0].GetProperty("train_loss").GetDouble(),
                learnt.GetProperty("epochs")[0].GetProperty("test_accuracy").GetDouble()));

            WriteWeights("first", 1);
            Assert.Equal("run:first", (await events.Next("run")).GetProperty("model").GetString());
            run.Finish(RunStatus.Finished);
            Assert.Equal(("first", "finished", "plain", 1), Summary(await events.Next("run")));
        }

        Create("second").Dispose();
        Assert.Equal("second", (await events.Next("run")).GetProperty("name").GetString());
        Assert.Equal(2, (await Server.Json("/api/runs")).GetProperty("runs").GetArrayLength());
        Directory.Delete(folder["runs/first"], recursive: true);
        Assert.Equal("first", (await events.Next("gone")).GetProperty("name").GetString());
        await using var later = await Events();
        Assert.Equal("second", (await later.Next("run")).GetProperty("name").GetString());
    }

    // kill -9, a power failure or the end of a container leave run.json and run.lock behind. Locks of other machines may be invisible.
    [Fact]
    public async Task A_run_whose_process_was_killed_is_interrupted()
    {
        var lockFile = folder["runs/killed/run.lock"];
        await using var events = await Events();
        using (Create("killed"))
        {
            Assert.Equal("running", (await events.Next("run")).GetProperty("status").GetString());
            File.SetLastWriteTimeUtc(lockFile, DateTime.UtcNow.AddHours(-1)); // its process was suspended, but has it locked
            Assert.Equal("running", await Status());
        }

        Assert.Equal("interrupted", (await events.Next("run")).GetProperty("status").GetString());
        File.WriteAllText(lockFile, "x");
        Assert.Equal("running", (await events.Next("run")).GetProperty("status").GetString());
        File.SetLastWriteTimeUtc(lockFile, DateTime.UtcNow.AddSeconds(-70));
        Assert.Equal("interrupted", (await events.Next("run")).GetProperty("status").GetString());
        Assert.Equal("interrupted", await Status());

        using (Create("killed"))
            Assert.Equal("running", (await events.Next("run")).GetProperty("status").GetString());

        async Task<string?> Status() => (await Server.Json("/api/runs")).GetProperty("runs")[0].GetProperty("status").GetString();
    }

    // At most 64 pages may watch at once.
    [Fact]
    public async Task A_closed_page_no_longer_counts_as_a_watcher()
    {
        Directory.CreateDirectory(folder["runs"]);
        for (var visit = 1; visit <= 65; visit++)
            await (await Events()).DisposeAsync();
    }

    [Fact]
    public async Task A_keep_alive_is_sent_at_the_start_and_while_nothing_changes()
    {
        Directory.CreateDirectory(folder["runs"]);
        var stop = TestContext.Current.CancellationToken;
        await using var events = new RunWatcher(folder["runs"], pause: 0.001).Watch(stop).GetAsyncEnumerator(stop);
        for (var count = 0; count < 2; count++)
        {
            Assert.True(await events.MoveNextAsync());
            Assert.Equal("alive", events.Current.EventType);
        }
    }

    [Theory]
    [InlineData("run.json", "", "run.json is empty")]
    [InlineData("run.json", "{\"settings\": ", "run.json is damaged")]
    [InlineData("run.json", "[]", "run.json is damaged")]
    [InlineData("run.json", "null", "run.json is damaged")]
    [InlineData("metrics.jsonl", "{\"epoch\": 1}\n", "metrics.jsonl is damaged")]
    [InlineData("metrics.jsonl", "\u0000\u0000\n", "metrics.jsonl is damaged")]
    public async Task A_damaged_run_is_reported_in_one_line_and_hides_no_other(string file, string contents, string problem)
    {
        Create("whole").Dispose();
        Create("broken").Dispose();
        File.WriteAllText(folder[$"runs/broken/{file}"], contents);
        Directory.CreateDirectory(folder["runs/not a run"]);
        File.WriteAllText(folder["runs/file"], "");
        var runs = (await Server.Json("/api/runs")).GetProperty("runs").EnumerateArray()
            .ToDictionary(run => run.GetProperty("name").GetString()!);
        Assert.Equal(["broken", "whole"], runs.Keys.Order());
        Assert.Contains(problem, runs["broken"].GetProperty("problem").GetString());
        Assert.DoesNotContain('\n', runs["broken"].GetProperty("problem").GetString()!);
        Assert.Equal(JsonValueKind.Null, runs["whole"].GetProperty("problem").ValueKind);

        await using var events = await Events();
        Assert.Equal(
            ["broken", "whole"],
            new[] { await events.Next("run"), await events.Next("run") }.Select(run => run.GetProperty("name").GetString()).Order());
    }

    [Fact]
    public async Task An_infinite_number_in_a_file_is_damage()
    {
        Create("endless").Dispose();
        var info = File.ReadAllText(folder["runs/endless/run.json"]);
        File.WriteAllText(folder["runs/endless/run.json"], info.Replace("\"learning_rate\": 0.05", "\"learning_rate\": 1e999"));
        Assert.NotEqual(info, File.ReadAllText(folder["runs/endless/run.json"]));
        Assert.Contains(
            "learning_rate",
            Assert.Single((await Server.Json("/api/runs")).GetProperty("runs").EnumerateArray()).GetProperty("problem").GetString());
    }

    // As tests/reference/article.py writes it.
    [Fact]
    public async Task An_incomplete_line_of_metrics_is_ignored()
    {
        using (var run = Create("appended"))
            run.Append(Epoch);
        File.AppendAllText(folder["runs/appended/metrics.jsonl"], "{\"epoch\": 2, \"train_l");
        Assert.Equal(("appended", "interrupted", "plain", 1), Summary((await Server.Json("/api/runs")).GetProperty("runs")[0]));
    }

    [Fact]
    public async Task The_model_of_a_run_is_its_latest_undamaged_file()
    {
        Create("run").Dispose();
        var (one, other) = (WeightsOf(1), WeightsOf(2));
        var (answerOfOne, answerOfOther) = (Answer(one), Answer(other));
        var path = folder["runs/run/best.safetensors"];
        Assert.Contains("does not exist", await Server.Refusal(HttpStatusCode.NotFound, "/api/models/run:run/look?image=0"));
        File.WriteAllBytes(path, one[..^100]);
        Assert.Contains(path, await Server.Refusal(HttpStatusCode.InternalServerError, "/api/models/run:run/look?image=0"));

        Replace(path, one);
        Assert.Equal(answerOfOne, await Answer("run"), Near);
        Replace(path, other);
        Assert.Equal(answerOfOther, await Answer("run"), Near);
        foreach (var damaged in new byte[][] { [], one[..100], one[..^100], [.. one[..^1], (byte)~one[^1]] })
        {
            File.WriteAllBytes(path, damaged);
            Assert.Equal(answerOfOther, await Answer("run"), Near);
        }

        Replace(path, one);
        Assert.Equal(answerOfOne, await Answer("run"), Near);
        File.Delete(path);
        Assert.Contains("does not exist", await Server.Refusal(HttpStatusCode.NotFound, "/api/models/run:run/look?image=0"));
        File.WriteAllBytes(path, other[..^100]);
        Assert.Contains("damaged", await Server.Refusal(HttpStatusCode.InternalServerError, "/api/models/run:run/look?image=0"));
        Replace(path, other);
        Assert.Equal(answerOfOther, await Answer("run"), Near);
        Directory.Delete(folder["runs/run"], recursive: true);
        Assert.Contains("There is no network 'run:run'", await Server.Refusal(HttpStatusCode.NotFound, "/api/models/run:run"));
    }

    // Experiments write such runs.
    [Fact]
    public async Task A_run_of_an_unknown_architecture_has_no_model()
    {
        Create("twin", "plain-twin").Dispose();
        WriteWeights("twin", 1);
        var run = Assert.Single((await Server.Json("/api/runs")).GetProperty("runs").EnumerateArray());
        Assert.Equal(("twin", "interrupted", "plain-twin", 0), Summary(run));
        Assert.All(["model", "error", "problem"], field => Assert.Equal(JsonValueKind.Null, run.GetProperty(field).ValueKind));
    }

    [Fact]
    public async Task Every_prediction_is_of_complete_weights_while_a_run_writes_them()
    {
        Create("run").Dispose();
        byte[][] weights = [WeightsOf(1), WeightsOf(2)];
        float[][] answers = [.. weights.Select(Answer)];
        using var data = IdxReader.Load(folder["data"], trainLimit: 1);
        var path = folder["runs/run/best.safetensors"];
        Replace(path, weights[0]);
        using var done = new CancellationTokenSource();
        var writer = Task.Run(
            async () =>
            {
                for (var count = 1; !done.IsCancellationRequested; count++)
                {
                    if (count % 5 == 0)
                        File.WriteAllBytes(path, weights[0][..(weights[0].Length / 2)]); // an incomplete copy
                    await Task.Delay(10, TestContext.Current.CancellationToken);
                    Replace(path, weights[count % 2]);
                    await Task.Delay(10, TestContext.Current.CancellationToken);
                }
            },
            TestContext.Current.CancellationToken);
        try
        {
            var seen = new HashSet<int>();
            for (var count = 0; count < 100; count++)
            {
                var answer = await Answer("run");
                var which = Array.FindIndex(answers, expected => expected.Zip(answer).All(pair => Near(pair.First, pair.Second)));
                Assert.InRange(which, 0, 1);
                seen.Add(which);
            }

            Assert.Equal([0, 1], seen.Order());
        }
        finally
        {
            await done.CancelAsync();
            await writer;
        }
    }

    // The evaluation runs in parts, and the file changes between them.
    [Fact]
    public async Task All_test_images_are_classified_with_the_same_weights()
    {
        Create("run").Dispose();
        byte[][] weights = [WeightsOf(1), WeightsOf(2)];
        double[] accuracies = [.. weights.Select(Accuracy)];
        Assert.NotEqual(accuracies[0], accuracies[1]);
        var path = folder["runs/run/best.safetensors"];
        Replace(path, weights[0]);
        var answers = Server.Json("/api/models/run:run/evaluation");
        for (var count = 1; count < 12; count++)
        {
            await Task.Delay(15, TestContext.Current.CancellationToken);
            Replace(path, weights[count % 2]);
        }

        var answer = await answers;
        Assert.Contains(answer.GetProperty("accuracy").GetDouble(), accuracies);
        Assert.Equal(ServerOfRuns.TestImages, answer.GetProperty("predictions").GetArrayLength());
        Assert.Equal(accuracies[1], (await Server.Json("/api/models/run:run/evaluation")).GetProperty("accuracy").GetDouble());
    }

    [Fact]
    public async Task An_evaluation_ends_although_the_file_is_written_all_the_time()
    {
        Create("run").Dispose();
        byte[][] weights = [WeightsOf(1), WeightsOf(2)];
        var path = folder["runs/run/best.safetensors"];
        Replace(path, weights[0]);
        var answer = Server.Json("/api/models/run:run/evaluation")
            .WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        for (var count = 1; !answer.IsCompleted; count++)
        {
            Replace(path, weights[count % 2]);
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        Assert.Contains((await answer).GetProperty("accuracy").GetDouble(), weights.Select(Accuracy));
    }

    // A clock that is ahead, as of a file server, and archives without times.
    [Theory]
    [InlineData(1.0)]
    [InlineData(400.0)]
    [InlineData(-400_000.0)]
    [InlineData(null)]
    public async Task An_evaluation_ends_whatever_the_time_of_the_file(double? daysFromNow)
    {
        Create("run").Dispose();
        var weights = WriteWeights("run", 1);
        var time = daysFromNow is { } days ? DateTime.UtcNow.AddDays(days) : new DateTime(1601, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(folder["runs/run/best.safetensors"], time < new DateTime(1601, 1, 1) ? DateTime.UnixEpoch : time);
        var evaluations = await Task.WhenAll(Server.Json("/api/models/run:run/evaluation"), Server.Json("/api/models/residual/evaluation"))
            .WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.Equal(Accuracy(weights), evaluations[0].GetProperty("accuracy").GetDouble());
    }

    // FAT and some file servers store whole seconds, or every other one.
    [Fact]
    public async Task A_second_write_within_the_resolution_of_the_times_is_seen()
    {
        Create("run").Dispose();
        var path = folder["runs/run/best.safetensors"];
        var now = DateTime.UtcNow;
        var time = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond) + TimeSpan.TicksPerSecond);
        foreach (var seed in new[] { 1, 2 })
        {
            var expected = Answer(WriteWeights("run", seed));
            File.SetLastWriteTimeUtc(path, time);
            Assert.Equal(expected, await Answer("run"), Near);
        }
    }

    [Fact]
    public async Task More_runs_than_stay_in_memory_can_be_shown()
    {
        var answers = new List<float[]>();
        for (var number = 0; number < 7; number++)
        {
            Create($"run {number}").Dispose();
            answers.Add(Answer(WriteWeights($"run {number}", number)));
        }

        var evaluation = Server.Json("/api/models/run:run%200/evaluation"); // continues when others evict its model
        foreach (var number in new[] { 0, 1, 2, 3, 4, 5, 6, 0, 6, 3, 0 })
            Assert.Equal(answers[number], await Answer($"run {number}"), Near);
        Assert.Equal(Accuracy(WeightsOf(0)), (await evaluation).GetProperty("accuracy").GetDouble());
        Assert.Equal(
            ["residual"], (await Server.Json("/api/models")).EnumerateArray().Select(model => model.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task More_runs_than_stay_in_memory_can_be_evaluated_at_once()
    {
        var numbers = Enumerable.Range(0, 6).ToArray();
        foreach (var number in numbers)
        {
            Create($"run {number}").Dispose();
            WriteWeights($"run {number}", number);
        }

        var evaluations = await Task.WhenAll(numbers.Select(number => Server.Json($"/api/models/run:run%20{number}/evaluation")))
            .WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);
        Assert.Equal(
            numbers.Select(number => Accuracy(WeightsOf(number))),
            evaluations.Select(evaluation => evaluation.GetProperty("accuracy").GetDouble()));
    }

    private static bool Near(float x, float y) => Math.Abs(x - y) < 1e-4;

    private static (string Name, string Status, string Architecture, int Epochs) Summary(JsonElement run) => (
        run.GetProperty("name").GetString()!, run.GetProperty("status").GetString()!, run.GetProperty("architecture").GetString()!,
        run.GetProperty("epochs").GetArrayLength());

    // As a trainer does.
    private static void Replace(string path, byte[] contents) => AtomicFile.Write(path, stream => stream.Write(contents));

    private RunFolder Create(string name, string architecture = "plain") => RunFolder.Open(folder[$"runs/{name}"], new RunInfo(
        name, new TrainSettings
        {
            Architecture = Architecture.Default with { Name = architecture },
            Epochs = 3,
            BatchSize = 32,
            LearningRate = 0.05,
            Seed = 7,
        }, 8490, "cpu", 2,
        new Dictionary<string, string>(),
        new RunData("data", 20, 10, new Dictionary<string, string>(), Normalization.Mnist, []), DateTimeOffset.UnixEpoch));

    private byte[] WriteWeights(string name, int seed)
    {
        var weights = WeightsOf(seed);
        Replace(folder[$"runs/{name}/best.safetensors"], weights);
        return weights;
    }

    private byte[] WeightsOf(int seed)
    {
        using var scope = NewDisposeScope();
        using var network = Architecture.Find("plain")!.Create();
        foreach (var parameter in network.parameters())
            using (var generator = new Generator((ulong)seed))
                parameter.detach().copy_(randn(parameter.shape, generator: generator) * 0.1);
        new SafetensorsFile(network.state_dict(), new Dictionary<string, string> { ["architecture"] = "plain" }).Write(folder["weights"]);
        return File.ReadAllBytes(folder["weights"]);
    }

    private T Of<T>(byte[] weights, Func<TrainedNetwork, DataSet, T> ask)
    {
        File.WriteAllBytes(folder["weights"], weights);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var network = TrainedNetwork.Load(folder["weights"]);
        using var data = IdxReader.Load(folder["data"], trainLimit: 1);
        network.Network.eval();
        return ask(network, data);
    }

    private float[] Answer(byte[] weights) => Of(weights, (network, data) =>
        network.Network.call(network.Normalization.Apply(data.Test.Images[..1])).data<float>().ToArray());

    private double Accuracy(byte[] weights) =>
        Of(weights, (network, data) => Evaluator.Evaluate(network.Network, data.Test, network.Normalization).Accuracy);

    private async Task<float[]> Answer(string run)
    {
        var look = await Server.Frame($"/api/models/{Uri.EscapeDataString($"run:{run}")}/look?image=0&maps=1&size=1");
        return [.. Frame.Doubles(look["logits"]).Select(logit => (float)logit)];
    }

    // Also if there is no run yet, the stream is open at once.
    private async Task<EventStream> Events()
    {
        var response = await Server.Client.GetAsync(
            "/api/runs/events", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (response.StatusCode, response.Content.Headers.ContentType?.ToString()));
        var events = new EventStream(
            response, new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken)));
        await events.Next("alive");
        return events;
    }

    /// <summary>Server-sent events as a browser reads them.</summary>
    private sealed class EventStream(HttpResponseMessage answer, StreamReader reader) : IAsyncDisposable
    {
        /// <summary>The next one, which must be of that kind.</summary>
        public async Task<JsonElement> Next(string kind)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            patience.CancelAfter(TimeSpan.FromMinutes(1));
            Assert.Equal($"event: {kind}", await reader.ReadLineAsync(patience.Token));
            var data = (await reader.ReadLineAsync(patience.Token))!;
            Assert.StartsWith("data: {", data);
            Assert.Equal("", await reader.ReadLineAsync(patience.Token));
            return JsonDocument.Parse(data["data: ".Length..]).RootElement;
        }

        public ValueTask DisposeAsync()
        {
            reader.Dispose();
            answer.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>A server of one network that is ready, of a folder of runs that is not there yet, and of a data set.</summary>
    public sealed class ServerOfRuns : IDisposable
    {
        public ServerOfRuns()
        {
            Directory.CreateDirectory(Folder["data"]);
            SmallMnist.Write(Folder["data"], test: TestImages);
            Server = RunningServer.Start(Folder.FullPath, "residual", "--data", "data");
        }

        public const int TestImages = 2000;

        public TemporaryFolder Folder { get; } = new();

        public RunningServer Server { get; }

        public void Dispose()
        {
            Server.Dispose();
            Folder.Dispose();
        }
    }
}
