namespace MnistCnn.Tests;

/// <summary>The root of the repository, above what was built in it; the benchmarks use it too.</summary>
internal static class RepositoryRoot
{
    public static string FullPath { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "MnistCnn.sln")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
