
namespace MnistCnn.Sweeps;

/// <summary>What a sweep varies: each combination of its parameters' values is a trial.</summary>
/// <param name="Parameters">At least one; the last changes fastest from trial to trial.</param>
internal sealed record Grid(IReadOnlyList<GridParameter> Parameters)
{
    /// <summary>The most trials that a grid may have.</summary>
    public const int MostTrials = 100_000;

    /// <summary>How many combinations there are.</summary>
    public double Count => Parameters.Aggregate(1.0, (count, parameter) => count * parameter.Values.Count);

    /// <summary>The combinations in order: of each, the values in the order of <see cref="Parameters"/>.</summary>
    public IEnumerable<IReadOnlyList<string>> Points => Parameters.Aggregate(
        (IEnumerable<IReadOnlyList<string>>)[[]],
        (points, parameter) => points.SelectMany(_ => parameter.Values, (point, value) => (IReadOnlyList<string>)[.. point, value]));

    /// <summary>The name of a combination, and of its folder: <c>arch=residual,lr=0.01,seed=1</c>.</summary>
    public string NameOf(IReadOnlyList<string> point) => string.Join(',', Parameters.Zip(point, (parameter, value) => $"{parameter.Name}={value}"));
}

/// <summary>An option of <c>train</c> and the values that it takes in a sweep.</summary>
/// <param name="Name">Its name, without the two dashes.</param>
/// <param name="Values">The values as they stand on the command line, no two alike.</param>
internal sealed record GridParameter(string Name, IReadOnlyList<string> Values)
{
    /// <summary>The option whose values are not compared but averaged.</summary>
    public const string Seed = "seed";

    /// <summary>Reads <c>NAME=VALUE,VALUE</c>, in which <c>1..30</c> stands for the whole numbers from 1 to 30.</summary>
    /// <param name="text">What stands on the command line.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static GridParameter Parse(string text, out string? problem)
    {
        var (name, values) = text.Split('=', 2) is [var before, var after] ? (before.TrimStart('-'), after) : (text, "");
        List<string> all = [];
        problem = name.Length == 0 || values.Length == 0
            ? $"'{text}' is not what a sweep varies: that is NAME=VALUE,VALUE, as in lr=0.01,0.1 or seed=1..30."
            : values.Split(',').Select(value => Add(value, all)).FirstOrDefault(found => found is not null);
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
                return $"'{value}' in '{text}' is no range of whole numbers, as in 1..30.";
            else if ((double)last - first >= Grid.MostTrials)
                return $"'{value}' in '{text}' is too long: a sweep has {Grid.MostTrials} trials at most.";
            else
                for (var number = first; number <= last; number++)
                    to.Add($"{number}");
            return null;
        }
    }
}

/// <summary>One of several parts of a sweep, each of which is trained by itself.</summary>
/// <param name="Index">Which part, from 1.</param>
/// <param name="Count">How many there are.</param>
internal sealed record Shard(int Index, int Count)
{
    /// <summary>Reads <c>I/N</c>; null where it is none.</summary>
    public static Shard? Parse(string text) => text.Split('/') is [var index, var count] && int.TryParse(index, out var i) && int.TryParse(count, out var n) ? new Shard(i, n) : null;

    /// <summary>Whether it has the trial at that place, from 0: neighbours, which take about as long, are in different parts.</summary>
    public bool Has(int place) => place % Count == Index - 1;

    /// <inheritdoc/>
    public override string ToString() => $"{Index}/{Count}";
}
