using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class AugmentationTests
{
    private static readonly Augmentation Everything = new(2, 10, 0.1, 1, Flip: true, Erase: true);

    [Fact]
    public void Text_is_parsed_in_any_order_and_written_in_one_order()
    {
        Assert.Equal(Everything, Parse("erase, flip,STROKE=1,scale=0.1,rotate=10,shift=2"));
        Assert.Equal("shift=2,rotate=10,scale=0.1,stroke=1,flip,erase", Everything.ToString());
        Assert.Equal(new Augmentation(Shift: 0.5), Parse("shift=0.5"));
    }

    [Fact]
    public void Written_texts_are_parsed_to_equal_values()
    {
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            double Number(double most) => random.Next(2) * most * (1 - random.NextDouble());
            var augmentation = new Augmentation(
                Shift: Number(1000),
                Rotate: Number(180),
                Scale: Number(0.9),
                Stroke: Number(20),
                Flip: random.Next(2) == 1,
                Erase: random.Next(2) == 1,
                Crop: random.Next(2) * random.Next(1, 1001));
            if (augmentation != new Augmentation())
                Assert.Equal(augmentation, Parse(augmentation.ToString()));
        }
    }

    [Theory]
    [InlineData("", "no augmentation ''", "shift=PIXELS, rotate=DEGREES, scale=SHARE, stroke=PIXELS, crop=PIXELS, flip, erase")]
    [InlineData("shear=2", "no augmentation 'shear'")]
    [InlineData("flip,,erase", "no augmentation ''")]
    [InlineData("shift", "shift=PIXELS takes a number above 0 and at most 1000")]
    [InlineData("shift=", "shift=PIXELS", "''")]
    [InlineData("shift=two", "shift=PIXELS", "'two'")]
    [InlineData("shift=-1", "shift=PIXELS", "'-1'")]
    [InlineData("shift=0", "shift=PIXELS", "'0'")]
    [InlineData("shift=NaN", "shift=PIXELS", "'NaN'")]
    [InlineData("rotate=180.1", "rotate=DEGREES", "180", "'180.1'")]
    [InlineData("scale=1", "scale=SHARE", "0.9", "'1'")]
    [InlineData("stroke=21", "stroke=PIXELS", "20")]
    [InlineData("crop=1.5", "crop=PIXELS takes a whole number above 0 and at most 1000", "'1.5'")]
    [InlineData("crop=0", "crop=PIXELS", "'0'")]
    [InlineData("shift=1=2", "shift=PIXELS", "'1=2'")]
    [InlineData("flip=1", "flip takes no number", "'1'")]
    [InlineData("shift=1,shift=2", "shift is given twice")]
    [InlineData("flip,flip", "flip is given twice")]
    public void Invalid_text_fails_with_its_reason(string text, params string[] parts)
    {
        Assert.Null(Augmentation.Parse(text, out var problem));
        Assert.All(parts, part => Assert.Contains(part, problem));
    }

    [Fact]
    public void Settings_contain_the_text_only_with_augmentation()
    {
        var without = JsonSerializer.Serialize(new TrainSettings(), JsonFormat.Line);
        Assert.DoesNotContain("augment", without);
        Assert.Null(JsonFormat.Parse<TrainSettings>(without, "settings").Augment);
        var with = JsonSerializer.Serialize(new TrainSettings { Augment = Everything }, JsonFormat.Line);
        Assert.Contains("\"augment\":\"shift=2,rotate=10,scale=0.1,stroke=1,flip,erase\"", with);
        Assert.Equal(Everything, JsonFormat.Parse<TrainSettings>(with, "settings").Augment);
        foreach (var wrong in new[] { "\"wings\"", "\"\"", "5", "{}" })
        {
            var damaged = with.Replace($"\"{Everything}\"", wrong);
            Assert.Throws<InvalidDataException>(() => JsonFormat.Parse<TrainSettings>(damaged, "settings"));
        }
    }

    [Fact]
    public void Equal_seed_epoch_and_step_give_equal_bits_and_others_differ()
    {
        using var images = Noise(8);
        var first = Bits(Everything.Apply(images, 1, 2, 3));
        Assert.Equal(first, Bits(Everything.Apply(images, 1, 2, 3)));
        Assert.NotEqual(first, Bits(Everything.Apply(images, 2, 2, 3)));
        Assert.NotEqual(first, Bits(Everything.Apply(images, 1, 3, 3)));
        Assert.NotEqual(first, Bits(Everything.Apply(images, 1, 2, 4)));
        Assert.NotEqual(first, Bits(Everything.Apply(images, 1, 3, 2)));
        Assert.Equal(0x238275BC38FCBE91UL, Augmentation.GeneratorSeed(0, 0, 0)); // SplitMix64 of SplitMix64 of SplitMix64 of 0
    }

    [Fact]
    public void Applying_changes_neither_the_default_generator_nor_its_input_and_leaks_no_tensors()
    {
        using var images = Noise(8);
        var (pixels, random) = (Bits(images.clone()), Bits(get_rng_state()));
        var live = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Everything.Apply(images, 1, 1, 1).Dispose();
        Assert.Equal(live, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Equal(random, Bits(get_rng_state()));
        Assert.Equal(pixels, Bits(images.clone()));
    }

    // What TorchSharp makes for a call and nothing holds may be gone before its end.
    [Fact]
    public async Task Garbage_collection_on_other_threads_does_no_harm()
    {
        using var images = Noise(4);
        using var enough = new CancellationTokenSource();
        var collector = Task.Run(
            () =>
            {
                while (!enough.IsCancellationRequested)
                {
                    GC.Collect(0);
                    GC.WaitForPendingFinalizers();
                }
            },
            TestContext.Current.CancellationToken);
        for (var step = 1; step <= 500; step++)
            Everything.Apply(images, 1, 1, step).Dispose();
        await enough.CancelAsync();
        await collector;
    }

    // The elements draw independent numbers, so that images can be compared.
    [Fact]
    public void Each_image_has_its_own_random_numbers_within_the_limits()
    {
        using var dots = Dots(200);
        using var moved = new Augmentation(Shift: 2).Apply(dots, 1, 1, 1);
        (double X, double Y)[] shifts =
        [
            .. Enumerable.Range(0, 200).Select(index => Centre(moved[index])).Select(centre => (centre.X - 20, centre.Y - 12)),
        ];
        Assert.Equal(200, shifts.Distinct().Count());
        Assert.All(shifts, shift => Assert.True(Math.Abs(shift.X) <= 2.0001 && Math.Abs(shift.Y) <= 2.0001, $"{shift}"));
        foreach (var values in new[] { shifts.Select(shift => shift.X).ToArray(), [.. shifts.Select(shift => shift.Y)] })
        {
            // Uniform between -2 and 2: that 200 numbers leave these bounds would be four standard deviations and more.
            Assert.InRange(values.Average(), -0.33, 0.33);
            Assert.InRange(values.Average(value => value * value), 4 / 3.0 - 0.34, 4 / 3.0 + 0.34);
        }

        using var movedAndMore = (new Augmentation(Shift: 2) with { Flip = true }).Apply(dots, 1, 1, 1);
        Assert.Equal(
            shifts.Select(shift => shift.Y),
            Enumerable.Range(0, 200).Select(index => Centre(movedAndMore[index]).Y - 12),
            (one, other) => Math.Abs(one - other) < 1e-4);
    }

    [Fact]
    public void Flip_and_erase_change_about_half_of_the_images()
    {
        using var images = Noise(400);
        using var flipped = new Augmentation(Flip: true).Apply(images, 1, 1, 1);
        using var erased = new Augmentation(Erase: true).Apply(images, 1, 1, 1);
        var (mirrored, holes) = (0, new List<double>());
        for (var index = 0; index < 400; index++)
        {
            if (Bits(flipped[index]).SequenceEqual(Bits(images[index].flip(2))))
                mirrored++;
            else
                Assert.Equal(Bits(images[index]), Bits(flipped[index]));
            if (erased[index].eq(0).sum().item<long>() is > 0 and var hole)
                holes.Add(hole / 2.0 / (28 * 28)); // of two channels
        }

        Assert.InRange(mirrored, 160, 240);
        Assert.InRange(holes.Count, 160, 240);
        Assert.InRange(holes.Min(), 0.01, 0.05);
        Assert.InRange(holes.Max(), 0.15, 0.22);
    }

    // Each is where it was, moved by whole pixels, with zeros where there was nothing; and of the 25 places that there are, each is taken.
    [Fact]
    public void Crop_reaches_every_position_and_leaves_the_numbers_of_other_elements_unchanged()
    {
        using var images = Noise(400);
        using var cropped = new Augmentation(Crop: 2).Apply(images, 1, 1, 1);
        using var padded = nn.functional.pad(images, [2, 2, 2, 2]);
        List<(int Row, int Column)> corners = [];
        for (var index = 0; index < 400; index++)
        {
            var place = Enumerable.Range(0, 25).Single(place =>
                Bits(cropped[index]).SequenceEqual(Bits(padded[index].narrow(1, place / 5, 28).narrow(2, place % 5, 28).clone())));
            corners.Add((place / 5, place % 5));
        }

        Assert.Equal(25, corners.Distinct().Count());
        Assert.All(corners.CountBy(corner => corner.Row), row => Assert.InRange(row.Value, 45, 115)); // 80 and four deviations
        Assert.All(corners.CountBy(corner => corner.Column), column => Assert.InRange(column.Value, 45, 115));

        // The flips are those without a crop.
        using var both = new Augmentation(Crop: 2, Flip: true).Apply(images, 1, 1, 1);
        using var flipped = new Augmentation(Flip: true).Apply(images, 1, 1, 1);
        for (var index = 0; index < 400; index++)
        {
            using var expected = nn.functional.pad(flipped[index], [2, 2, 2, 2])
                .narrow(1, corners[index].Row, 28).narrow(2, corners[index].Column, 28).clone();
            Assert.Equal(Bits(expected), Bits(both[index]));
        }
    }

    private static Augmentation Parse(string text)
    {
        var result = Augmentation.Parse(text, out var problem);
        Assert.Null(problem);
        return result!;
    }

    // None of them 0.
    private static Tensor Noise(int count)
    {
        using var generator = new Generator(5);
        return rand([count, 2, 28, 28], generator: generator) + 0.5;
    }

    // One bright pixel on black, in column 20 and row 12.
    private static Tensor Dots(int count)
    {
        var dots = zeros(count, 1, 28, 28);
        dots[.., 0, 12, 20] = 1;
        return dots;
    }

    // Centre of the bright pixels.
    private static (double X, double Y) Centre(Tensor image)
    {
        using var scope = NewDisposeScope();
        var places = arange(28, dtype: ScalarType.Float32);
        var total = image.sum().item<float>();
        return ((image[0].sum(dim: 0) * places).sum().item<float>() / total, (image[0].sum(dim: 1) * places).sum().item<float>() / total);
    }

    private static byte[] Bits(Tensor tensor)
    {
        using (tensor)
        using (var contiguous = tensor.contiguous())
            return contiguous.bytes.ToArray();
    }
}
