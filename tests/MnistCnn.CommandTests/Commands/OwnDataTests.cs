using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Runs;

namespace MnistCnn.Tests.Commands;

/// <summary>From a folder of images to a prediction, in the order of a user's work.</summary>
[Trait("Speed", "Slow")]
public sealed class OwnDataTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Weights_and_checkpoints_contain_the_preprocessing_of_images()
    {
        string[] classes = ["left side", "右"];
        foreach (var (name, isLeft) in new[] { (classes[0], true), (classes[1], false) })
            for (var index = 0; index < 20; index++)
                SmallPictures.Save(
                    folder[$"arrows/{name}/{index}.png"], 90, 60 + index, (x, _) =>
                        (x < 45) == isLeft ? SkiaSharp.SKColors.Red : SkiaSharp.SKColors.Navy);
        string[] images = ["--image-size", "24x20", "--fit", "stretch", "--test-share", "0.4", "--recipe", "article"];
        Run(["train", "--data", "arrows", .. images, "--batch-size", "4", "--lr", "0.02", "--epochs", "2", "--out", "run"]);
        Run("train", "--resume", "run/checkpoint.safetensors", "--epochs", "4");
        using (var info = JsonDocument.Parse(File.ReadAllText(folder["run/run.json"])))
        {
            var pictures = info.RootElement.GetProperty("data").GetProperty("image_settings");
            Assert.Equal((24, 20, "stretch", 0.4), (
                pictures.GetProperty("height").GetInt32(),
                pictures.GetProperty("width").GetInt32(),
                pictures.GetProperty("fit").GetString(),
                pictures.GetProperty("test_share").GetDouble()));
        }

        ProgramRun.Of(folder.FullPath, "train", "--resume", "run/checkpoint.safetensors", "--epochs", "5", "--image-size", "20x20")
            .AssertFailed(1, "prepared in another way: height was 24, now 20");

        // One more image makes another data set.
        var evaluation = JsonDocument.Parse(Run("evaluate", "run", "--data", "arrows", "--json")).RootElement;
        Assert.Equal((16, 100.0), (evaluation.GetProperty("total").GetInt32(), evaluation.GetProperty("accuracy").GetDouble()));
        SmallPictures.Save(folder["arrows/右/more.png"], 90, 60, (_, _) => SkiaSharp.SKColors.Navy);
        Assert.Contains(
            "Test images may have been trained on", ProgramRun.Of(folder.FullPath, "evaluate", "run", "--data", "arrows").Error);
        ProgramRun.Of(folder.FullPath, "train", "--resume", "run/checkpoint.safetensors", "--epochs", "5")
            .AssertFailed(1, "belongs to a run on other data", "were added, removed or changed");
        Directory.Move(folder["arrows"], folder["elsewhere"]);
        ProgramRun.Of(folder.FullPath, "train", "--resume", "run/checkpoint.safetensors", "--epochs", "5")
            .AssertFailed(1, folder["arrows"], "does not exist any more", "--data");

        // Only the weights file, in another folder.
        using var elsewhere = new TemporaryFolder();
        File.Copy(folder["run/best.safetensors"], elsewhere["weights.safetensors"]);
        SmallPictures.Save(elsewhere["one.png"], 300, 200, (x, _) => x < 150 ? SkiaSharp.SKColors.Navy : SkiaSharp.SKColors.Red);
        var run = ProgramRun.Of(elsewhere.FullPath, "predict", "weights.safetensors", "one.png");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches("^one.png   右 ", run.Output);
        using var model = TrainedNetwork.Load(elsewhere["weights.safetensors"]);
        Assert.Equal(new ImageSettings(24, 20, ImageFit.Stretch, Grey: false, TestShare: 0.4), model.ImageSettings);
    }

    [Theory]
    [InlineData(".", "runs")]
    [InlineData("data", "data/run")]
    [InlineData("data", "data/a")]
    public void A_run_folder_inside_the_image_folder_fails(string data, string run)
    {
        SmallPictures.Write(folder[data], ["a", "b"], count: 3);
        var before = folder.Contents;
        string[] outOption = run == "runs" ? [] : ["--out", run];
        ProgramRun.Of(folder.FullPath, ["train", "--data", data, "--epochs", "1", .. outOption])
            .AssertFailed(1, "inside the image folder", "--out");
        Assert.Equal(before, folder.Contents);
    }

    [Fact]
    public void Images_in_both_the_training_and_the_test_set_are_counted()
    {
        SmallPictures.Write(folder["data/train"], ["a", "b"], count: 3);
        SmallPictures.Write(folder["data/test"], ["a", "b"], count: 2, seed: 2);
        File.Copy(folder["data/train/a/001.png"], folder["data/test/b/again.png"]);
        var run = ProgramRun.Of(folder.FullPath, "train", "--data", "data", "--epochs", "1", "--arch", "plain");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Warning: test images that are also training images: 1.\n", run.Error);
    }

    [Fact]
    public void Validation_folders_choose_the_best_epoch_and_test_folders_are_only_measured()
    {
        SmallPictures.Write(folder["data/train"], ["a", "b"], count: 6);
        SmallPictures.Write(folder["data/valid"], ["a", "b"], count: 5, seed: 2);
        SmallPictures.Write(folder["data/test"], ["a", "b"], count: 3, seed: 3);
        string[] train = ["train", "--data", "data", "--recipe", "article", "--arch", "plain", "--batch-size", "4", "--epochs", "3"];
        var run = ProgramRun.Of(folder.FullPath, [.. train, "--out", "run", "--patience", "2"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal("Data: 28 colour images of 16x16 in 2 classes: 12 in train, 10 in valid, 6 in test\n", run.Found);
        Assert.Contains("chosen by its validation accuracy", run.Output);
        var info = Json(File.ReadAllText(folder["run/run.json"])).GetProperty("data");
        Assert.Equal("""{"train":"train","validation":"valid","test":"test"}""", Compact(info.GetProperty("splits")));
        Assert.Equal((12, 10, 6), (Count("train_images"), Count("validation_images"), Count("test_images")));
        Run("train", "--resume", "run", "--epochs", "4");
        var evaluation = Json(Run("evaluate", "run", "--data", "data", "--json"));
        Assert.Equal(6, evaluation.GetProperty("total").GetInt32());
        Assert.False(evaluation.GetProperty("chosen_on_test_images").GetBoolean());
        ProgramRun.Of(folder.FullPath, [.. train, "--validation", "2"])
            .AssertFailed(1, "has validation images in valid", "Leave out --validation.");
        Run("sweep", "lr=0.01,0.02", "--data", "data", "--arch", "plain", "--batch-size", "4", "--epochs", "2", "--out", "sweep");
        Assert.Contains("validation_accuracy", File.ReadLines(folder["sweep/results.csv"]).First());

        // Without test images, the validation images are measured.
        Directory.Delete(folder["data/test"], recursive: true);
        run = ProgramRun.Of(folder.FullPath, [.. train, "--out", "two"]);
        Assert.Equal(
            "Warning: there are no test images with classes, so valid both chooses the epoch of best.safetensors and measures it: "
            + "the accuracy of that epoch is optimistic.\n",
            run.Error);
        Assert.True(Json(Run("evaluate", "two", "--data", "data", "--json")).GetProperty("chosen_on_test_images").GetBoolean());
        ProgramRun.Of(folder.FullPath, [.. train, "--patience", "2"])
            .AssertFailed(1, "Early stopping needs validation images", "Hold out training images with --validation.");
        Assert.Equal("", ProgramRun.Of(folder.FullPath, [.. train, "--out", "three", "--patience", "2", "--validation", "3"]).Error);

        int Count(string name) => info.GetProperty(name).GetInt32();
        static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
        static string Compact(JsonElement element) => JsonSerializer.Serialize(element);
    }

    [Fact]
    public void A_folder_of_images_starts_from_the_recipe_for_images()
    {
        SmallPictures.Write(folder["data"], ["a", "b"], count: 5);
        string[] options = ["--data", "data", "--arch", "plain", "--epochs", "1"];
        Assert.EndsWith("Recipe: images\n", Train([.. options, "--out", "images"]).Found);
        Assert.DoesNotContain("Recipe", Train([.. options, "--recipe", "article", "--out", "article"]).RawError);
        Assert.EndsWith("Recipe: images\n", ProgramRun.Of(folder.FullPath, ["sweep", "seed=1,2", .. options, "--out", "sweep"]).Found);
        Assert.Equal([16, 64, 16], new[] { "images", "article", "sweep/seed=1" }.Select(BatchSize));

        ProgramRun.Of(folder.FullPath, "train", "--resume", "images", "--epochs", "2")
            .AssertFailed(1, "start a new run from these weights with --init");

        File.WriteAllText(folder["data.zip"], "?");
        foreach (var command in new[] { "train", "sweep seed=1,2" })
            ProgramRun.Of(folder.FullPath, [.. command.Split(' '), "--data", "data.zip"]).AssertFailed(1, "is an archive: unpack it");

        ProgramRun Train(string[] arguments) => ProgramRun.Of(folder.FullPath, ["train", .. arguments]);

        int BatchSize(string run) => JsonDocument.Parse(File.ReadAllText(folder[$"{run}/run.json"]))
            .RootElement.GetProperty("settings").GetProperty("batch_size").GetInt32();
    }

    [Fact]
    public void Skipped_files_are_counted_in_one_line()
    {
        SmallPictures.Write(folder["wrap/data"], ["a", "b"], count: 5);
        SmallPictures.Write(folder["wrap/data/a"], ["more"], count: 4);
        foreach (var name in new[] { "a/1.heic", "b/2.heic", "b/notes.txt" })
            File.WriteAllText(folder[$"wrap/data/{name}"], "?");
        string[] data = ["--data", "wrap"];
        const string line = "Skipped: 2 .heic, 1 .txt files; 4 files in sub-folders of classes.\n";
        var run = ProgramRun.Of(folder.FullPath, ["train", .. data, "--epochs", "1", "--arch", "plain", "--out", "run"]);
        Assert.Equal((0, line), (run.ExitCode, run.Error));
        Assert.Equal(
            $"Data: 10 colour images of 16x16 in 2 classes, 80 % to train on, from {folder["wrap/data"]}\nRecipe: images\n", run.Found);
        run = ProgramRun.Of(folder.FullPath, ["evaluate", "run", .. data]);
        Assert.Equal((0, line), (run.ExitCode, run.Error));
        Directory.CreateDirectory(folder["idx/MNIST/raw"]);
        SmallMnist.Write(folder["idx/MNIST/raw"], train: 20, test: 10);
        run = ProgramRun.Of(folder.FullPath, "train", "--data", "idx/", "--epochs", "1", "--arch", "plain", "--out", "idx-run");
        Assert.EndsWith($", from {folder["idx/MNIST/raw"]}\n", run.Found);
    }

    [Fact]
    public void Class_names_that_differ_only_in_case_give_a_warning()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || OperatingSystem.IsMacOS(), "file names ignore the case");
        SmallPictures.Write(folder["data"], ["Cat", "cat", "dog"], count: 3);
        var run = ProgramRun.Of(folder.FullPath, "train", "--data", "data", "--epochs", "1", "--arch", "plain");
        Assert.Equal((0, "Warning: classes whose names differ only in upper and lower case: Cat, cat.\n"), (run.ExitCode, run.Error));
    }

    // The network was trained when classes were ordered by name.
    [Fact]
    public void A_saved_order_of_classes_wins_over_the_order_of_numbers()
    {
        string[] old = ["0", "1", "10", "11", "2"];
        SmallPictures.Write(folder["data"], old, count: 5);
        using (var data = DataReader.Load(folder["data"], classOrder: old))
        {
            var settings = new MnistCnn.Training.TrainSettings
            {
                Architecture = MnistCnn.Networks.Architecture.Find("plain")!,
                Epochs = 1,
                BatchSize = 4,
            };
            using var run = TrainingRun.Create(new TrainingRequest(settings, data, TorchSharp.torch.CPU) { Folder = folder["old"] });
            run.Train([], TestContext.Current.CancellationToken);
        }

        Run("train", "--resume", "old", "--epochs", "2");
        Run("train", "--init", "old", "--arch", "plain", "--data", "data", "--epochs", "1", "--out", "next");
        Run("train", "--arch", "plain", "--data", "data", "--epochs", "1", "--out", "new");
        Assert.Equal(old, Names(File.ReadAllText(folder["old/run.json"])));
        Assert.Equal(old, Names(File.ReadAllText(folder["next/run.json"])));
        Assert.Equal(["0", "1", "2", "10", "11"], Names(File.ReadAllText(folder["new/run.json"])));
        var evaluation = JsonDocument.Parse(Run("evaluate", "old", "--data", "data", "--json")).RootElement;
        Assert.Equal(old, evaluation.GetProperty("class_names").EnumerateArray().Select(name => name.GetString()));
        Assert.DoesNotContain("trained on", ProgramRun.Of(folder.FullPath, "evaluate", "old", "--data", "data").Error);
        var prediction = JsonDocument.Parse(Run("predict", "old", "data/10/000.png", "--json")).RootElement;
        Assert.Equal(old[prediction[0].GetProperty("class").GetInt32()], prediction[0].GetProperty("name").GetString());

        static string?[] Names(string json)
        {
            var names = JsonDocument.Parse(json).RootElement.GetProperty("data").GetProperty("class_names");
            return [.. names.EnumerateArray().Select(name => name.GetString())];
        }
    }

    [Fact]
    public void A_resumed_run_finds_its_data_set_among_several_in_a_folder()
    {
        SmallMnist.Write(folder.FullPath, pack: false);
        foreach (var path in Directory.GetFiles(folder.FullPath))
            File.Move(path, folder[$"some-{Path.GetFileName(path).Replace("t10k", "test")}"]);
        Run("train", "--data", "some", "--epochs", "1", "--arch", "plain", "--out", "run");
        Run("train", "--resume", "run/checkpoint.safetensors", "--epochs", "2");
        Assert.Equal(2, File.ReadLines(folder["run/metrics.jsonl"]).Count());
    }

    private string Run(params string[] arguments)
    {
        var run = ProgramRun.Of(folder.FullPath, arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        return run.Output;
    }
}
