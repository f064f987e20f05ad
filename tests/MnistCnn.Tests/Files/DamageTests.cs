using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BitMiracle.LibTiff.Classic;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Files;

/// <summary>
/// Reads files of every format, each damaged in a thousand random ways. Readers must fail with one line, or return plausible contents.
/// The environment variable MNIST_CNN_DAMAGES sets another number of ways.
/// </summary>
[Trait("Speed", "Slow")]
public sealed class DamageTests : IDisposable
{
    private static readonly int Count =
        int.Parse(Environment.GetEnvironmentVariable("MNIST_CNN_DAMAGES") ?? "1000", CultureInfo.InvariantCulture);
    private static readonly TrainSettings Settings = new() { Architecture = Architecture.Find("plain")!, Epochs = 1, BatchSize = 8 };

    private readonly TemporaryFolder folder = new();
    private readonly DataSet data;

    public DamageTests()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"]);
        data = IdxReader.Load(folder["data"]);
    }

    public void Dispose()
    {
        data.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Damaged_weights_with_a_checksum_are_refused()
    {
        using var model = Architecture.Find("plain")!.Create();
        var metadata = WeightsMetadata.Of(data) with { Architecture = "plain" };
        new SafetensorsFile(model.state_dict(), metadata.ToDictionary()).Write(folder["weights"]);
        Damage("weights", path => TrainedNetwork.Load(path).Dispose(), mayBeRead: false);
    }

    [Fact]
    public void Damaged_weights_without_a_checksum_are_refused_or_finite()
    {
        File.Copy(Fixture.PathOf("plain-f16.safetensors"), folder["weights"]);
        Damage("weights", path =>
        {
            using var model = TrainedNetwork.Load(path, Architecture.Find("plain")).Network;
            Assert.Null(StateDictionary.NotFinite(model.state_dict()));
        });
    }

    [Fact]
    public void Damaged_checkpoints_are_refused()
    {
        using (var trainer = Trainer.Create(Settings, data, CPU))
        {
            trainer.Fit([], TestContext.Current.CancellationToken);
            Checkpoint.Write(folder["checkpoint"], trainer, RunData.Of(data), "run");
        }

        Damage("checkpoint", path => Checkpoint.Read(path).Dispose(), mayBeRead: false);
    }

    [Theory]
    [InlineData("train-images-idx3-ubyte")]
    [InlineData("train-labels-idx1-ubyte.gz")]
    public void Damaged_data_with_checksums_are_refused(string name)
    {
        WriteSums();
        Damage($"data/{name}", _ => IdxReader.Load(folder["data"]).Dispose(), mayBeRead: false, inPlace: true);
    }

    [Theory]
    [InlineData("SHA256SUMS")]
    [InlineData("t10k-labels-idx1-ubyte.gz")]
    public void Damaged_checksums_and_gzip_files_are_refused_or_change_nothing(string name)
    {
        if (name == "SHA256SUMS")
            WriteSums();
        Damage($"data/{name}", AssertSame, inPlace: true);

        void AssertSame(string _)
        {
            using var other = IdxReader.Load(folder["data"]);
            Assert.True(data.Train.Images.equal(other.Train.Images).all().item<bool>());
            Assert.Equal(data.Test.Labels.data<long>().ToArray(), other.Test.Labels.data<long>().ToArray());
        }
    }

    [Fact]
    public void Damaged_data_without_checksums_are_refused_or_keep_their_size() => Damage(
        "data/train-images-idx3-ubyte",
        _ =>
        {
            using var other = IdxReader.Load(folder["data"]);
            Assert.Equal(data.Train.Images.shape, other.Train.Images.shape);
        },
        inPlace: true);

    [Theory]
    [InlineData(10, "data_batch_3.bin")]
    [InlineData(10, "batches.meta.txt")]
    [InlineData(100, "test.bin")]
    public void Damaged_CIFAR_files_are_refused_or_keep_their_size(int classes, string name)
    {
        Directory.CreateDirectory(folder["cifar"]);
        SmallCifar.Write(folder["cifar"], classes, images: 2);
        Damage(
            $"cifar/{name}",
            _ =>
            {
                using var cifar = CifarReader.Load(folder["cifar"]);
                Assert.Equal([3, 32, 32], cifar.Test.Images.shape[1..]);
                Assert.Equal(classes, cifar.ClassNames.Count);
                Assert.InRange(cifar.Train.Labels.max().item<long>(), 0, classes - 1);
            },
            inPlace: true);
    }

    [Fact]
    public void Damaged_CIFAR_files_with_checksums_are_refused()
    {
        SmallCifar.Write(folder["data"], 10, images: 2);
        WriteSums();
        Damage("data/data_batch_3.bin", _ => CifarReader.Load(folder["data"]).Dispose(), mayBeRead: false, inPlace: true);
    }

    [Theory]
    [InlineData("png")]
    [InlineData("jpg")]
    [InlineData("tif")]
    [InlineData("lzw.tif")]
    [InlineData("pgm")]
    [InlineData("text.ppm")]
    [InlineData("pbm")]
    public void Damaged_images_are_refused_or_keep_their_channels(string kind)
    {
        File.WriteAllBytes(folder["image"], kind switch
        {
            "png" => SmallPictures.Encode(12, 12, (x, y) => new SKColor((byte)(20 * x), (byte)(20 * y), 7)),
            "jpg" => SmallPictures.Encode(12, 12, (x, y) => new SKColor((byte)(20 * x), 7, (byte)(20 * y)), SKEncodedImageFormat.Jpeg),
            "tif" => SmallTiff.Encode(9, 7, 3, 16, Compression.ADOBE_DEFLATE, Orientation.LEFTTOP, Ramp(189, 65535)),
            "lzw.tif" => SmallTiff.Encode(9, 7, 1, 8, Compression.LZW, pages: Ramp(63, 255)),
            "pgm" => [.. "P5 9 7 999\n"u8, .. Ramp(63, 999).SelectMany(value => new[] { (byte)(value >> 8), (byte)value })],
            "text.ppm" => Encoding.ASCII.GetBytes($"P3 # text\n9 7\n99\n{string.Join(' ', Ramp(189, 99))}"),
            _ => [.. "P4 12 9\n"u8, .. Ramp(18, 255).Select(value => (byte)value)],
        });
        Damage("image", path =>
        {
            var contents = ImageDecoder.ReadAllBytes(path);
            var header = ImageDecoder.ReadHeader(contents, path);
            Assert.Equal(192, ImageDecoder.ReadImage(contents, path, new ImageSettings(8, 8, Grey: false))!.Length);
            Assert.True(header is { Height: > 0, Width: > 0 });
        });
    }

    [Theory]
    [InlineData(RunFolder.InfoFile)]
    [InlineData(RunFolder.MetricsFile)]
    public void Damaged_run_records_are_refused_or_can_be_shown(string name)
    {
        var runData = new RunData("data", 20, 10, data.Sha256, data.Normalization, data.ClassNames);
        var info = new RunInfo("run", Settings, 8490, "cpu", 2, new Dictionary<string, string>(), runData, DateTimeOffset.UnixEpoch);
        using (var run = RunFolder.Open(folder["run"], info))
            for (var epoch = 1; epoch <= 3; epoch++)
                run.Append(new EpochMetrics(epoch, 0.5, 0.25, 97.5, 1.5, 0.5, 1000));
        Damage($"run/{name}", _ => JsonSerializer.Serialize(RunRecord.Read(folder["run"])), inPlace: true);
    }

    private void WriteSums() => File.WriteAllLines(
        folder["data/SHA256SUMS"],
        from path in Directory.GetFiles(folder["data"])
        select $"{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))}  {Path.GetFileName(path)}");

    private static int[] Ramp(int count, int max) => [.. Enumerable.Range(0, count).Select(index => index * 37 % (max + 1))];

    // Changes a few bytes, or cuts off the end, or repeats, removes or inserts zeros into a range.
    private static byte[] Damaged(byte[] contents, Random random)
    {
        var (at, other) = (random.Next(contents.Length), random.Next(contents.Length));
        var (from, to) = (Math.Min(at, other), Math.Max(at, other) + 1);
        switch (random.Next(8))
        {
            case 0:
                return contents[..at];
            case 1:
                return [.. contents, .. contents[from..to]];
            case 2:
                return [.. contents[..from], .. contents[to..]];
            case 3:
                return [.. contents[..from], .. new byte[to - from], .. contents[to..]];
            default:
                var changed = (byte[])contents.Clone();
                for (var changes = random.Next(1, 5); changes > 0; changes--)
                    changed[random.Next(random.Next(2) == 0 ? contents.Length : Math.Min(contents.Length, 1000))] = (byte)random.Next(256);
                return changed;
        }
    }

    private void Damage(string name, Action<string> read, bool mayBeRead = true, bool inPlace = false)
    {
        read(folder[name]);
        var contents = File.ReadAllBytes(folder[name]);
        var path = inPlace ? folder[name] : folder["damaged"];
        var refused = 0;
        for (var seed = 0; seed < Count; seed++)
        {
            var damaged = Damaged(contents, new Random(seed));
            if (damaged.AsSpan().SequenceEqual(contents))
                continue;
            File.WriteAllBytes(path, damaged);
            try
            {
                read(path);
                Assert.True(mayBeRead, $"seed {seed} was not seen");
            }
            catch (Exception error) when (error is IOException or InvalidDataException)
            {
                refused++;
                Assert.DoesNotContain('\n', error.Message);
                Assert.Contains(folder.FullPath, error.Message);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"seed {seed}: {error.Message}", error);
            }
        }

        Assert.InRange(refused, Count / 10, Count);
    }
}
