using MnistCnn.Tests.Data;

namespace MnistCnn.Tests;

/// <summary>Files that the reader of a page brings: photos, folders of images, data sets, weights of PyTorch.</summary>
internal static class ReaderFiles
{
    /// <summary>Makes a file or folder of the kind that its name or the option before it tells.</summary>
    public static void Create(string path, string option)
    {
        var name = Path.GetFileName(path);
        if (option == "--data")
            CreateDataSet(path, name);
        else if (Path.GetExtension(name) is ".png" or ".jpg" or ".jpeg")
            Save(path, DrawnDigits.Draw(hand: 0, digit: 7));
        else if (name is "photos" or "digits")
            foreach (var digit in Enumerable.Range(0, 4))
                Save(Path.Combine(path, $"{digit}.png"), DrawnDigits.Draw(hand: digit, digit));
        else if (name == "model.safetensors")
            File.Copy(Path.Combine(RepositoryRoot.FullPath, "tests", "MnistCnn.Tests", "Fixtures", "residual-trained.safetensors"), path);
    }

    private static void CreateDataSet(string path, string name)
    {
        if (name.StartsWith("cifar", StringComparison.Ordinal))
        {
            Directory.CreateDirectory(path);
            SmallCifar.Write(path, name == "cifar-100" ? 100 : 10, images: 40);
        }
        else if (name.Contains("mnist", StringComparison.Ordinal))
        {
            Directory.CreateDirectory(path);
            SmallMnist.Write(path, train: 100, test: 50);
        }
        else if (name == "letters")
        {
            SmallPictures.Write(path, [.. "ABCDEFGHIJ".Select(letter => $"{letter}")], count: 10, side: 32, grey: true);
        }
        else
        {
            SmallPictures.Write(path, ["daisy", "rose", "tulip"], count: 20, side: 32);
        }
    }

    private static void Save(string path, byte[] contents)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, contents);
    }
}
