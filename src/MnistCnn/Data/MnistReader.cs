namespace MnistCnn.Data;

/// <summary>What <see cref="IdxReader"/> was called when MNIST was the only set that it read.</summary>
internal static class MnistReader
{
    /// <summary>As <see cref="IdxReader.BundledMnist"/>.</summary>
    public static string BundledFolder => IdxReader.BundledMnist;

    /// <summary>As <see cref="IdxReader.Load"/>.</summary>
    public static DataSet Load(string folder, int? trainLimit, int? testLimit) => IdxReader.Load(folder, trainLimit, testLimit);
}
