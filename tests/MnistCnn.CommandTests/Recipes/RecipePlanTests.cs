using MnistCnn.Benchmarks.Recipes;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Sweeps;
using MnistCnn.Training;

namespace MnistCnn.Tests.Recipes;

/// <summary>Trainings that the benchmark <c>recipes</c> plans.</summary>
public sealed class RecipePlanTests
{
    private static readonly RecipePlan Tuning = new(
        IsFinal: false, SuiteSet.All, [500, 2000, null], [Architecture.Find("residual")!], [Recipe.All[0]], [1, 2], [RecipeChange.None]);

    private static readonly RecipePlan Final = Tuning with { IsFinal = true, Seeds = [3, 4] };

    [Fact]
    public void Tuning_holds_out_images_and_does_not_look_at_the_test_images()
    {
        var trials = Tuning.CreateTrials();
        Assert.Equal(
            [
                ("mnist", 500), ("mnist", 2000), ("mnist", 5000), ("fashion", 500), ("fashion", 2000), ("fashion", 5000), ("digits", 500),
                ("digits", 1280), ("letters", 500), ("letters", 2000), ("letters", 4224), ("emoji", 500), ("emoji", 2000), ("emoji", 3009),
            ],
            trials.Select(trial => (trial.Set.Name, trial.Images)).Distinct());
        Assert.Equal([1, 2], trials.Select(trial => trial.Settings.Seed).Distinct());
        Assert.All(trials, trial =>
        {
            var settings = trial.Settings;
            Assert.Equal(1, settings.TestLimit);
            Assert.Equal(Math.Min(5000, trial.Set.TrainImages / 5), settings.Validation);
            Assert.Equal(trial.Images, (settings.TrainLimit ?? trial.Set.TrainImages) - settings.Validation);
        });
    }

    [Fact]
    public void Final_trainings_use_all_training_images_and_the_test_images()
    {
        var trials = Final.CreateTrials();
        Assert.Equal(
            [(500, 500), (2000, 2000), (60_000, null)],
            trials.Where(trial => trial.Set.Name == "mnist").Select(trial => (trial.Images, trial.Settings.TrainLimit)).Distinct());
        Assert.Equal([500, 2000, 3761], trials.Where(trial => trial.Set.Name == "emoji").Select(trial => trial.Images).Distinct());
        Assert.All(trials, trial => Assert.Equal((null, null), (trial.Settings.Validation, trial.Settings.TestLimit)));
    }

    [Fact]
    public void Each_combination_of_changed_settings_is_labelled()
    {
        var changes = RecipeChange.CreateAll(
            new Grid([GridParameter.Parse("lr=0.1,0.2", out _), GridParameter.Parse("augment=crop=2+flip", out _)]),
            ["--momentum", "0.5"], label: null);
        Assert.Equal(
            ["lr=0.1 augment=crop=2+flip momentum 0.5", "lr=0.2 augment=crop=2+flip momentum 0.5"], changes.Select(change => change.Label));
        var settings = (Tuning with { Sets = [SuiteSet.All[0]], Images = [500], Seeds = [1], Changes = changes }).CreateTrials()
            .Select(trial => (trial.Settings.LearningRate, $"{trial.Settings.Augment}", trial.Settings.Momentum));
        Assert.Equal([(0.1, "crop=2,flip", 0.5), (0.2, "crop=2,flip", 0.5)], settings);
        Assert.Equal([("", 0)], RecipeChange.CreateAll(new Grid([]), [], null).Select(change => (change.Label, change.Arguments.Count)));
    }

    [Fact]
    public void An_option_that_train_does_not_have_is_an_error()
    {
        var plan = Tuning with { Changes = [new RecipeChange("", ["--lrr", "1"])] };
        Assert.Contains("'--lrr'", Assert.Throws<UserException>(() => plan.CreateTrials()).Message);
    }

    // The recipe for own images takes 12 s; an epoch of the reference recipe takes 1.6 s: 7.5 epochs.
    [Fact]
    public void The_reference_recipe_gets_the_time_of_the_recipe_for_own_images_rounded_up_to_epochs()
    {
        RecipeRow[] rows =
        [
            Row("images", 3, seconds: 11), Row("images", 4, seconds: 13), Row("images", 5, seconds: 99) with { Accuracy = null },
            Row("article", 3, seconds: 15), Row("article", 4, seconds: 17), Row("article", 3, seconds: 15) with { Network = "plain" },
        ];
        var trials = Final.CreateEqualTimeTrials(rows);
        Assert.Equal(
            [("emoji", 500, "residual", "article", "equal-time", 8, 3), ("emoji", 500, "residual", "article", "equal-time", 8, 4)],
            trials.Select(trial => (
                trial.Set.Name, trial.Images, trial.Settings.Architecture.Name, trial.Recipe, trial.Label, trial.Settings.Epochs,
                (int)trial.Settings.Seed)));
        Assert.Empty(Final.CreateEqualTimeTrials(rows[..3]));
    }

    [Fact]
    public void Results_of_an_earlier_definition_of_a_recipe_are_not_current()
    {
        var plan = Final with { Sets = [SuiteSet.All[4]], Images = [500], Seeds = [3] };
        var trial = plan.CreateTrials()[0];
        var row = Row("article", 3, seconds: 1) with { Settings = trial.Fingerprint };
        Assert.True(plan.IsCurrent(row));
        Assert.False(plan.IsCurrent(row with { Settings = "0123456789ab" }));
        Assert.False(plan.IsCurrent(row with { Label = "lr=0.1" }));
        Assert.False(plan.IsCurrent(row with { Recipe = "removed" }));
        var equal = Final.CreateEqualTimeTrials([Row("images", 3, seconds: 8), Row("article", 3, seconds: 10)])[0];
        Assert.True(plan.IsCurrent(row with { Label = "equal-time", PlannedEpochs = 8, Settings = equal.Fingerprint }));
    }

    internal static RecipeRow Row(string recipe, long seed, double seconds, double accuracy = 50) => new(
        "emoji", 500, "residual", recipe, "", seed, "finished", 10, 10, accuracy, null, seconds, "0.2.0", "2.10.0.0", "a1b2c3d4e5f6");
}
