using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Tests.Export;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Web;

/// <summary>
/// A server of the bundled networks, of random networks for colour images and with residual blocks, and of a small data set. Several
/// test classes share it.
/// </summary>
public sealed class ServerWithModels : IDisposable
{
    /// <summary>Ids of the models, in order.</summary>
    public static readonly string[] Ids = ["residual", "inception", "colour", "resnet18", "resnet20"];

    [CollectionDefinition]
    public sealed class Shared : ICollectionFixture<ServerWithModels>;

    public ServerWithModels()
    {
        Directory.CreateDirectory(Folder["data"]);
        SmallMnist.Write(Folder["data"], test: 300);
        WriteModel(Folder["colour.safetensors"], "inception", new NetworkShape(3, 24, 20, 7));
        WriteModel(Folder["resnet18.safetensors"], "resnet18", NetworkShape.Mnist);
        WriteModel(Folder["resnet20.safetensors"], "resnet20", NetworkShape.Mnist);
        Server = RunningServer.Start(
            Folder.FullPath,
            "residual",
            "inception",
            "colour.safetensors",
            "resnet18.safetensors",
            "resnet20.safetensors",
            "--data",
            "data");
    }

    public TemporaryFolder Folder { get; } = new();

    public RunningServer Server { get; }

    /// <summary>Weights file of a model.</summary>
    public string FileOf(string id) => File.Exists(Folder[$"{id}.safetensors"]) ? Folder[$"{id}.safetensors"] : ModelLocator.Find(id, null);

    public void Dispose()
    {
        Server.Dispose();
        Folder.Dispose();
    }

    /// <summary>Writes random weights with metadata.</summary>
    internal static void WriteModel(string path, string architecture, NetworkShape shape, params (string Key, string Value)[] metadata)
    {
        using var scope = NewDisposeScope();
        using var network = RandomNetwork.Create(architecture, shape);
        var isMnist = shape == NetworkShape.Mnist;
        var text = new Dictionary<string, string>
        {
            ["architecture"] = architecture,
            ["shape"] = shape.Input,
            ["classes"] = JsonSerializer.Serialize(
                Enumerable.Range(0, shape.Classes).Select(number => isMnist ? $"{number}" : $"class {number}")),
            ["mean"] = "0.25",
            ["deviation"] = "0.5",
            ["fit"] = isMnist ? "ink" : "crop",
        };
        foreach (var (key, value) in metadata)
            text[key] = value;
        new SafetensorsFile(network.state_dict(), text).Write(path);
    }
}
