using MnistCnn.Commands;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Tests.Documentation;

/// <summary>The tables of docs/reference/networks.md and docs/reference/recipes.md are computed from the program.</summary>
public sealed class NetworksPageTests
{
    [Fact]
    public void The_table_of_networks_has_their_sizes() => GeneratedBlocks.AssertEqual("docs/reference/networks.md", name => name switch
    {
        "networks" => GeneratedBlocks.Table(
            ["`--arch`", "network", "source", "layers", "parameters", "multiply-adds", "smallest image"],
            Architecture.All.Select(CreateRow),
            3, 4, 5, 6),
        _ => GeneratedBlocks.Table(
            ["`--arch`", "parameters", "multiply-adds", "receptive field (pixels)"],
            name.Split(' ')[2..].Select(network => CreateCosts(Architecture.Find(network)!, name.Split(' ')[1])),
            1, 2, 3),
    });

    [Fact]
    public void The_table_of_recipes_has_their_settings() => GeneratedBlocks.AssertEqual(
        "docs/reference/recipes.md",
        _ => GeneratedBlocks.Table(
            ["setting", .. Recipe.All.Select(recipe => $"`{recipe.Name}`")],
            from setting in Settings
            select (string[])[setting.Name, .. Recipe.All.Select(recipe => setting.Value(recipe.Settings))]));

    private static readonly (string Name, Func<TrainSettings, string> Value)[] Settings =
    [
        ("`--epochs`", settings => $"{settings.Epochs}"),
        ("`--batch-size`", settings => $"{settings.BatchSize}"),
        ("`--lr`", settings => $"{settings.LearningRate}"),
        ("`--schedule`", settings => OptionParsers.NameOf(settings.Schedule)),
        ("`--lr-milestones`", settings => settings.LearningRateMilestones is { } steps ? string.Join(' ', steps) : ""),
        ("`--clip-norm`", settings => $"{settings.ClipNorm}"),
        ("`--momentum`", settings => $"{settings.Momentum}"),
        ("`--weight-decay`", settings => $"{settings.WeightDecay}"),
        ("`--label-smoothing`", settings => $"{settings.LabelSmoothing}"),
        ("`--augment`", settings => settings.Augment is { } augmentation ? $"`{augmentation}`" : ""),
    ];

    [Fact]
    public void The_table_of_recipes_has_all_settings_that_recipes_change()
    {
        var article = Recipe.All[0].Settings;
        foreach (var recipe in Recipe.All)
        {
            var shown = article with
            {
                Epochs = recipe.Settings.Epochs,
                BatchSize = recipe.Settings.BatchSize,
                LearningRate = recipe.Settings.LearningRate,
                LearningRateMilestones = recipe.Settings.LearningRateMilestones,
                Schedule = recipe.Settings.Schedule,
                ClipNorm = recipe.Settings.ClipNorm,
                Momentum = recipe.Settings.Momentum,
                WeightDecay = recipe.Settings.WeightDecay,
                LabelSmoothing = recipe.Settings.LabelSmoothing,
                Augment = recipe.Settings.Augment,
            };
            Assert.Equal(shown, recipe.Settings);
        }
    }

    private static string[] CreateRow(Architecture architecture)
    {
        var summary = NetworkSummary.Summarize(architecture, NetworkShape.Mnist);
        var side = Enumerable.Range(1, 64).First(side => Accepts(architecture, side));
        return
        [
            $"`{architecture.Name}`", architecture.Description, SourceOf(architecture.Name),
            $"{summary.Layers.Count(layer => layer.MultiplyAdds > 0)}",
            $"{summary.Parameters:N0}", $"{summary.MultiplyAdds:N0}", $"{side}x{side}",
        ];
    }

    private static string SourceOf(string name) => name switch
    {
        "inception" or "residual" or "residual-as-printed" or "plain" => "the article",
        "googlenet" => "[Szegedy et al.](#googlenet)",
        _ when name.EndsWith("18", StringComparison.Ordinal) || name.EndsWith("34", StringComparison.Ordinal)
            || name is "resnet50" or "resnet101" or "resnet152" => "[He et al., table 1](#the-residual-networks-of-the-paper)",
        _ => "[He et al., section 4.2](#the-papers-networks-for-cifar-10)",
    };

    private static string[] CreateCosts(Architecture architecture, string input)
    {
        var shape = NetworkShape.Parse(input.Split(',')[0])! with { Classes = int.Parse(input.Split(',')[1]) };
        var summary = NetworkSummary.Summarize(architecture, shape);
        return [$"`{architecture.Name}`", $"{summary.Parameters:N0}", $"{summary.MultiplyAdds:N0}", $"{summary.ReceptiveField!.Height}"];
    }

    private static bool Accepts(Architecture architecture, int side)
    {
        try
        {
            NetworkSummary.Summarize(architecture, new NetworkShape(1, side, side, 10));
            return true;
        }
        catch (UserException)
        {
            return false;
        }
    }
}
