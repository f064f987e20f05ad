using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using MnistCnn.Files;
using MnistCnn.Jobs;

namespace MnistCnn.Experiments;

/// <summary>A trial of an experiment, for instance one network with one seed.</summary>
/// <param name="Measure">Trains and measures.</param>
internal sealed partial record Trial<TRow>(string Name, double Work, Func<TrialContext, IEnumerable<TRow>> Measure) : Job(Name, Work)
{
    public override string FolderName => NoLetters().Replace(Name.ToLowerInvariant(), "-");

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NoLetters();
}

/// <summary>A finished trial: a line of <c>trials.jsonl</c>. A trial that diverged has no rows.</summary>
internal sealed record TrialResult<TRow>(
    string Name,
    IReadOnlyList<TRow> Rows,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Diverged = null)
{
    /// <summary>Name of the file with one line per finished trial.</summary>
    public const string FileName = "trials.jsonl";

    /// <summary>Reads the finished trials in a folder, of which there may be none.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static IReadOnlyList<TrialResult<TRow>> Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        var lines = File.Exists(path) ? InputFile.ReadAllText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
        return [.. lines.Select(line => JsonFormat.Parse<TrialResult<TRow>>(line, path))];
    }
}
