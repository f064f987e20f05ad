namespace MnistCnn.Tests;

/// <summary>Root folder of the repository, found from the build output below it.</summary>
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
