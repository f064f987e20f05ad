using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using MnistCnn.Benchmarks.Recipes;
using MnistCnn.Tests.Data;

namespace MnistCnn.Tests.Recipes;

/// <summary>Preparation of the data sets on which the benchmarks compare recipes, without downloads.</summary>
public sealed class SuiteSetTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private int written;

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Emoji_of_two_vendors_are_training_images_and_those_of_the_third_test_images()
    {
        var list = JsonSerializer.Serialize(new[]
        {
            Emoji("cat.png", "Animals & Nature"), Emoji("ball.png", "Activities", facebook: false), Emoji("skin.png", "Component"),
        });
        string[] images = ["cat.png", "ball.png", "skin.png", "unlisted.png"];
        string[] packages = [.. new[] { "google", "facebook", "twitter" }.Select(vendor => WritePackage(
            vendor,
            [
                .. images.Select(image => ($"img/{vendor}/64/{image}", $"{vendor} {image}")),
                ("emoji.json", list), ($"img/{vendor}/sheets/cat.png", "sheet"),
            ]))];
        var set = SuiteSet.All.Single(set => set.Name == "emoji");
        set.Write!(set, packages, folder["emoji"]);

        string[] files = [.. folder.Contents.Where(name => name.StartsWith("emoji", StringComparison.Ordinal) && name.EndsWith(".png"))];
        Assert.Equal(
            [
                "emoji/test/Activities/-ball-twitter.png", "emoji/test/Animals & Nature/-cat-twitter.png",
                "emoji/train/Activities/-ball-google.png", "emoji/train/Animals & Nature/-cat-facebook.png",
                "emoji/train/Animals & Nature/-cat-google.png",
            ],
            files.Select(name => name.Remove(name.LastIndexOf('/') + 1, 4)));
        Assert.Single(files.Where(name => name.Contains("train/Animals")).Select(name => Path.GetFileName(name)[..4]).Distinct());
        Assert.Equal("facebook cat.png", File.ReadAllText(folder[files.Single(name => name.Contains("facebook"))]));
        Assert.False(File.Exists(folder["emoji.json"]));
    }

    [Fact]
    public void A_set_is_written_once_and_only_with_its_fingerprint()
    {
        Directory.CreateDirectory(folder["sets/tiny.part"]);
        File.WriteAllText(folder["sets/tiny.part/left"], "from a stopped preparation");
        var set = new SuiteSet("tiny", 2) { Write = WriteTiny };
        var error = Assert.Throws<InvalidDataException>(() => set.Prepare(folder["sets"]));
        Assert.Contains("/sets/tiny.part has the SHA-256 ", error.Message.Replace('\\', '/'));
        Assert.False(Directory.Exists(folder["sets/tiny"]));

        // printf 'A' > a; printf 'B' > b/c; sha256sum a b/c | sha256sum
        set = set with { Sha256 = "9c0e3612944ebe99c33688a32fad8eaaa76f496e287eb3d29e00ae269882fb55" };
        Assert.Equal(folder["sets/tiny"], set.Prepare(folder["sets"]));
        Assert.Equal(folder["sets/tiny"], set.Prepare(folder["sets"]));
        Assert.Equal(2, written);
        Assert.Equal(["a", "b", "b/c"], folder.Contents.Where(name => name.StartsWith("sets/tiny/")).Select(name => name[10..]));
    }

    [Fact]
    public void A_package_file_with_another_SHA256_is_an_error()
    {
        File.WriteAllText(folder["emoji-1.0.0.tgz"], "damaged");
        var error = Assert.Throws<InvalidDataException>(() => new NpmPackage("emoji", "1.0.0", "0123").Fetch(folder.FullPath));
        Assert.Contains("emoji-1.0.0.tgz has the SHA-256 ", error.Message);
        Assert.EndsWith(" instead of 0123: delete the file.", error.Message);
    }

    [Fact]
    public void A_missing_client_of_a_registry_is_an_error_of_one_line()
    {
        var error = Assert.Throws<IOException>(() => SuitePackage.Run("no-such-program", folder.FullPath, _ => { }, "download"));
        Assert.StartsWith("no-such-program does not start: ", error.Message);
    }

    [Fact]
    public void A_hand_draws_variants_of_a_digit()
    {
        string[] files = [.. Enumerable.Range(0, 3).Select(variant => Convert.ToHexString(DrawnDigits.Draw(hand: 4, digit: 7, variant)))];
        Assert.Equal(Convert.ToHexString(DrawnDigits.Draw(hand: 4, digit: 7)), files[0]);
        Assert.Equal(3, files.Distinct().Count());
    }

    private void WriteTiny(SuiteSet set, string[] packages, string path)
    {
        written++;
        Directory.CreateDirectory(Path.Combine(path, "b"));
        File.WriteAllText(Path.Combine(path, "a"), "A");
        File.WriteAllText(Path.Combine(path, "b", "c"), "B");
    }

    private static object Emoji(string image, string category, bool facebook = true) =>
        new { image, category, has_img_google = true, has_img_facebook = facebook, has_img_twitter = true };

    private string WritePackage(string name, (string Path, string Contents)[] files)
    {
        var path = folder[$"{name}.tgz"];
        using var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        using var tar = new TarWriter(gzip);
        foreach (var (file, contents) in files)
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"package/{file}")
            {
                DataStream = new MemoryStream(Encoding.UTF8.GetBytes(contents)),
            });
        return path;
    }
}
