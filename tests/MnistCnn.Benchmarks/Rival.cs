using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;
using static TorchSharp.torch.utils.data;

namespace MnistCnn.Benchmarks;

/// <summary>The same training with TorchSharp alone: its MNIST, whose images are not normalized, its loader and its defaults.</summary>
public static class Rival
{
    private const int BatchSize = 64;

    /// <summary>Trains for two epochs, evaluates after each and prints the seconds of each as a line of JSON.</summary>
    public static void Train(string name, int trainLimit, int testLimit)
    {
        NativeLibraries.Load();
        var root = Directory.CreateTempSubdirectory("mnist-cnn-rival-").FullName;
        try
        {
            Unpack(root);
            using var trainSet = new Subset(torchvision.datasets.MNIST(root, train: true), trainLimit);
            using var testSet = new Subset(torchvision.datasets.MNIST(root, train: false), testLimit);
            Train(Architecture.Find(name)!, trainSet, testSet);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static void Train(Architecture architecture, Dataset trainSet, Dataset testSet)
    {
        manual_seed(1);
        using var model = architecture.Create();
        using var optimizer = optim.SGD(model.parameters(), 0.01, 0.5);
        using var trainLoader = DataLoader(trainSet, BatchSize, shuffle: true);
        using var testLoader = DataLoader(testSet, BatchSize, shuffle: false);

        for (var epoch = 0; epoch < 2; epoch++)
        {
            var clock = Stopwatch.StartNew();
            foreach (var batch in trainLoader)
            {
                using var scope = NewDisposeScope();
                var loss = cross_entropy(model.call(batch["data"]), batch["label"]);
                optimizer.zero_grad();
                loss.backward();
                optimizer.step();
                loss.item<float>();
            }

            var trainSeconds = clock.Elapsed.TotalSeconds;
            var correct = 0L;
            using (no_grad())
            {
                foreach (var batch in testLoader)
                {
                    using var scope = NewDisposeScope();
                    correct += model.call(batch["data"]).argmax(1).eq(batch["label"]).sum().item<long>();
                }
            }

            Console.WriteLine(JsonSerializer.Serialize(
                new
                {
                    trainSeconds,
                    TestSeconds = clock.Elapsed.TotalSeconds - trainSeconds,
                    TestAccuracy = 100.0 * correct / testSet.Count,
                    Threads = get_num_threads(),
                },
                JsonFormat.Line));
        }
    }

    // Puts the files where TorchSharp's MNIST expects its download.
    private static void Unpack(string root)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, "mnist", "test_data")).FullName;
        foreach (var path in Directory.GetFiles(IdxReader.BundledMnist, "*.gz"))
        {
            using var packed = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            using var file = File.Create(Path.Combine(folder, Path.GetFileNameWithoutExtension(path)));
            packed.CopyTo(file);
        }
    }

    private sealed class Subset(Dataset set, int limit) : Dataset
    {
        public override long Count => Math.Min(limit, set.Count);

        public override Dictionary<string, Tensor> GetTensor(long index) => set.GetTensor(index);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                set.Dispose();
            base.Dispose(disposing);
        }
    }
}
