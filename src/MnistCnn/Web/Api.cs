using System.Buffers;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Training;

namespace MnistCnn.Web;

/// <summary>What the page asks for. <c>docs/serve.md</c> lists it; <see cref="Look"/> and its like say what an answer holds.</summary>
/// <param name="queue">Where networks run.</param>
/// <param name="models">The networks; for the thread of <paramref name="queue"/> alone.</param>
/// <param name="runs">The folder of runs.</param>
/// <param name="stopping">Is cancelled when the server ends.</param>
internal sealed class Api(InferenceQueue queue, Models models, RunWatcher runs, CancellationToken stopping)
{
    // Of an evaluation, since others wait for it: fifty of MNIST's images. Measured on two cores, a stroke meanwhile takes 12 ms instead of
    // 45 with 250 images, and the evaluation is a sixth slower.
    private const long PixelsAtATime = 50 * 28 * 28;

    private static readonly SemaphoreSlim Watchers = new(64);
    private static readonly SemaphoreSlim Evaluations = new(1);
    private static readonly string[] GetOrPost = [HttpMethods.Get, HttpMethods.Post];

    /// <summary>Maps all paths.</summary>
    public void MapPaths(IEndpointRouteBuilder app)
    {
        foreach (var (path, file) in PageFile.All)
            app.MapGet(path, () => file.Result);

        app.MapGet("/api/models", (CancellationToken stop) => queue.Run(() => models.Named.Select(model => model.Graph.Model).ToArray(), stop));
        var model = app.MapGroup("/api/models/{id}");
        model.MapGet("", (string id, CancellationToken stop) => queue.Run(() => models.Get(id).Graph, stop));
        model.MapMethods("/look", GetOrPost, Look);
        model.MapMethods("/map", GetOrPost, Map);
        model.MapMethods("/where", GetOrPost, Where);
        model.MapGet("/images", Images);
        model.MapGet("/images/{index:int}.png", Picture);
        model.MapGet("/evaluation", Answers);

        app.MapGet("/api/runs", runs.Read);
        app.MapGet("/api/runs/events", Events);
    }

    private Task<IResult> Look(string id, HttpRequest request, [AsParameters] Question question, int? image, int maps = 16, int size = 64) => Show(
        id, request, question, image, (viewer, blank, label) => viewer.Look(blank, label, Math.Clamp(maps, 1, 4096), Math.Clamp(size, 1, 1024)));

    private Task<IResult> Map(string id, HttpRequest request, [AsParameters] Question question, int? image, string node, int channel = 0) =>
        Show(id, request, question, image, (viewer, _, _) => viewer.Map(node, channel));

    private Task<IResult> Where(string id, HttpRequest request, [AsParameters] Question question, int? image, string method, int @class) =>
        Show(id, request, question, image, (viewer, _, _) => viewer.Where(method, @class));

    // The picture is read beside the queue, and shown when its turn comes.
    private async Task<IResult> Show(string id, HttpRequest request, Question question, int? image, Func<Viewer, bool, long?, byte[]> answer)
    {
        var stop = request.HttpContext.RequestAborted;
        var held = new HeldBytes();
        request.HttpContext.Response.RegisterForDispose(held);
        var network = image is null ? await queue.Run(() => models.Get(id).Network, stop) : null;
        var (pixels, blank) = network is null ? ([], false) : await Pictures.Read(request, network, held);
        var frame = await queue.Run(
            () =>
            {
                var model = models.Get(id);
                if (network is not null)
                    return (model.Network.Shape, model.Network.Pictures) == (network.Shape, network.Pictures)
                        ? answer(new Viewer(model, question, pixels, stop), blank, null)
                        : throw new BusyException("The network has become another one meanwhile. Ask again.");
                var (chosen, label) = TestImage(model, image!.Value);
                return answer(new Viewer(model, question, chosen, stop), false, label);
            },
            stop);
        held.Add(frame.Length);
        return Results.Bytes(frame, "application/octet-stream");
    }

    private Task<TestImages> Images(string id, CancellationToken stop) => queue.Run(
        () =>
        {
            var data = DataOf(models.Get(id));
            return new TestImages(data.Test.Count, data.Folder, data.Test.Labels.data<long>().ToArray());
        },
        stop);

    private async Task<IResult> Picture(string id, int index, CancellationToken stop)
    {
        var png = await queue.Run(
            () =>
            {
                var model = models.Get(id);
                return ImagePng.Of(TestImage(model, index).Pixels, model.Graph.Model);
            },
            stop);
        return Results.Bytes(png, "image/png");
    }

    private async Task<TestAnswers> Answers(string id, CancellationToken stop)
    {
        var answers = await queue.Run(() =>
        {
            var model = models.Get(id);
            DataOf(model);
            return model.Answers(() => Evaluate(id));
        }, stop);
        return await answers.WaitAsync(stop);
    }

    // One network after the other: several in turn could drive each other out of memory before any is done.
    private async Task<TestAnswers> Evaluate(string id)
    {
        await Evaluations.WaitAsync(stopping);
        try
        {
            return await EvaluateInParts(id);
        }
        finally
        {
            Evaluations.Release();
        }
    }

    // Some images at a time, so that others come in between; all by the same weights.
    private async Task<TestAnswers> EvaluateInParts(string id)
    {
        List<Evaluation> parts = [];
        var (done, count, last) = (0L, 1L, (object?)null);
        while (done < count)
            await queue.Run(
                () =>
                {
                    var model = models.Get(id);
                    if (model.Network.Network != last)
                    {
                        parts.Clear();
                        (done, last) = (0, model.Network.Network);
                    }

                    var (network, test) = (model.Network, DataOf(model).Test);
                    count = test.Count;
                    var some = Math.Clamp(PixelsAtATime / (network.Shape.Height * network.Shape.Width), 1, Math.Min(Evaluation.BatchSize, count - done));
                    using var images = test.Slice(done, some).To(model.Device);
                    parts.Add(Evaluation.Run(network.Network, images, network.Normalization, (int)some));
                    return done += some;
                },
                stopping,
                isPart: true);
        return new TestAnswers(
            100.0 * parts.Sum(part => part.Correct) / count,
            parts.Sum(part => part.Loss * part.Total) / count,
            [.. parts.SelectMany(part => part.Labels)],
            [.. parts.SelectMany(part => part.Predictions)],
            [.. parts.SelectMany(part => part.Confidences)]);
    }

    private async Task Events(HttpContext context)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        if (!Watchers.Wait(0, CancellationToken.None))
            throw new BusyException("Too many are watching already. Try again in a moment.");
        try
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.Body.FlushAsync(both.Token); // where there are no runs yet, the page is told that it is connected
            await SseFormatter.WriteAsync(
                runs.Watch(both.Token),
                context.Response.Body,
                (run, output) => output.Write(JsonSerializer.SerializeToUtf8Bytes(run.Data, run.Data.GetType(), JsonFormat.Line)),
                both.Token);
        }
        catch (OperationCanceledException)
        {
            // The page was closed, or the server ends.
        }
        finally
        {
            Watchers.Release();
        }
    }

    private static DataSet DataOf(ServedModel model) =>
        model.Data ?? throw new NotFoundException($"There are no test images of the kind that {model.Graph.Model.Id} takes. Name a data set with --data.");

    private static (byte[] Pixels, long Label) TestImage(ServedModel model, int index)
    {
        var test = DataOf(model).Test;
        if (index < 0 || index >= test.Count)
            throw new NotFoundException($"There is no test image {index}: there are {test.Count}.");
        return (test.Images[index].bytes.ToArray(), test.Labels[index].item<long>());
    }
}
