namespace MnistCnn.Sweeps;

/// <summary>Parameters of a sweep. Each combination of their values is a trial; the last parameter changes fastest.</summary>
internal sealed record Grid(IReadOnlyList<GridParameter> Parameters)
{
    public const int MaxTrials = 100_000;

    public double Count => Parameters.Aggregate(1.0, (count, parameter) => count * parameter.Values.Count);

    /// <summary>Values of each trial, in the order of <see cref="Parameters"/>.</summary>
    public IEnumerable<IReadOnlyList<string>> Points => Parameters.Aggregate(
        (IEnumerable<IReadOnlyList<string>>)[[]],
        (points, parameter) => points.SelectMany(_ => parameter.Values, (point, value) => (IReadOnlyList<string>)[.. point, value]));

    /// <summary>Name of a trial and of its folder: <c>arch=residual,lr=0.01,seed=1</c>.</summary>
    public string NameOf(IReadOnlyList<string> point) =>
        string.Join(',', Parameters.Zip(point, (parameter, value) => $"{parameter.Name}={value}"));
}

/// <summary>A setting of <c>train</c> and its values in a sweep, as typed.</summary>
/// <param name="Name">Name of the option, without its dashes.</param>
internal sealed record GridParameter(string Name, IReadOnlyList<string> Values)
{
    /// <summary>Name of the setting over whose values results are averaged.</summary>
    public const string Seed = "seed";

    /// <summary>Parses <c>NAME=VALUE,VALUE</c>; <c>1..30</c> stands for the whole numbers from 1 to 30.</summary>
    /// <param name="problem">Error message, or null.</param>
    public static GridParameter Parse(string text, out string? problem)
    {
        var (name, values) = text.Split('=', 2) is [var before, var after] ? (before.TrimStart('-'), after) : (text, "");
        List<string> all = [];
        problem = name.Length == 0 || values.Length == 0
            ? $"'{text}' is not a setting to vary: write NAME=VALUE,VALUE, as in lr=0.01,0.1 or seed=1..30."
            : values.Split(',').Select(value => Add(value, all)).FirstOrDefault(error => error is not null);
        if (all.GroupBy(value => value, StringComparer.OrdinalIgnoreCase).FirstOrDefault(group => group.Count() > 1) is { Key: var twice })
            problem ??= $"'{text}' has {twice} twice.";
        return new GridParameter(name, all);

        string? Add(string value, List<string> to)
        {
            if (value.Length == 0)
                return $"'{text}' has an empty value.";
            if (value.Split("..") is not [var low, var high])
                to.Add(value);
            else if (!long.TryParse(low, out var first) || !long.TryParse(high, out var last) || first > last)
                return $"'{value}' in '{text}' is not a range of whole numbers, as in 1..30.";
            else if ((double)last - first >= Grid.MaxTrials)
                return $"'{value}' in '{text}' is too long: a sweep has at most {Grid.MaxTrials} trials.";
            else
                for (var number = first; number <= last; number++)
                    to.Add($"{number}");
            return null;
        }
    }
}

/// <summary>One of several parts of a sweep that are trained separately, for instance on several machines.</summary>
/// <param name="Index">Number of the part, from 1.</param>
internal sealed record Shard(int Index, int Count)
{
    /// <summary>Parses <c>I/N</c>; null for another text.</summary>
    public static Shard? Parse(string text) => text.Split('/') is [var index, var count]
        && int.TryParse(index, out var i) && int.TryParse(count, out var n) ? new Shard(i, n) : null;

    /// <summary>Whether the shard has a trial. Neighbouring trials take about as long, so they are in different shards.</summary>
    /// <param name="index">Index of the trial, from 0.</param>
    public bool Contains(int index) => index % Count == Index - 1;

    public override string ToString() => $"{Index}/{Count}";
}
