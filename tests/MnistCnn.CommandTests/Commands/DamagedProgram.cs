namespace MnistCnn.Tests.Commands;

/// <summary>Copies of the built program with one damaged file; Linux only.</summary>
internal static class DamagedProgram
{
    /// <summary>Copies the program, as links, and replaces the contents of one file.</summary>
    /// <param name="folder">Folder of the copy; must not exist.</param>
    /// <param name="file">Path of the file to damage, relative to the program's folder.</param>
    /// <returns>The path of the copy's <c>MnistCnn.dll</c>.</returns>
    public static string Create(string folder, string file)
    {
        // A link to the program itself would make .NET look for the other files beside the original.
        var copy = $"cp -rs '{AppContext.BaseDirectory}' '{folder}' && cp --remove-destination '{ProgramRun.ProgramPath}' '{folder}'";
        Assert.Equal(0, ProgramRun.OfShell("/", copy).ExitCode);
        var damaged = Path.Combine(folder, file);
        File.Delete(damaged);
        File.WriteAllText(damaged, "damaged");
        return Path.Combine(folder, Path.GetFileName(ProgramRun.ProgramPath));
    }
}
