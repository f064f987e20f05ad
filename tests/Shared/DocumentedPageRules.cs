namespace MnistCnn.Tests;

/// <summary>Rules for the code in pages of the documentation, which CONTRIBUTING.md explains to authors.</summary>
internal static class DocumentedPageRules
{
    /// <summary>Reasons not to run the commands of a block.</summary>
    private static readonly string[] Reasons =
        ["Slurm", "Kubernetes", "GPU", "MPI", "training above ten seconds", "changes this system"];

    private const string Long = "it is a training above ten seconds: add --train-limit, or do not run it for this reason";

    private static readonly string[] Languages = ["text", "csharp", "python", "bash", "yaml", "json", "js", "xml", "csv"];

    // Text of all C# and Python files without indentation and empty lines.
    private static readonly Lazy<string[]> Sources = new(() =>
    [
        .. from folder in new[] { "docs", "src", "tests" }
           from path in Directory.GetFiles(Path.Combine(RepositoryRoot.FullPath, folder), "*", SearchOption.AllDirectories)
           where Path.GetExtension(path) is ".cs" or ".py"
           where !path.Split(Path.DirectorySeparatorChar).Contains("obj")
           select Join(File.ReadLines(path)),
    ]);

    /// <summary>Finds everything that is wrong with the code of a page, without running it.</summary>
    public static IEnumerable<string> FindProblems(DocumentedPage page)
    {
        foreach (var block in page.Blocks)
        {
            if (FindProblem(page, block) is { } problem)
                yield return $"{block.Page}:{block.Line}: {problem}";
            if (block.HasCommands || block.Language == "bash")
                foreach (var command in block.ReadCommands())
                    if ((command.FindProblem(block.IsRun) ?? (block.IsRun && command.IsLong ? Long : null)) is { } fault)
                        yield return $"{command.Place}: {fault}";
        }

        foreach (var command in page.Inline)
            if (command.FindProblemInSentence() is { } fault)
                yield return $"{command.Place}: {fault}";
    }

    private static string? FindProblem(DocumentedPage page, DocumentedBlock block)
    {
        var reason = block.Find(DocumentedBlock.NotRun);
        if (block.HasCommands)
            return reason is null && block.Language == "sh" || reason is not null && !Reasons.Contains(reason)
                ? $"write <!-- not run: REASON --> before it, with REASON one of: {string.Join(", ", Reasons)}"
                : null;
        if (!Languages.Contains(block.Language))
            return $"'{block.Language}' is not one of: sh, {string.Join(", ", Languages)}";
        if (block.Find(DocumentedBlock.SavedAs) is { } file)
            return page.RunCommands.Any(command => command.Words.Contains(file)) || IsNamedByTest(page)
                ? null
                : $"no command of the page uses the file {file}";
        if (block.Find(DocumentedBlock.TestedBy) is { } test)
            return DocumentedCommand.IsTestClass(test) ? null : $"there is no test class {test}";
        if (block.Language == "bash")
            return "a script has <!-- tested by: CLASS --> before it; commands are indented, or stand in a block with sh";
        return block.Language is not ("csharp" or "python")
            || Excerpts(block).All(excerpt => Sources.Value.Any(source => source.Contains(excerpt, StringComparison.Ordinal)))
            ? null
            : "it is no excerpt of a source file (a line ... leaves lines out), and neither <!-- file: NAME --> nor "
                + "<!-- tested by: CLASS --> is before it";
    }

    private static bool IsNamedByTest(DocumentedPage page) => page.Name.Contains('/')
        && Sources.Value.Any(source => source.Contains($"\"{Path.GetFileName(page.Name)}\"", StringComparison.Ordinal));

    // Parts of a block between lines of three dots.
    private static IEnumerable<string> Excerpts(DocumentedBlock block)
    {
        var excerpt = new List<string>();
        foreach (var line in block.Lines.Select(line => line.Trim()).Append("..."))
            if (line.TrimStart('/', '#', ' ') == "...")
            {
                yield return Join(excerpt);
                excerpt.Clear();
            }
            else
            {
                excerpt.Add(line);
            }
    }

    // Each line begins after a line end, so that only whole lines match.
    private static string Join(IEnumerable<string> lines) =>
        string.Concat(lines.Select(line => line.Trim()).Where(line => line.Length > 0).Select(line => $"\n{line}")) + "\n";
}
