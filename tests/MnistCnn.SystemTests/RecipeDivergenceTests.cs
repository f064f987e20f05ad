using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using MnistCnn.Training;
using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.SystemTests;

/// <summary>Every recipe trains on 500 colour images, as people have them in a folder, without divergence.</summary>
public sealed class RecipeDivergenceTests(RecipeDivergenceTests.Shapes shapes) : IClassFixture<RecipeDivergenceTests.Shapes>
{
    // Without clipping, Inception diverged in 56 steps with sprint and in 130 steps with resnet-paper.
    private const int LeastSteps = 100, MostSteps = 200;

    public static TheoryData<string, string> All =>
    [
        .. from recipe in Recipe.All
           from network in new[] { "residual", "inception" }
           select (recipe.Name, network),
    ];

    [Theory]
    [MemberData(nameof(All))]
    public void A_recipe_does_not_diverge(string recipe, string network)
    {
        var settings = Recipe.All.Single(one => one.Name == recipe).Settings with { Architecture = Architecture.Find(network)! };
        var stepsPerEpoch = (int)Math.Ceiling(500.0 / settings.BatchSize);
        var epochs = Math.Clamp(settings.Epochs, LeastSteps / stepsPerEpoch, MostSteps / stepsPerEpoch);
        foreach (var seed in new[] { 1, 2, 3 })
        {
            using var trainer = Trainer.Create(settings with { Seed = seed, Epochs = epochs }, shapes.Data, CPU);
            trainer.Fit([], TestContext.Current.CancellationToken); // throws DivergenceException
            Assert.All(trainer.Progress.History, epoch => Assert.True(double.IsFinite(epoch.TestLoss)));
        }
    }

    /// <summary>Discs, squares, triangles, rings and crosses in random colours on random backgrounds, 100 training images each.</summary>
    public sealed class Shapes : IDisposable
    {
        private const int Side = 20;

        private readonly TemporaryFolder folder = new();

        public Shapes()
        {
            NativeLibraries.Load();
            var random = new Random(1);
            foreach (var (split, count) in new[] { ("train", 100), ("test", 10) })
                foreach (var shape in new[] { "disc", "square", "triangle", "ring", "cross" })
                    for (var index = 0; index < count; index++)
                        Draw(random, shape, folder[$"{split}/{shape}/{index:00}.png"]);
            Data = DataReader.Load(folder.FullPath);
            Assert.Equal("550 colour images of 20x20 in 5 classes: 500 in train, 50 in test", Data.Description);
        }

        internal DataSet Data { get; }

        public void Dispose()
        {
            Data.Dispose();
            folder.Dispose();
        }

        private static void Draw(Random random, string shape, string path)
        {
            var (ink, paper) = (Colour(), Colour());
            var radius = 4 + 5 * random.NextSingle();
            var (centreX, centreY) = (Centre(), Centre());
            SmallPictures.Save(path, Side, Side, (x, y) =>
            {
                var (across, down) = (Math.Abs(x - centreX) / radius, (y - centreY) / radius);
                return Contains(shape, across, down) ? ink : paper;
            });

            SKColor Colour() => new((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256));

            float Centre() => Side / 2 + 6 * random.NextSingle() - 3;
        }

        // Distances from the centre, in radii.
        private static bool Contains(string shape, float across, float down) => shape switch
        {
            "disc" => across * across + down * down < 1,
            "square" => across < 0.8 && Math.Abs(down) < 0.8,
            "triangle" => Math.Abs(down) < 0.9 && across < (down + 0.9) / 2,
            "ring" => across * across + down * down is > 0.4f and < 1,
            _ => Math.Max(across, Math.Abs(down)) < 1 && Math.Min(across, Math.Abs(down)) < 0.3,
        };
    }
}
