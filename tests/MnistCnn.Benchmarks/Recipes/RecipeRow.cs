using System.Text.Json;
using System.Text.Json.Serialization;
using MnistCnn.Files;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Benchmarks.Recipes;

/// <summary>Result of one training of the suite.</summary>
/// <param name="Status">finished or diverged.</param>
/// <param name="Epochs">Number of finished epochs.</param>
/// <param name="Accuracy">
/// Percentage classified correctly after the last epoch: of the test images, or of held-out images while tuning; null if it diverged.
/// </param>
/// <param name="BestValidationAccuracy">As <paramref name="Accuracy"/>, of the best epoch; null without held-out images.</param>
/// <param name="Seconds">Duration of the training, without evaluations.</param>
/// <param name="Settings">See <see cref="RecipeTrial.Fingerprint"/>.</param>
internal sealed record RecipeRow(
    string Set, int Images, string Network, string Recipe, string Label, long Seed, string Status, int PlannedEpochs, int Epochs,
    double? Accuracy, double? BestValidationAccuracy, double Seconds, string Program, string Libtorch, string Settings)
{
    private static readonly JsonSerializerOptions FromText = new(JsonFormat.Line)
    {
        NumberHandling = JsonNumberHandling.AllowReadingFromString,
    };

    [JsonIgnore]
    public bool HasDiverged => Accuracy is null;

    /// <param name="epochs">Metrics of the finished epochs.</param>
    public static RecipeRow Create(RecipeTrial trial, IReadOnlyList<EpochMetrics> epochs, bool hasDiverged) => new(
        trial.Set.Name,
        trial.Images,
        trial.Settings.Architecture.Name,
        trial.Recipe,
        trial.Label,
        trial.Settings.Seed,
        hasDiverged ? "diverged" : "finished",
        trial.Settings.Epochs,
        epochs.Count,
        hasDiverged ? null : epochs[^1].SelectionAccuracy,
        hasDiverged || trial.Settings.Validation is null ? null : EpochMetrics.Best(epochs)!.SelectionAccuracy,
        Math.Round(epochs.Sum(epoch => epoch.TrainSeconds), 3),
        Versions.Program,
        Versions.All["libtorch"],
        trial.Fingerprint);

    /// <summary>Reads a file of <see cref="CsvFile.Write"/> whose fields have no commas.</summary>
    public static RecipeRow[] ReadCsv(string path)
    {
        var lines = File.ReadAllLines(path);
        var names = lines[0].Split(',');
        return
        [
            .. from line in lines.Skip(1)
               let fields = names.Zip(line.Split(','), (name, field) => (name, field == "" && name != "label" ? null : field))
               select JsonSerializer.Deserialize<RecipeRow>(JsonSerializer.Serialize(fields.ToDictionary()), FromText)!,
        ];
    }

    /// <summary>Writes rows sorted by everything that distinguishes them.</summary>
    public static void WriteCsv(string path, IEnumerable<RecipeRow> rows) => CsvFile.Write(
        path,
        [.. rows.OrderBy(row => row.Set).ThenBy(row => row.Images).ThenBy(row => row.Network).ThenBy(row => row.Recipe)
            .ThenBy(row => row.Label).ThenBy(row => row.Seed)]);
}
