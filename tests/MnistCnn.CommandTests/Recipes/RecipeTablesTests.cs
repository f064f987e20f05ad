using MnistCnn.Benchmarks;
using MnistCnn.Benchmarks.Recipes;
using MnistCnn.Experiments;
using MnistCnn.Networks;

namespace MnistCnn.Tests.Recipes;

/// <summary>
/// Tables of the benchmark <c>recipes</c>, from made-up rows. The page has the tables of the rows in docs/measurements; with
/// MNIST_CNN_PLOTS=write, the test writes them again.
/// </summary>
public sealed class RecipeTablesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_page_has_the_tables_of_the_saved_rows()
    {
        RecipeRow[] rows = File.Exists(RecipeTables.SavedRows) ? RecipeRow.ReadCsv(RecipeTables.SavedRows) : [];
        if (rows.Length > 0 && Environment.GetEnvironmentVariable("MNIST_CNN_PLOTS") == "write")
            RecipeTables.Save(rows);
        var page = File.ReadAllText(RecipeTables.PagePath).ReplaceLineEndings("\n");
        Assert.Equal(RecipeTables.CreateBlock(rows), MeasuredBlock.Find(page, RecipeTables.Begin));
    }

    // 3 is the mean of 1 to 5, 1.58 their standard deviation, 2.776 the quantile of Student's t for 4 degrees of freedom.
    [Fact]
    public void A_cell_has_mean_and_interval_and_counts_diverged_trainings()
    {
        var rows = Rows("fast", "residual", 1, 2, 3, 4, 5);
        Assert.Equal("3.0 ± 2.0", RecipeTables.Describe(rows));
        Assert.Equal("3.0 ± 2.0 (1 of 6 diverged)", RecipeTables.Describe([.. rows, Diverged("fast", "residual", 8)]));
        Assert.Equal("(1 of 1 diverged)", RecipeTables.Describe([Diverged("fast", "residual", 3)]));
        Assert.Equal(("47.2", ""), (RecipeTables.Describe(Rows("fast", "residual", 47.24)), RecipeTables.Describe([])));
    }

    [Fact]
    public void The_table_on_the_console_has_a_row_per_recipe_and_a_column_per_network()
    {
        var table = RecipeTables.CreateTable(
        [
            .. Rows("fast", "residual", 40, 42), .. Rows("fast", "plain", 30), .. Rows("article", "plain", 31),
            .. Rows("fast", "plain", 20).Select(row => row with { Label = "lr=0.1" }),
        ]);
        Assert.Equal(["set", "images", "recipe", "residual", "plain"], table.Headings);
        Assert.Equal(
            ["emoji 500 fast 41.0 ± 12.7 30.0", "emoji 500 article  31.0", "emoji 500 fast lr=0.1  20.0"],
            table.Rows.Select(row => string.Join(' ', row)));
    }

    [Fact]
    public void The_page_compares_recipes_by_network_and_the_recipe_for_own_images_at_equal_time()
    {
        RecipeRow[] rows =
        [
            .. Rows("best", "inception", 40, 42), Diverged("best", "inception", 5), .. Rows("article", "inception", 30, 30),
            .. Rows("article", "residual", 50, 52), .. Rows("best", "residual", 60, 60), .. Rows("images", "residual", 70, 71),
            .. Rows("article", "residual", 55, 58).Select(row => row with { Label = RecipePlan.EqualTime }),
            .. Rows("fast", "residual", 1, 1).Select(row => row with { Images = 100 }),
            .. Rows("fast", "plain", 99, 99).Select(row => row with { Set = "digits" }),
        ];
        var block = RecipeTables.CreateBlock(rows);
        Assert.Equal(
            """
            <!-- measured: recipes -->
            Test accuracy on `emoji` with 500 training images, in percent:

            | recipe | `residual` | `inception` |
            | --- | ---: | ---: |
            | `article` | 51.0 ± 12.7 | 30.0 ± 0.0 |
            | `best` | 60.0 ± 0.0 | 41.0 ± 12.7 (1 of 3 diverged) |
            | `images` | 70.5 ± 6.4 | |

            Test accuracy of `article` at equal time and of `images`, in percent, and the difference in percentage points:

            | set | images | network | `article` | `images` | difference, 95 % CI |
            | --- | ---: | --- | ---: | ---: | ---: |
            | `emoji` | 500 | `residual` | 56.5 ± 19.1 | 70.5 ± 6.4 | +14.0 (+1.3 to +26.7) |

            Seeds 3 to 5, one thread per training; MnistCnn 0.2.0, libtorch 2.10.0.0.
            Diverged trainings with unchanged recipes: 1 with `best`, of 15 trainings.
            <!-- end -->
            """.ReplaceLineEndings("\n"), block);
        Assert.Equal(VerdictOutcome.Supported, RecipeTables.Compare(rows[5..]).Outcome);
        Assert.Equal("<!-- measured: recipes -->\nNot measured yet.\n<!-- end -->", RecipeTables.CreateBlock([]));
    }

    [Fact]
    public void Rows_are_read_as_they_were_written()
    {
        RecipeRow[] rows =
        [
            Diverged("fast", "residual", 5) with { Label = "lr=0.1 epochs=2" },
            Rows("fast", "residual", 47.123456789)[0] with { Label = "lr=0.1 epochs=2", BestValidationAccuracy = 50 },
            Rows("fast", "residual", 47)[0] with { Set = "mnist" },
        ];
        RecipeRow.WriteCsv(folder["rows.csv"], [rows[2], rows[0], rows[1]]);
        Assert.Equal([rows[1], rows[0], rows[2]], RecipeRow.ReadCsv(folder["rows.csv"]));
    }

    [Fact]
    public void The_networks_of_a_call_without_names_exist() =>
        Assert.All(RecipesCommand.DefaultNetworks, name => Assert.NotNull(Architecture.Find(name)));

    private static RecipeRow[] Rows(string recipe, string network, params double[] accuracies) =>
    [
        .. accuracies.Select((accuracy, index) =>
            RecipePlanTests.Row(recipe, seed: 3 + index, seconds: 1, accuracy) with { Network = network }),
    ];

    private static RecipeRow Diverged(string recipe, string network, long seed) =>
        RecipePlanTests.Row(recipe, seed, seconds: 0) with { Network = network, Status = "diverged", Epochs = 0, Accuracy = null };
}
