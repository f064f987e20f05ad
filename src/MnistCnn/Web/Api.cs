using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;
using Microsoft.Net.Http.Headers;
using MnistCnn.Data;
using SkiaSharp;

namespace MnistCnn.Web;

/// <summary>Routes of the server: the files of the page, and the data that <c>docs/reference/http-api.md</c> lists.</summary>
/// <param name="stopping">Ends event streams when the server shuts down.</param>
internal sealed class Api(InferenceQueue queue, ModelCache models, TestEvaluator evaluator, RunWatcher runs, CancellationToken stopping)
{
    private static readonly string[] GetOrPost = [HttpMethods.Get, HttpMethods.Post];

    public void Map(IEndpointRouteBuilder app)
    {
        MapPage(app);

        app.MapGet("/api/models", (CancellationToken stop) => queue.Run(() => models.Named.ConvertAll(named => named.Graph.Model), stop));
        var model = app.MapGroup("/api/models/{id}");
        model.MapGet("", (string id, CancellationToken stop) => queue.Run(() => models.Get(id).Graph, stop));
        model.MapMethods("/look", GetOrPost, GetLook);
        model.MapMethods("/map", GetOrPost, GetFeatureMap);
        model.MapMethods("/where", GetOrPost, GetSaliency);
        model.MapGet("/images", GetTestImages);
        model.MapGet("/images/{index:int}.png", GetTestImage);
        model.MapGet("/evaluation", evaluator.Predict);

        app.MapGet("/api/runs", runs.Read);
        app.MapGet("/api/runs/events", (HttpResponse response) =>
        {
            response.Headers["X-Accel-Buffering"] = "no"; // nginx would keep events until its buffer is full
            return TypedResults.ServerSentEvents(runs.Watch(stopping));
        }).RequireRateLimiting(Limits.WatcherPolicy);
    }

    // The files are embedded in the program. A browser that has them gets status 304, by their entity tags.
    private static void MapPage(IEndpointRouteBuilder app)
    {
        var types = new FileExtensionContentTypeProvider().Mappings;
        foreach (var file in new EmbeddedFileProvider(Assembly.GetExecutingAssembly(), "page").GetDirectoryContents(""))
        {
            var type = types[Path.GetExtension(file.Name)];
            type += type.StartsWith("text/", StringComparison.Ordinal) ? "; charset=utf-8" : "";
            var tag = new EntityTagHeaderValue($"\"{file.LastModified.Ticks:x}-{file.Length:x}\"");
            var path = file.Name == "index.html" ? "/" : $"/{file.Name}";
            app.MapGet(path, () => TypedResults.Stream(file.CreateReadStream(), type, entityTag: tag));
        }
    }

    private Task<IResult> GetLook(HttpContext http, [AsParameters] WhatIfQuery query, int? image, int maps = 16, int size = 64) =>
        View(http, query, image, views => views.Look(maps: Math.Clamp(maps, 1, 4096), size: Math.Clamp(size, 1, 1024)));

    private Task<IResult> GetFeatureMap(HttpContext http, [AsParameters] WhatIfQuery query, int? image, string node, int channel = 0) =>
        View(http, query, image, views => views.FeatureMap(node, channel));

    private Task<IResult> GetSaliency(HttpContext http, [AsParameters] WhatIfQuery query, int? image, string method, int @class) =>
        View(http, query, image, views => views.Saliency(method, @class));

    // Shows a test image, or an upload if `image` is null, to a model. Uploads are decoded outside the inference thread.
    private async Task<IResult> View(HttpContext http, WhatIfQuery query, int? image, Func<ActivationViews, byte[]> view)
    {
        var stop = http.RequestAborted;
        var network = image is null ? await queue.Run(() => models.Get(query.Id).Network, stop) : null;
        var upload = network is null ? null : await ImageUpload.Read(http, network);
        var frame = await queue.Run(
            () =>
            {
                var model = models.Get(query.Id);
                if (image is { } index && model.TestImage(index) is var (pixels, label))
                    return view(new ActivationViews(model, query, pixels.bytes.ToArray(), Digits: 1, label, stop));
                return (model.Network.Shape, model.Network.ImageSettings) == (network!.Shape, network.ImageSettings)
                    ? view(new ActivationViews(model, query, upload!.Pixels, upload.Digits, Label: null, stop))
                    : throw new BusyException("The weights file was replaced by another network. Try again.");
            },
            stop);
        http.Response.RegisterForDispose(Limits.HoldMemory(frame.Length));
        return TypedResults.Bytes(frame, "application/octet-stream");
    }

    private Task<TestImages> GetTestImages(string id, CancellationToken stop) => queue.Run(
        () =>
        {
            var data = models.Get(id).Data;
            return new TestImages(data.Test.Count, data.Folder, data.Test.Labels.data<long>().ToArray());
        },
        stop);

    private async Task<IResult> GetTestImage(string id, int index, CancellationToken stop) =>
        TypedResults.Bytes(await queue.Run(() => EncodePng(models.Get(id).TestImage(index).Pixels), stop), "image/png");

    private static byte[] EncodePng(Tensor pixels)
    {
        using var image = TensorImage.Create(pixels.shape[0] == 3 ? pixels : pixels[..1]);
        using var png = image.Encode(SKEncodedImageFormat.Png, quality: 100);
        return png.ToArray();
    }
}
