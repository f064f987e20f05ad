namespace MnistCnn.Runtime;

/// <summary>The way in which this program was installed, as its folder shows.</summary>
internal static partial class Installation
{
    // The container images of .NET set the variable.
    public static string Current =>
        Describe(AppContext.BaseDirectory, Environment.GetEnvironmentVariable("DOTNET_RUNNING_IN_CONTAINER") is "true" or "1");

    /// <param name="folder">Folder of the program's library.</param>
    public static string Describe(string folder, bool isInContainer)
    {
        var path = folder.Replace('\\', '/').TrimEnd('/');
        var kind = path.Split("/.store/") is [var tools, _]
                ? tools.EndsWith("/.dotnet/tools", StringComparison.Ordinal) ? "global .NET tool" : $".NET tool with the tool path {tools}"
            : PackageFolder().IsMatch(path) ? "local .NET tool, or run with dnx"
            : ProjectFolder(folder) is { } project ? $"built from source in {project}"
            : isInContainer ? "container image"
            : $"published folder {path}";
        return isInContainer && kind != "container image" ? $"{kind}, in a container" : kind;
    }

    // The program is in bin/Debug/net10.0 of its project, or a folder deeper for one runtime.
    private static string? ProjectFolder(string folder)
    {
        for (var parent = new DirectoryInfo(folder); parent is not null; parent = parent.Parent)
            if (parent.Name == "bin" && parent.Parent is { Exists: true } project)
                return project.EnumerateFiles("*.csproj").Any() ? project.FullName : null;
        return null;
    }

    // Folder of a tool's package in NuGet's cache, as in mnistcnn/0.2.0/tools/net10.0/any.
    [GeneratedRegex("/[^/]+/[0-9][^/]*/tools/net[^/]+/[^/]+$")]
    private static partial Regex PackageFolder();
}
