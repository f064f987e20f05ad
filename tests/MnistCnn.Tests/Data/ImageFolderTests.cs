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
        Assert.Equal("900 grey images of 28x28 in 10 classes: 700 in train, 200 in test", pictures.Description);
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
    [InlineData("train", "test")]
    [InlineData("Training", "Testing")]
    [InlineData("train", "val")]
    [InlineData("TRAIN", "Valid")]
    [InlineData("train", "validation")]
    [InlineData("train", "eval")]
    [InlineData("train/train", "test/test")]
    [InlineData("seg_train/seg_train", "seg_test/seg_test")]
    [InlineData("training_set/training_set", "test_set/test_set")]
    public void A_folder_may_have_its_own_test_images(string train, string test)
    {
        SmallPictures.Write(folder[train], Classes, count: 3);
        SmallPictures.Write(folder[test], ["ant", "cat"], count: 2, seed: 2);
        using var data = Load();
        Assert.Equal([0, 0, 0, 1, 1, 1, 2, 2, 2], data.Train.Labels.data<long>().Order());
        Assert.Equal([0, 0, 2, 2], data.Test.Labels.data<long>().Order());
        Assert.Null(data.ImageSettings!.TestShare);
        Assert.Null(data.Validation);
        Assert.Equal((train, test), (data.Splits!["train"], data.Splits["test"]));
        Assert.Equal(test.StartsWith("v", StringComparison.OrdinalIgnoreCase) || test == "eval", data.IsTestedOnValidation);
        Assert.Equal($"13 colour images of 16x16 in 3 classes: 9 in {train}, 4 in {test}", data.Description);
    }

    [Fact]
    public void Three_splits_give_training_validation_and_test_images()
    {
        SmallPictures.Write(folder["train"], Classes, count: 3);
        SmallPictures.Write(folder["valid"], ["bee", "cat"], count: 2, seed: 2);
        SmallPictures.Write(folder["test"], ["ant", "cat"], count: 1, seed: 3);
        using var data = Load();
        Assert.Equal([1, 1, 2, 2], data.Validation!.Labels.data<long>().Order());
        Assert.Equal([0, 2], data.Test.Labels.data<long>().Order());
        Assert.Equal("15 colour images of 16x16 in 3 classes: 9 in train, 4 in valid, 2 in test", data.Description);
        Assert.False(data.IsTestedOnValidation);
        string[] validation = ["valid/bee/000.png", "valid/bee/001.png", "valid/cat/000.png", "valid/cat/001.png"];
        Assert.Equal([.. validation.Select(Pixels)], Images(data.Validation));
        Assert.Equal([Pixels("test/ant/000.png"), Pixels("test/cat/000.png")], Images(data.Test));

        string Pixels(string name) => Convert.ToHexString(
            ImageDecoder.ReadImage(File.ReadAllBytes(folder[name]), name, new ImageSettings(16, 16, Grey: false))!);
    }

    [Theory]
    [InlineData("val", "valid")]
    [InlineData("test", "Testing")]
    [InlineData("train", "training")]
    public void Two_folders_of_one_split_fail(string first, string second)
    {
        foreach (var name in new[] { "train", "test", "val", first, second })
            SmallPictures.Write(folder[name], Classes, count: 1);
        var message = Refusal();
        Assert.Contains(folder[first], message);
        Assert.Contains(folder[second], message);
        Assert.Contains(" are both folders of ", message);
    }

    [Theory]
    [InlineData("train/train")]
    [InlineData("train")]
    public void A_folder_of_training_images_alone_is_split(string train)
    {
        SmallPictures.Write(folder[train], Classes, count: 10);
        SmallPictures.Save(folder["test1/1.png"], 16, 16, (_, _) => SKColors.Red);
        using var data = Load();
        Assert.Equal((24, 6), (data.Train.Count, data.Test.Count));
        Assert.Equal("1 image outside the class folders", $"{data.Report.Skipped}");
    }

    // As in Kaggle's "Dogs vs. Cats", and in COCO.
    [Theory]
    [InlineData("train", "test")]
    [InlineData("train", "test1")]
    [InlineData("train2017", "val2017")]
    [InlineData("Training_images", "Testing_images")]
    public void Splits_without_classes_fail(string train, string test)
    {
        SmallPictures.Write(folder.FullPath, [train, test], count: 5);
        Assert.Contains(" holds images, but no folder per class", Refusal());
    }

    [Fact]
    public void Classes_with_the_names_of_splits_are_classes_if_they_hold_images_themselves()
    {
        SmallPictures.Write(folder.FullPath, ["bus", "car", "train"], count: 5);
        using (var data = Load())
            Assert.Equal(["bus", "car", "train"], data.ClassNames);
    }

    [Theory]
    [InlineData("dataset")]
    [InlineData("dataset/dataset")]
    [InlineData("archive/PetImages")]
    public void A_data_set_inside_another_folder_is_found(string name)
    {
        SmallPictures.Write(folder[name], Classes, count: 5);
        SmallPictures.Write(folder.FullPath, ["Examples"], count: 1);
        File.WriteAllText(folder["README.roboflow.txt"], "");
        Directory.CreateDirectory(folder["__MACOSX/dataset/ant"]);
        using var data = Load();
        Assert.Equal((folder[name], 3), (data.Folder, data.ClassNames.Count));
        using var same = Load($"{name}/");
        Assert.Equal(folder[name], same.Folder);
    }

    [Theory]
    [InlineData("signs_train/signs_train", "signs_test/signs_test")]
    [InlineData("Final_Training/Images", "Final_Test/Images")]
    [InlineData("train", "test/images")]
    public void Unlabelled_test_images_are_skipped(string train, string test)
    {
        SmallPictures.Write(folder[train], Classes, count: 5);
        SmallPictures.Write(Path.GetDirectoryName(folder[test])!, [Path.GetFileName(test)], count: 4);
        using var data = Load();
        Assert.Equal((12, 3, "4 images outside the class folders"), (data.Train.Count, data.Test.Count, $"{data.Report.Skipped}"));
    }

    [Fact]
    public void The_error_says_where_images_or_an_archive_are()
    {
        SmallPictures.Write(folder["images/ant"], ["images"], count: 2);
        SmallPictures.Write(folder["images/bee"], ["images"], count: 2);
        Assert.Contains($"There are images in {folder["images/ant/images"]}", Refusal());
        Directory.Delete(folder["images"], recursive: true);
        File.WriteAllText(folder["archive.zip"], "?");
        Assert.EndsWith($"Unpack {folder["archive.zip"]}.", Refusal());
        Directory.CreateDirectory(folder["photos/ant"]);
        foreach (var name in new[] { "1.heic", "2.HEIC", "labels.csv" })
            File.WriteAllText(folder[$"photos/ant/{name}"], "?");
        Assert.EndsWith(
            "It holds 2 .heic, 1 .csv files; images must be PNG, JPEG, WebP, GIF, BMP, TIFF or PNM.", Refusal("photos"));
        Assert.Contains("is an archive", Assert.Throws<IOException>(() => Load("archive.zip")).Message);
    }

    [Fact]
    public void Several_data_sets_inside_a_folder_are_named()
    {
        foreach (var name in new[] { "author1", "author2" })
            SmallPictures.Write(folder[name], Classes, count: 5);
        var error = Assert.Throws<IOException>(() => Load());
        Assert.Equal((Remedy.NameData, $"{folder["author1"]}, {folder["author2"]}"), Remedies.Of(error));
    }

    [Fact]
    public void Skipped_files_are_counted_and_files_of_systems_are_not()
    {
        SmallPictures.Write(folder.FullPath, Classes, count: 5);
        SmallPictures.Write(folder["ant"], ["more", "more/deep"], count: 2);
        foreach (var name in new[] { "ant/1.heic", "bee/1.HEIC", "bee/notes.txt", "cat/unnamed", "labels.csv", "empty/1.xml" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
            File.WriteAllText(folder[name], "?");
        }

        foreach (var name in new[] { "Thumbs.db", ".DS_Store", "._000.png", "desktop.ini" })
            File.WriteAllText(folder[$"ant/{name}"], "?");
        foreach (var name in new[] { "__MACOSX", "@eaDir", ".ipynb_checkpoints", "lost+found" })
            SmallPictures.Write(folder[name], ["ant"], count: 1);
        SmallPictures.Save(folder["cover.png"], 16, 16, (_, _) => SKColors.Red);
        using var data = Load();
        Assert.Equal(Classes, data.ClassNames);
        Assert.Equal(
            "2 .heic, 1 extensionless, 1 .txt, 1 .xml files; 4 files in sub-folders of classes; 1 image outside the class folders; "
            + "folders without images: empty",
            $"{data.Report.Skipped}");
    }

    [Fact]
    public void Classes_that_are_numbers_are_ordered_as_numbers_unless_another_order_was_saved()
    {
        SmallPictures.Write(folder.FullPath, ["0", "1", "2", "10", "-3"], count: 2);
        string[] saved = ["-3", "0", "1", "10", "2"];
        using var data = Load();
        Assert.Equal(["-3", "0", "1", "2", "10"], data.ClassNames);
        using var old = DataReader.Load(folder.FullPath, classOrder: saved);
        Assert.Equal(saved, old.ClassNames);
        using var other = DataReader.Load(folder.FullPath, classOrder: ["-3", "0", "1", "10", "7"]);
        Assert.Equal(data.ClassNames, other.ClassNames);
        SmallPictures.Write(folder.FullPath, ["a"], count: 2);
        using var mixed = Load();
        Assert.Equal([.. saved, "a"], mixed.ClassNames);
    }

    [Fact]
    public void The_error_names_the_problem_of_a_folder_without_a_data_set()
    {
        Assert.Contains("is not a data set", Refusal());
        SmallPictures.Write(folder.FullPath, ["ant"], count: 3);
        Assert.Contains("one class only, ant", Refusal());
        SmallPictures.Write(folder["single"], Classes, count: 1);
        Assert.EndsWith(
            "3 are left to train on and 0 to test on. Add images: only a class with two different images has a test image.",
            Refusal("single"));
        Directory.Delete(folder["single"], recursive: true);
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateSymbolicLink(folder["bee"], folder.FullPath); // a cycle
            Assert.Contains("one class only, ant", Refusal());
        }
    }

    [Fact]
    public void An_unknown_test_class_fails()
    {
        SmallPictures.Write(folder["train"], Classes, count: 3);
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
        Assert.Equal(4, data.Report.Unreadable.Count);
        Assert.All(
            new[] { "003.png", "004.png", "005.png", "006.png" },
            name => Assert.Contains(data.Report.Unreadable, line => line.Contains(name)));
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

    private string Refusal(string name = ".") => Assert.Throws<InvalidDataException>(() => Load(name)).Message;
}
