using System.Diagnostics;
using MnistCnn.Data;
using MnistCnn.Runtime;
using MnistCnn.Tests.Training;
using MnistCnn.Training;
using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

[Trait("Speed", "Slow")]
public sealed class ImageFolderTests : IDisposable
{
    private static readonly string[] Classes = ["ant", "bee", "cat"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // MNIST as PNG files, and as IDX files in the order of that folder.
    [Fact]
    public void An_image_folder_gives_the_same_losses_as_its_images_in_IDX_files()
    {
        using (var mnist = DataReader.Load(IdxReader.BundledMnist, trainLimit: 700, testLimit: 200))
        {
            SmallPictures.WriteImages(mnist.Train, folder["pictures/train"]);
            SmallPictures.WriteImages(mnist.Test, folder["pictures/test"]);
        }

        using var pictures = DataReader.Load(folder["pictures"], new ImageSettings(Fit: ImageFit.Stretch));
        Assert.Equal("900 grey images of 28x28 in 10 classes, 78 % to train on", pictures.Description);
        SmallMnist.Write(folder["idx"], pictures);
        using var idx = DataReader.Load(folder["idx"]);
        Assert.Equal(idx.Train.Images.bytes.ToArray(), pictures.Train.Images.bytes.ToArray());
        Assert.Equal(idx.Test.Images.bytes.ToArray(), pictures.Test.Images.bytes.ToArray());
        Assert.Equal(idx.Test.Labels.data<long>().ToArray(), pictures.Test.Labels.data<long>().ToArray());
        Assert.Equal(idx.Normalization, pictures.Normalization);
        Assert.Equal(idx.ClassNames, pictures.ClassNames);
        Assert.Equal(Losses(idx), Losses(pictures));
    }

    [Fact]
    public void Classes_are_the_subfolders_in_the_order_of_their_names()
    {
        string[] names = ["zebra", "Апельсин", "two words", "一"];
        SmallPictures.Write(folder.FullPath, names, count: 5);
        using var data = Load();
        Assert.Equal(["two words", "zebra", "Апельсин", "一"], data.ClassNames);
        Assert.Equal((3, 16, 16, ImageFit.Crop), (data.Channels, data.Height, data.Width, data.Fit));
        Assert.Equal([0, 1, 2, 3], data.Test.Labels.data<long>().ToArray());
    }

    [Fact]
    public void The_split_depends_only_on_the_bytes_of_the_files()
    {
        SmallPictures.Write(folder["here"], Classes, count: 20);
        foreach (var path in Directory.GetFiles(folder["here"], "*.png", SearchOption.AllDirectories).Reverse())
        {
            var copy = path.Replace(folder["here"], folder["there"]);
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(path, copy);
        }

        using var here = Load("here");
        using var there = Load("there");
        Assert.Equal(here.Test.Images.bytes.ToArray(), there.Test.Images.bytes.ToArray());
        Assert.Equal(here.Sha256, there.Sha256);
        Assert.Equal((48, 12), (here.Train.Count, here.Test.Count));

        // A larger test has the smaller one inside, and no image is on both sides.
        using var larger = Load("here", new ImageSettings(TestShare: 0.5));
        Assert.Equal((30, 30), (larger.Train.Count, larger.Test.Count));
        Assert.Subset(Images(larger.Test), Images(here.Test));
        Assert.Empty(Images(larger.Test).Intersect(Images(larger.Train)));
        Assert.Equal(60, Images(larger.Test).Union(Images(larger.Train)).Count());
    }

    [Fact]
    public void Equal_files_stay_in_one_split()
    {
        for (var copies = 2; copies <= 6; copies++)
        {
            var name = $"copies{copies}";
            SmallPictures.Write(folder[name], Classes, count: 10);
            for (var copy = 0; copy < copies; copy++)
                foreach (var path in Directory.GetFiles(folder[name], "00?.png", SearchOption.AllDirectories))
                    File.Copy(path, $"{path[..^4]}-{copy}.png");

            // A quarter of ten times as many: the limit is in the middle of some.
            using var data = Load(name, new ImageSettings(TestShare: 0.25));
            Assert.Equal(30 * (copies + 1), data.Train.Count + data.Test.Count);
            Assert.Empty(Images(data.Test).Intersect(Images(data.Train)));
        }
    }

    [Theory]
    [InlineData(2, 0, 0, 2)] // all of them are equal
    [InlineData(5, 0, 0, 5)]
    [InlineData(1, 0, 0, 1)]
    [InlineData(3, 1, null, null)]
    [InlineData(3, 3, null, null)]
    public void Equal_files_leave_every_class_a_training_image(int copies, int others, int? tests, int? trains)
    {
        SmallPictures.Write(folder["data"], Classes, count: 4);
        SmallPictures.Write(folder["data"], ["twins"], count: 1 + others, seed: 7);
        for (var copy = 1; copy < copies; copy++)
            File.Copy(folder["data/twins/000.png"], folder[$"data/twins/copy{copy}.png"]);
        foreach (var share in new[] { 0.1, 0.2, 0.5, 0.9 })
        {
            using var data = Load("data", new ImageSettings(TestShare: share));
            int Count(LabeledImages part) => part.Labels.data<long>().ToArray().Count(label => data.ClassNames[(int)label] == "twins");
            Assert.Equal(copies + others, Count(data.Test) + Count(data.Train));
            Assert.InRange(Count(data.Train), trains ?? 1, trains ?? copies + others - 1);
            Assert.Equal(tests ?? Count(data.Test), Count(data.Test));
            Assert.Empty(Images(data.Test).Intersect(Images(data.Train)));
        }
    }

    [Fact]
    public void The_fingerprint_changes_with_every_byte_and_name()
    {
        SmallPictures.Write(folder["data"], Classes, count: 4);
        var sums = new HashSet<string> { Sum() };
        SmallPictures.Save(folder["data/ant/000.png"], 16, 16, (_, _) => SKColors.Red);
        Assert.True(sums.Add(Sum()));
        File.Move(folder["data/ant/000.png"], folder["data/ant/004.png"]);
        Assert.True(sums.Add(Sum()));
        Directory.Move(folder["data/bee"], folder["data/bea"]);
        Assert.True(sums.Add(Sum()));
        File.Delete(folder["data/cat/001.png"]);
        Assert.True(sums.Add(Sum()));

        // What is not an image, or hidden, is not of the set.
        File.WriteAllText(folder["data/ant/notes.txt"], "notes");
        File.WriteAllText(folder["data/ant/.000.png"], "hidden");
        Directory.CreateDirectory(folder["data/.git"]);
        Assert.False(sums.Add(Sum()));

        string Sum()
        {
            using var data = Load("data");
            return data.Sha256["pictures"];
        }
    }

    [Fact]
    public void The_first_images_contain_all_classes()
    {
        SmallPictures.Write(folder.FullPath, ["ant"], count: 40);
        SmallPictures.Write(folder.FullPath, ["bee", "cat"], count: 20, seed: 2);
        using var data = Load(limit: 16);
        Assert.Equal((16, 16), (data.Train.Count, data.Test.Count));
        Assert.Equal((64, 16), (data.Report.TrainImages, data.Report.TestImages));
        Assert.Equal([8, 4, 4], data.Train.Labels.bincount(null, 3).data<long>().ToArray());
        Assert.Equal([4, 2, 2], data.Train.Labels[..8].bincount(null, 3).data<long>().ToArray());

        using var all = Load();
        Assert.Equal(all.Train.Images[..16].contiguous().bytes.ToArray(), data.Train.Images.bytes.ToArray());
    }

    [Fact]
    public void The_size_is_the_given_one_or_that_of_small_images_or_64x64()
    {
        SmallPictures.Write(folder.FullPath, Classes, count: 3, side: 30);
        Assert.Equal((3, 30, 30), Shape(new ImageSettings()));
        Assert.Equal((1, 20, 12), Shape(new ImageSettings(20, 12, Grey: true)));
        SmallPictures.Save(folder["ant/other.png"], 31, 30, (_, _) => SKColors.Green);
        Assert.Equal((3, 64, 64), Shape(new ImageSettings()));
        Assert.Throws<UserException>(() => Shape(new ImageSettings(32, 32, ImageFit.Ink)));

        (int, int, int) Shape(ImageSettings settings)
        {
            using var data = Load(settings: settings);
            return (data.Channels, data.Height, data.Width);
        }
    }

    [Fact]
    public void Drawings_become_images_in_the_style_of_MNIST()
    {
        foreach (var (name, first, last) in new[] { ("bar", 40, 50), ("block", 20, 70) })
            for (var index = 0; index < 2; index++)
                SmallPictures.Save(
                    folder[$"{name}/{index}.png"],
                    100,
                    90 + index,
                    (x, y) => x >= first && x < last && y is >= 20 and < 70 ? SKColors.DarkBlue : SKColors.Khaki);
        using var data = Load(settings: new ImageSettings(Fit: ImageFit.Ink));
        Assert.Equal((1, 28, 28), (data.Channels, data.Height, data.Width));
        var expected = DigitImage.Read(File.ReadAllBytes(folder["bar/0.png"]), "0.png");
        Assert.Contains(Convert.ToHexString(expected!), Images(data.Train).Concat(Images(data.Test)));
    }

    [Fact]
    public void Grey_images_have_one_channel()
    {
        SmallPictures.Write(folder.FullPath, Classes, count: 3, grey: true);
        using var data = Load();
        Assert.Equal(1, data.Channels);
    }

    [Theory]
    [InlineData("test")]
    [InlineData("val")]
    public void A_folder_may_have_its_own_test_images(string name)
    {
        SmallPictures.Write(folder["train"], Classes, count: 3);
        SmallPictures.Write(folder[name], ["ant", "cat"], count: 2, seed: 2);
        using var data = Load();
        Assert.Equal([0, 0, 0, 1, 1, 1, 2, 2, 2], data.Train.Labels.data<long>().Order());
        Assert.Equal([0, 0, 2, 2], data.Test.Labels.data<long>().Order());
        Assert.Null(data.ImageSettings!.TestShare);
    }

    [Fact]
    public void The_error_names_the_problem_of_a_folder_without_a_data_set()
    {
        Assert.Contains("is not a data set", Refusal());
        SmallPictures.Write(folder.FullPath, ["ant"], count: 3);
        Assert.Contains("one class only, ant", Refusal());
        Directory.CreateDirectory(folder["bee"]);
        Assert.Contains($"The class {folder["bee"]} holds no image", Refusal());
        if (!OperatingSystem.IsWindows())
        {
            Directory.Delete(folder["bee"]);
            Directory.CreateSymbolicLink(folder["bee"], folder.FullPath);
            Assert.Contains($"The class {folder["bee"]} holds no image", Refusal());
        }
    }

    [Fact]
    public void An_unknown_test_class_and_a_missing_test_folder_fail()
    {
        SmallPictures.Write(folder["train"], Classes, count: 3);
        Assert.Contains("neither test nor val", Refusal());
        SmallPictures.Write(folder["test"], ["ant", "dog"], count: 3);
        Assert.Contains($"{folder["test/dog"]} is a class that {folder["train"]} does not have", Refusal());
    }

    [Fact]
    public void Unreadable_images_fail_or_are_skipped_and_reported()
    {
        SmallPictures.Write(folder.FullPath, Classes, count: 10);
        File.WriteAllText(folder["ant/003.png"], "nonsense");
        var whole = File.ReadAllBytes(folder["bee/004.png"]);
        File.WriteAllBytes(folder["bee/004.png"], whole[..(whole.Length / 2)]);
        File.WriteAllBytes(folder["cat/005.png"], []);
        File.WriteAllBytes(folder["cat/006.png"], SmallPictures.Png(50_000, 50_000, 8, [0]));
        var unreadable = Assert.Throws<InvalidDataException>(() => Load());
        Assert.Matches(@"^4 of 30 images in .* cannot be read\. The first: .*003\.png is not an image", unreadable.Message);
        Assert.Equal((Remedy.SkipUnreadable, null), Remedies.Of(unreadable));

        using var data = Load(settings: new ImageSettings(SkipBroken: true));
        Assert.Equal(26, data.Train.Count + data.Test.Count);
        Assert.Equal(4, data.Report.Skipped.Count);
        Assert.All(
            new[] { "003.png", "004.png", "005.png", "006.png" },
            name => Assert.Contains(data.Report.Skipped, line => line.Contains(name)));
        Assert.Equal((data.Train.Count, data.Test.Count), (data.Report.TrainImages, data.Report.TestImages));
        Assert.Equal([9, 9, 8], data.Train.Labels.bincount(null, 3).add(data.Test.Labels.bincount(null, 3), 1).data<long>().ToArray());

        // Skipped images do not count towards a limit.
        using var few = Load(settings: new ImageSettings(SkipBroken: true), limit: (int)data.Train.Count - 1);
        Assert.Equal(data.Train.Count - 1, few.Train.Count);

        // Only the header of the second is whole: it is found when it is decoded.
        foreach (var name in new[] { "ant/003.png", "cat/005.png", "cat/006.png" })
            File.Delete(folder[name]);
        Assert.Matches("^1 of 27 images .*004.png is damaged or cut short", Refusal());
    }

    // .NET takes the limit of its heap for the machine's memory.
    [Fact]
    public void A_set_too_large_for_the_memory_fails_before_decoding()
    {
        SmallPictures.Write(folder["data"], Classes, count: 40, side: 8);
        var start = new ProcessStartInfo("dotnet", ["exec", ProgramRun.ProgramPath, "train", "--data", "data", "--image-size", "1024x1024"])
        {
            WorkingDirectory = folder.FullPath,
        };
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x10000000";
        var run = ProgramRun.Finish(ProgramRun.Start(start));
        run.AssertFailed(1, "needs 0.4 GB as 120 images of 1024x1024, and this machine has 0.3 GB", "--image-size ", " would fit");
        Assert.Equal(["data"], folder.Contents.Where(path => !path.Contains('/')));

        var fitting = run.Error.Split("--image-size ")[1].Split(' ')[0].Split('x').Select(int.Parse).ToArray();
        Assert.InRange(120L * 3 * fitting[0] * fitting[1], (long)(0.7 * 0x10000000), (long)(0.8 * 0x10000000));
    }

    private static double[] Losses(DataSet data)
    {
        using var trainer = Trainer.Create(new TrainSettings { Epochs = 1 }, data, CPU);
        var recorder = new Recorder();
        trainer.Fit([recorder]);
        return [.. recorder.Steps.Select(step => step.Loss), .. recorder.Epochs.Select(epoch => epoch.TestLoss)];
    }

    private static HashSet<string> Images(LabeledImages set) =>
        [.. Enumerable.Range(0, (int)set.Count).Select(index => Convert.ToHexString(set.Images[index].bytes))];

    private DataSet Load(string name = ".", ImageSettings? settings = null, int? limit = null) =>
        DataReader.Load(folder[name], settings, limit, limit);

    private string Refusal() => Assert.Throws<InvalidDataException>(() => Load()).Message;
}
