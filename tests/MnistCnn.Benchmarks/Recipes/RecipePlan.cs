using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MathNet.Numerics.Statistics;
using MnistCnn.Commands;
using MnistCnn.Files;
using MnistCnn.Jobs;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Sweeps;
using MnistCnn.Training;

namespace MnistCnn.Benchmarks.Recipes;

/// <summary>One training of the suite.</summary>
/// <param name="Images">Number of training images, without held-out ones.</param>
/// <param name="Label">Name of changes to the recipe; empty for none.</param>
internal sealed record RecipeTrial(SuiteSet Set, int Images, string Recipe, string Label, TrainSettings Settings)
    : Job(
        $"{Set.Name}/{Images}/{Settings.Architecture.Name}/{Recipe}{(Label.Length == 0 ? "" : $" {Label}")}/seed-{Settings.Seed}",
        (double)Images * Settings.Epochs)
{
    /// <summary>Hash of set and settings: a result with another one is of an earlier definition of the recipe.</summary>
    public string Fingerprint => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{Set.Sha256} {JsonSerializer.Serialize(Settings, JsonFormat.Line)}")))[..12];
}

/// <summary>Options of <c>train</c> that change a recipe.</summary>
internal sealed record RecipeChange(string Label, IReadOnlyList<string> Arguments)
{
    public static RecipeChange None { get; } = new("", []);

    /// <summary>Creates one change for each combination of values, as <c>sweep</c> does, with further options in all of them.</summary>
    /// <param name="label">Name of the further options; null for their text.</param>
    public static RecipeChange[] CreateAll(Grid grid, IReadOnlyList<string> options, string? label)
    {
        label ??= string.Join(' ', options.Select(option => option.TrimStart('-')));
        return
        [
            .. from point in grid.Points
               let names = new[] { grid.NameOf(point).Replace(',', ' '), label }.Where(name => name.Length > 0)
               let arguments = grid.Parameters.Zip(point).SelectMany(pair => SweepCommand.ToArguments(pair.First.Name, pair.Second))
               select new RecipeChange(string.Join(' ', names).Replace('/', '-'), [.. arguments, .. options]),
        ];
    }
}

/// <summary>
/// The trainings of a call. Settings are tuned on held-out training images; the final trainings use all training images and the test
/// images, with other seeds.
/// </summary>
/// <param name="Images">Numbers of training images; null for all.</param>
internal sealed record RecipePlan(
    bool IsFinal, IReadOnlyList<SuiteSet> Sets, IReadOnlyList<int?> Images, IReadOnlyList<Architecture> Networks,
    IReadOnlyList<Recipe> Recipes, IReadOnlyList<long> Seeds, IReadOnlyList<RecipeChange> Changes)
{
    /// <summary>Label of trainings with the reference recipe that take as long as the recipe for own images.</summary>
    public const string EqualTime = "equal-time";

    public const string OwnImages = "images";
    public const string Reference = "article";

    // Tuning uses at most this number of training images and of held-out images of a set.
    private const int TuningLimit = 5000;

    private static readonly Command Train = OptionParsers.CreateCommand("train", "", _ => 0, SettingsOptions.All, SettingsOptions.Check);

    /// <exception cref="UserException"><c>train</c> has no such option, or the options exclude each other.</exception>
    public RecipeTrial[] CreateTrials() =>
    [
        .. from set in Sets
           from images in SizesOf(set)
           from network in Networks
           from recipe in Recipes
           from change in Changes
           from seed in Seeds
           select CreateTrial(set, images, network.Name, recipe.Name, change, seed),
    ];

    /// <summary>
    /// Creates trainings with the reference recipe for as many epochs as fit into the median time of the recipe for own images, rounded
    /// up. Combinations without results of both recipes have none.
    /// </summary>
    public RecipeTrial[] CreateEqualTimeTrials(IReadOnlyList<RecipeRow> rows) =>
    [
        .. from ours in rows.Where(row => row is { Recipe: OwnImages, Label: "", Accuracy: not null })
           group ours by (ours.Set, ours.Images, ours.Network) into ours
           let reference = rows.Where(row => row is { Recipe: Reference, Label: "", Accuracy: not null }
               && (row.Set, row.Images, row.Network) == ours.Key).ToArray()
           where reference.Length > 0
           let secondsPerEpoch = reference.Select(row => row.Seconds / row.Epochs).Median()
           let epochs = Math.Max(1, (int)Math.Ceiling(ours.Select(row => row.Seconds).Median() / secondsPerEpoch))
           let change = new RecipeChange(EqualTime, ["--epochs", $"{epochs}"])
           from seed in Seeds
           select CreateTrial(FindSet(ours.Key.Set), ours.Key.Images, ours.Key.Network, Reference, change, seed),
    ];

    /// <summary>Whether a result was computed with the recipe as it is now.</summary>
    public bool IsCurrent(RecipeRow row) => row.Label is "" or EqualTime
        && Recipe.All.Any(recipe => recipe.Name == row.Recipe)
        && CreateTrial(
            FindSet(row.Set), row.Images, row.Network, row.Recipe,
            row.Label == EqualTime ? new RecipeChange(EqualTime, ["--epochs", $"{row.PlannedEpochs}"]) : RecipeChange.None,
            row.Seed).Fingerprint == row.Settings;

    private SuiteSet FindSet(string name) => Sets.Concat(SuiteSet.All).First(set => set.Name == name);

    private int HeldOut(SuiteSet set) => IsFinal ? 0 : Math.Min(TuningLimit, set.TrainImages / 5);

    private IEnumerable<int> SizesOf(SuiteSet set)
    {
        var most = IsFinal ? set.TrainImages : Math.Min(TuningLimit, set.TrainImages - HeldOut(set));
        return Images.Select(images => Math.Min(images ?? most, most)).Distinct();
    }

    private RecipeTrial CreateTrial(SuiteSet set, int images, string network, string recipe, RecipeChange change, long seed)
    {
        var heldOut = HeldOut(set);
        List<string> arguments = ["--arch", network, "--recipe", recipe, "--seed", $"{seed}", .. change.Arguments];
        if (images + heldOut < set.TrainImages)
            arguments.AddRange("--train-limit", $"{images + heldOut}");
        if (heldOut > 0)
            arguments.AddRange("--validation", $"{heldOut}", "--test-limit", "1"); // the test images are for the final trainings
        var parsed = Train.Parse(arguments);
        if (parsed.Errors is [var error, ..])
            throw new UserException(error.Message);
        return new RecipeTrial(set, images, recipe, change.Label, SettingsOptions.Read(parsed));
    }
}
