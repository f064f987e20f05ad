namespace MnistCnn.Tests;

/// <summary>Makes the files of CIFAR-10 and CIFAR-100 in their binary version, with random pixels, and labels that go round.</summary>
public static class SmallCifar
{
    public static string[] Names10 { get; } = [.. Enumerable.Range(1, 5).Select(batch => $"data_batch_{batch}.bin"), "test_batch.bin"];

    public static string[] Names100 { get; } = ["train.bin", "test.bin"];

    /// <summary>Class names in CIFAR-10's file of names.</summary>
    public static string[] Classes10 { get; } = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>Writes a data set of 10 or 100 classes with a number of images per file.</summary>
    public static void Write(string folder, int classes, int images = 4)
    {
        var random = new Random(classes);
        foreach (var (part, name) in (classes == 10 ? Names10 : Names100).Index())
        {
            using var file = File.Create(Path.Combine(folder, name));
            for (var index = 0; index < images; index++)
            {
                var label = (byte)((part * images + index) % classes);
                if (classes == 100)
                    file.WriteByte((byte)(label / 5));
                file.WriteByte(label);
                var pixels = new byte[3 * 32 * 32];
                random.NextBytes(pixels);
                file.Write(pixels);
            }
        }

        if (classes == 10)
            File.WriteAllText(Path.Combine(folder, "batches.meta.txt"), string.Join('\n', Classes10) + "\n\n");
        else
            File.WriteAllLines(Path.Combine(folder, "fine_label_names.txt"), Enumerable.Range(0, 100).Select(label => $"thing {label}"));
    }
}
