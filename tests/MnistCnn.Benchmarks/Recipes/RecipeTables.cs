using MnistCnn.Charts;
using MnistCnn.Experiments;
using MnistCnn.Tests;

namespace MnistCnn.Benchmarks.Recipes;

/// <summary>Tables of the suite's results: means over the seeds with 95 % confidence intervals.</summary>
internal static class RecipeTables
{
    public const string Begin = "<!-- measured: recipes -->";

    private const string ColourSet = "emoji";

    /// <summary>Page with the results.</summary>
    public static string PagePath => Path.Combine(RepositoryRoot.FullPath, "docs", "reference", "recipes.md");

    /// <summary>Rows that the page shows.</summary>
    public static string SavedRows => Path.Combine(RepositoryRoot.FullPath, "docs", "measurements", "recipes.csv");

    /// <summary>Creates a table with a row per set, number of images and recipe, and a column per network.</summary>
    public static ResultTable CreateTable(IReadOnlyList<RecipeRow> rows)
    {
        string[] networks = [.. rows.Select(row => row.Network).Distinct()];
        return new ResultTable(
            ["set", "images", "recipe", .. networks],
            [
                .. from row in rows
                   group row by (row.Set, row.Images, row.Recipe, row.Label) into setting
                   let name = $"{setting.Key.Recipe} {setting.Key.Label}".TrimEnd()
                   select (string[])
                   [
                       setting.Key.Set, $"{setting.Key.Images}", name,
                       .. networks.Select(network => Describe([.. setting.Where(row => row.Network == network)])),
                   ],
            ]);
    }

    /// <summary>Mean accuracy of trainings that differ in their seeds, half of its interval, and number of diverged trainings.</summary>
    public static string Describe(IReadOnlyList<RecipeRow> rows)
    {
        double[] accuracies = [.. rows.Where(row => !row.HasDiverged).Select(row => row.Accuracy!.Value)];
        var diverged = rows.Count - accuracies.Length;
        var mean = accuracies.Length == 0 ? "" : $"{accuracies.Average():F1}";
        var interval = ConfidenceInterval.HalfWidth(accuracies) is { } half ? $" ± {half:F1}" : "";
        return diverged == 0 ? mean + interval : $"{mean}{interval} ({diverged} of {rows.Count} diverged)".TrimStart();
    }

    /// <summary>Difference between the recipe for own images and the reference recipe at equal time.</summary>
    public static Effect Compare(IReadOnlyList<RecipeRow> rows) => Effect.Difference(
        $"{RecipePlan.OwnImages} ends", RecipePlan.Reference,
        AccuraciesOf(rows, RecipePlan.OwnImages, ""), AccuraciesOf(rows, RecipePlan.Reference, RecipePlan.EqualTime));

    /// <summary>Creates the block of the page, with its marks.</summary>
    public static string CreateBlock(IReadOnlyList<RecipeRow> rows)
    {
        if (rows.Count == 0)
            return $"{Begin}\nNot measured yet.\n{MeasuredBlock.End}";
        var plain = rows.Where(row => row.Label.Length == 0).ToArray();
        var emoji = plain.Where(row => row.Set == ColourSet).ToArray();
        var largest = emoji.Select(row => row.Images).DefaultIfEmpty().Max();
        string[] networks = [.. Order(emoji.Select(row => row.Network))];
        var recipes =
            from row in emoji
            where row.Images == largest
            group row by row.Recipe into recipe
            orderby IndexOfRecipe(recipe.Key)
            select (string[])
                [$"`{recipe.Key}`", .. networks.Select(network => Describe([.. recipe.Where(row => row.Network == network)]))];
        var comparisons =
            from row in rows
            group row by (row.Set, row.Images, row.Network) into setting
            let effect = Compare([.. setting])
            where effect.Mean is not null
            orderby SuiteSet.All.ToList().FindIndex(set => set.Name == setting.Key.Set), setting.Key.Images,
                Array.IndexOf(RecipesCommand.DefaultNetworks, setting.Key.Network)
            select (string[])
            [
                $"`{setting.Key.Set}`", $"{setting.Key.Images:N0}", $"`{setting.Key.Network}`",
                Describe([.. setting.Where(row => row is { Recipe: RecipePlan.Reference, Label: RecipePlan.EqualTime })]),
                Describe([.. setting.Where(row => row is { Recipe: RecipePlan.OwnImages, Label: "" })]),
                $"{effect.Mean:+0.0;-0.0}" + (effect.Low is { } low ? $" ({low:+0.0;-0.0} to {effect.High:+0.0;-0.0})" : ""),
            ];
        var seeds = rows.Select(row => row.Seed).Distinct().Order().ToArray();
        var diverged = plain.Where(row => row.HasDiverged).GroupBy(row => row.Recipe).OrderBy(group => IndexOfRecipe(group.Key))
            .Select(group => $"{group.Count()} with `{group.Key}`").ToArray();
        return string.Join('\n',
        [
            Begin,
            $"Test accuracy on `{ColourSet}` with {largest:N0} training images, in percent:",
            "",
            Markdown(["recipe", .. networks.Select(network => $"`{network}`")], recipes),
            "",
            $"Test accuracy of `{RecipePlan.Reference}` at equal time and of `{RecipePlan.OwnImages}`, in percent, and the difference in "
                + "percentage points:",
            "",
            Markdown(
                [
                    "set", "images", "network", $"`{RecipePlan.Reference}`", $"`{RecipePlan.OwnImages}`",
                    $"difference, {ConfidenceInterval.Heading}",
                ],
                comparisons),
            "",
            $"Seeds {seeds[0]} to {seeds[^1]}, one thread per training; MnistCnn {rows[0].Program}, libtorch {rows[0].Libtorch}.",
            "Diverged trainings with unchanged recipes: "
                + $"{(diverged.Length == 0 ? "none" : string.Join(", ", diverged))}, of {plain.Length:N0} trainings.",
            MeasuredBlock.End,
        ]);
    }

    /// <summary>Saves rows and writes them into the page.</summary>
    /// <param name="rows">At least one.</param>
    public static void Save(IReadOnlyList<RecipeRow> rows)
    {
        RecipeRow.WriteCsv(SavedRows, rows);
        MeasuredBlock.Replace(PagePath, Begin, CreateBlock(RecipeRow.ReadCsv(SavedRows)));
    }

    private static IEnumerable<(long Seed, double Percent)> AccuraciesOf(IReadOnlyList<RecipeRow> rows, string recipe, string label) =>
        from row in rows
        where row.Recipe == recipe && row.Label == label && !row.HasDiverged
        select (row.Seed, row.Accuracy!.Value);

    private static IEnumerable<string> Order(IEnumerable<string> networks) =>
        networks.Distinct().OrderBy(network => Array.IndexOf(RecipesCommand.DefaultNetworks, network));

    private static int IndexOfRecipe(string name) =>
        Training.Recipe.All.Select(recipe => recipe.Name).Append(name).ToList().IndexOf(name); // an unknown one last

    private static string Markdown(IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows) => string.Join(
        '\n',
        [Row(headings), Row(headings.Select(heading => heading is "recipe" or "set" or "network" ? "---" : "---:")), .. rows.Select(Row)]);

    private static string Row(IEnumerable<string> cells) => $"|{string.Concat(cells.Select(cell => cell == "" ? " |" : $" {cell} |"))}";
}
