namespace MnistCnn.Tests;

/// <summary>Rules for the code in pages of the documentation; CONTRIBUTING.md lists them for authors.</summary>
internal static class DocumentedPageRules
{
    /// <summary>Reasons not to run the commands of a block.</summary>
    private static readonly string[] Reasons =
        ["Slurm", "Kubernetes", "GPU", "MPI", "training above ten seconds", "changes this system"];

    private const string Long = "it takes above ten seconds: add --train-limit, or do not run it for the reason 'training above ten seconds'";

    private const string Lost = "no command is before this output in its section, and no heading quotes it as a message";

    private static readonly string[] Languages = ["text", "csharp", "python", "bash", "yaml", "json", "js", "xml", "csv"];

    // Lines of all source files without indentation and empty lines, per language.
    private static readonly Lazy<string[]> CSharp = new(() => [.. Sources("*.cs", "docs", "src", "tests")]);
    private static readonly Lazy<string[]> Python = new(() => [.. Sources("*.py", "tests/reference")]);

    /// <summary>Finds everything that is wrong with the code of a page, without running it.</summary>
    public static IEnumerable<string> FindProblems(DocumentedPage page)
    {
        foreach (var block in page.Blocks)
        {
            if ((FindProblem(block) ?? (block.IsLostSample ? Lost : null)) is { } problem)
                yield return $"{block.Page}:{block.Line}: {problem}";
            if (block.HasCommands)
                foreach (var command in block.ReadCommands())
                    if ((command.FindProblem(block.IsRun) ?? (block.IsRun && IsLong(command) ? Long : null)) is { } fault)
                        yield return $"{command.Place}: {fault}";
        }

        foreach (var command in page.Inline)
            if (command.FindProblemInSentence() is { } fault)
                yield return $"{command.Place}: {fault}";
    }

    // Trainings on all of MNIST. The data sets of readers are small in the tests, and a resumed run is short.
    private static bool IsLong(DocumentedCommand command) => command.ProgramArguments switch
    {
        ["experiment", not ("ablation" or "--help"), ..] => true,
        ["train" or "sweep", .. var options] => !options.Intersect(["--train-limit", "--data", "--resume", "--merge", "--help"]).Any(),
        _ => false,
    };

    private static string? FindProblem(DocumentedBlock block)
    {
        var reason = block.Comment.StartsWith(DocumentedBlock.NotRun, StringComparison.Ordinal)
            ? block.Comment[DocumentedBlock.NotRun.Length..]
            : null;
        if (block.HasCommands)
            return reason is null && block.Language == "sh" || reason is not null && !Reasons.Contains(reason)
                ? $"write <!-- not run: REASON --> before it, with REASON one of: {string.Join(", ", Reasons)}"
                : null;
        if (!Languages.Contains(block.Language))
            return $"'{block.Language}' is not one of: sh, {string.Join(", ", Languages)}";
        if (block.Comment.StartsWith(DocumentedBlock.SavedAs, StringComparison.Ordinal))
            return null;
        var sources = block.Language switch { "csharp" => CSharp.Value, "python" => Python.Value, _ => null };
        return sources is null || Excerpts(block).All(excerpt => sources.Any(source => source.Contains(excerpt, StringComparison.Ordinal)))
            ? null
            : "it is no excerpt of a source file (whitespace and lines of ... aside), and no <!-- file: NAME --> before it names it for a command";
    }

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

    private static IEnumerable<string> Sources(string pattern, params string[] folders) =>
        from folder in folders
        from path in Directory.GetFiles(Path.Combine(RepositoryRoot.FullPath, folder), pattern, SearchOption.AllDirectories)
        where !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
        select Join(File.ReadLines(path));

    // Begins and ends with a line end, so that only whole lines match.
    private static string Join(IEnumerable<string> lines) =>
        string.Concat(lines.Select(line => line.Trim()).Where(line => line.Length > 0).Select(line => $"{line}\n"));
}
