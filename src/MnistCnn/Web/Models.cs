using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Web;

/// <summary>
/// The networks that can be looked into: those that were named, and those of the runs, which are loaded when they are asked for. To be
/// used by the thread of the <see cref="InferenceQueue"/> alone.
/// </summary>
/// <param name="device">Where they run.</param>
/// <param name="named">The files of those that were named, by id; these stay loaded.</param>
/// <param name="architecture">What the named ones must be; null for what their files say.</param>
/// <param name="runs">The folder of runs.</param>
/// <param name="data">The data set whose test images they can be shown.</param>
internal sealed class Models(Device device, IReadOnlyDictionary<string, string> named, Architecture? architecture, RunWatcher runs, DataSet data) : IDisposable
{
    // Of runs; so memory stays within bounds, whatever is looked at.
    private const int MostLoaded = 4;
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(0.1);

    private readonly Dictionary<string, ServedModel> loaded = [];
    private readonly List<string> ofRuns = []; // the one that was loaded first, first

    /// <summary>Those that were named.</summary>
    public IEnumerable<ServedModel> Named => named.Keys.Select(Get);

    /// <summary>
    /// A network, to be used until the next one is asked for. That of a run that has learnt since is loaded again; where its file is not
    /// whole, as while it is copied, the one that is loaded stays. Where it has gone, that of a run has too: the run may start anew.
    /// </summary>
    /// <exception cref="NotFoundException">There is none of that id.</exception>
    /// <exception cref="IOException">Its file is gone or cannot be read.</exception>
    /// <exception cref="InvalidDataException">Its file is damaged.</exception>
    public ServedModel Get(string id)
    {
        var path = named.GetValueOrDefault(id) ?? runs.ModelOf(id) ?? throw new NotFoundException($"There is no network '{id}'.");
        var written = File.GetLastWriteTimeUtc(path);
        if (loaded.TryGetValue(id, out var model) && model.Written == written)
            return model;
        // The clock of files ticks slowly: what was just written may be written again within the same tick.
        if (DateTime.UtcNow - written < Tick)
            written = DateTime.MinValue;
        try
        {
            var network = TrainedNetwork.Load(path, named.ContainsKey(id) ? architecture : null);
            loaded[id] = ServedModel.Of(network, id, path, written, device, data);
            model?.Dispose();
        }
        catch (FileNotFoundException) when (!named.ContainsKey(id))
        {
            Unload(id);
            throw;
        }
        catch (Exception error) when (model is not null && error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return loaded[id] = model! with { Written = written }; // so it is not read again until it is written again
        }

        if (!named.ContainsKey(id))
            MakeRoom(id);
        return loaded[id];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in loaded.Values)
            model.Dispose();
    }

    private void MakeRoom(string newest)
    {
        ofRuns.Remove(newest);
        ofRuns.Add(newest);
        if (ofRuns.Count > MostLoaded)
            Unload(ofRuns[0]);
    }

    private void Unload(string id)
    {
        ofRuns.Remove(id);
        if (loaded.Remove(id, out var model))
            model.Dispose();
    }
}

/// <summary>A network that is looked into.</summary>
/// <param name="Network">The network, in evaluation mode, without gradients of its weights.</param>
/// <param name="Graph">What it computes.</param>
/// <param name="Data">The data set whose test images it can be shown, if they are of its kind.</param>
/// <param name="Device">Where it runs.</param>
/// <param name="Written">When its file was written.</param>
internal sealed record ServedModel(TrainedNetwork Network, ModelGraph Graph, DataSet? Data, Device Device, DateTime Written) : IDisposable
{
    private Task<TestAnswers>? answers;

    /// <summary>What it answers to the test images, computed when it is first asked for; again where that failed.</summary>
    public Task<TestAnswers> Answers(Func<Task<TestAnswers>> compute) => answers is null or { IsFaulted: true } or { IsCanceled: true } ? answers = compute() : answers;

    /// <summary>Makes a network ready to be looked into.</summary>
    public static ServedModel Of(TrainedNetwork network, string id, string path, DateTime written, Device device, DataSet data)
    {
        network = network.To(device);
        network.Network.eval();
        foreach (var parameter in network.Network.parameters())
            parameter.requires_grad = false;
        var hasImages = Trainer.ShapeOf(data).Input == network.Shape.Input && ClassNames.Mismatch(network.ClassNames, data.ClassNames, data.Folder) is null;
        return new ServedModel(network, GraphOf(id, path, network, device, hasImages), hasImages ? data : null, device, written);
    }

    /// <inheritdoc/>
    public void Dispose() => Network.Dispose();

    private static ModelGraph GraphOf(string id, string path, TrainedNetwork network, Device device, bool hasImages)
    {
        using var scope = NewDisposeScope();
        var (shape, architecture) = (network.Shape, network.Architecture);
        // Of no images: nothing is computed but shapes.
        var nodes = ActivationTrace.Run(network.Network, empty([0, shape.Channels, shape.Height, shape.Width], device: device)).Nodes;
        var blocks = Ablation.BlockOf(nodes);
        var info = new ModelInfo(
            id, architecture.Title, architecture.Name, Path.GetFileName(path), shape.Channels, shape.Height, shape.Width, network.ClassNames,
            network.Pictures.Fit is ImageFit.Ink, network.Network.parameters().Sum(parameter => parameter.numel()), network.TestAccuracy,
            ModelLocator.IsChosenOnTest(path), hasImages);
        return new ModelGraph(
            info,
            [
                .. nodes.Select(node => new NodeInfo(
                    node.Name, node.Operation, node.Module, blocks[node.Name], node.Inputs, node.Value.shape[1..],
                    node.Window?.Kernel, node.Window?.Stride, node.Window?.Padding,
                    node.Layer?.parameters(recurse: false).Sum(parameter => parameter.numel()) ?? 0)),
            ],
            [
                .. Ablation.Find(network.Network, nodes).Select(found => new SwitchInfo(
                    $"{found.Kind}".ToLowerInvariant(), found.Block, found.Override.Node, found.Override.Input, found.Override.Replacement)),
            ]);
    }
}

/// <summary>What was asked for is not there: the message says what, in a line.</summary>
internal sealed class NotFoundException(string message) : Exception(message);
