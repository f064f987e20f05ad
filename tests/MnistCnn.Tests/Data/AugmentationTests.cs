using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class AugmentationTests
{
    private static readonly Augmentation Everything = new(2, 10, 0.1, 1, Flip: true, Erase: true, ResizedCrop: 0.5, Jitter: 0.4);

    // Leaves pixels of 0 to 1 as they are.
    private static readonly Normalization Pixels = new([0], [1]);

    [Fact]
    public void Text_is_parsed_in_any_order_and_written_in_one_order()
    {
        Assert.Equal(Everything, Parse("erase, jitter=0.4,flip,STROKE=1,Resized-Crop=0.5,scale=0.1,rotate=10,shift=2"));
        Assert.Equal("shift=2,rotate=10,scale=0.1,stroke=1,resized-crop=0.5,jitter=0.4,flip,erase", Everything.ToString());
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
                Crop: random.Next(2) * random.Next(1, 1001),
                ResizedCrop: Number(1),
                Jitter: Number(1));
            if (augmentation != new Augmentation())
                Assert.Equal(augmentation, Parse(augmentation.ToString()));
        }
    }

    [Theory]
    [InlineData("", "no augmentation ''", "scale=FRACTION, stroke=PIXELS, crop=PIXELS, resized-crop=FRACTION, jitter=FRACTION, flip")]
    [InlineData("shear=2", "no augmentation 'shear'")]
    [InlineData("flip,,erase", "no augmentation ''")]
    [InlineData("shift", "shift=PIXELS takes a number above 0 and at most 1000")]
    [InlineData("shift=", "shift=PIXELS", "''")]
    [InlineData("shift=two", "shift=PIXELS", "'two'")]
    [InlineData("shift=-1", "shift=PIXELS", "'-1'")]
    [InlineData("shift=0", "shift=PIXELS", "'0'")]
    [InlineData("shift=NaN", "shift=PIXELS", "'NaN'")]
    [InlineData("rotate=180.1", "rotate=DEGREES", "180", "'180.1'")]
    [InlineData("scale=1", "scale=FRACTION", "0.9", "'1'")]
    [InlineData("stroke=21", "stroke=PIXELS", "20")]
    [InlineData("crop=1.5", "crop=PIXELS takes a whole number above 0 and at most 1000", "'1.5'")]
    [InlineData("crop=0", "crop=PIXELS", "'0'")]
    [InlineData("resized-crop=1.01", "resized-crop=FRACTION takes a number above 0 and at most 1", "'1.01'")]
    [InlineData("resized-crop=0", "resized-crop=FRACTION", "'0'")]
    [InlineData("jitter=1.01", "jitter=FRACTION takes a number above 0 and at most 1", "'1.01'")]
    [InlineData("jitter", "jitter=FRACTION", "''")]
    [InlineData("jitter=0.1,jitter=0.2", "jitter is given twice")]
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
        Assert.Contains("\"augment\":\"shift=2,rotate=10,scale=0.1,stroke=1,resized-crop=0.5,jitter=0.4,flip,erase\"", with);
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
        var first = Bits(Everything.Apply(images, Pixels, 1, 2, 3));
        Assert.Equal(first, Bits(Everything.Apply(images, Pixels, 1, 2, 3)));
        Assert.NotEqual(first, Bits(Everything.Apply(images, Pixels, 2, 2, 3)));
        Assert.NotEqual(first, Bits(Everything.Apply(images, Pixels, 1, 3, 3)));
        Assert.NotEqual(first, Bits(Everything.Apply(images, Pixels, 1, 2, 4)));
        Assert.NotEqual(first, Bits(Everything.Apply(images, Pixels, 1, 3, 2)));
        Assert.Equal(0x238275BC38FCBE91UL, Augmentation.GeneratorSeed(0, 0, 0)); // SplitMix64 of SplitMix64 of SplitMix64 of 0
    }

    [Fact]
    public void Applying_changes_neither_the_default_generator_nor_its_input_and_leaks_no_tensors()
    {
        using var images = Noise(8);
        var (pixels, random) = (Bits(images.clone()), Bits(get_rng_state()));
        var live = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Everything.Apply(images, Pixels, 1, 1, 1).Dispose();
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
            Everything.Apply(images, Pixels, 1, 1, step).Dispose();
        await enough.CancelAsync();
        await collector;
    }

    // The elements draw independent numbers, so that images can be compared.
    [Fact]
    public void Each_image_has_its_own_random_numbers_within_the_limits()
    {
        using var dots = Dots(200);
        using var moved = new Augmentation(Shift: 2).Apply(dots, Pixels, 1, 1, 1);
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

        using var movedAndMore = (new Augmentation(Shift: 2) with { Flip = true }).Apply(dots, Pixels, 1, 1, 1);
        Assert.Equal(
            shifts.Select(shift => shift.Y),
            Enumerable.Range(0, 200).Select(index => Centre(movedAndMore[index]).Y - 12),
            (one, other) => Math.Abs(one - other) < 1e-4);
    }

    [Fact]
    public void Flip_and_erase_change_about_half_of_the_images()
    {
        using var images = Noise(400);
        using var flipped = new Augmentation(Flip: true).Apply(images, Pixels, 1, 1, 1);
        using var erased = new Augmentation(Erase: true).Apply(images, Pixels, 1, 1, 1);
        var (mirrored, holes) = (0, new List<double>());
        for (var index = 0; index < 400; index++)
        {
            if (Bits(flipped[index]).SequenceEqual(Bits(images[index].flip(2))))
                mirrored++;
            else
                Assert.Equal(Bits(images[index]), Bits(flipped[index]));
            if (erased[index].eq(0).sum().item<long>() is > 0 and var hole)
                holes.Add(hole / 3.0 / (28 * 28)); // of three channels
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
        using var cropped = new Augmentation(Crop: 2).Apply(images, Pixels, 1, 1, 1);
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
        using var both = new Augmentation(Crop: 2, Flip: true).Apply(images, Pixels, 1, 1, 1);
        using var flipped = new Augmentation(Flip: true).Apply(images, Pixels, 1, 1, 1);
        for (var index = 0; index < 400; index++)
        {
            using var expected = nn.functional.pad(flipped[index], [2, 2, 2, 2])
                .narrow(1, corners[index].Row, 28).narrow(2, corners[index].Column, 28).clone();
            Assert.Equal(Bits(expected), Bits(both[index]));
        }
    }

    // Computed with PyTorch 1.13: rand(4, 11), rand(4, 2) and rand(4, 28) of one generator, seeded with 0x7095BEEBD76575E4.
    [Fact]
    public void Each_element_has_the_same_random_numbers_on_every_machine_and_in_every_version()
    {
        using var images = Noise(4);
        using var flipped = new Augmentation(Flip: true).Apply(images, Pixels, 1, 1, 1);
        Assert.Equal(
            [true, true, false, true], Enumerable.Range(0, 4).Select(index => !Bits(flipped[index]).SequenceEqual(Bits(images[index]))));

        using var cropped = new Augmentation(Crop: 2).Apply(images, Pixels, 1, 1, 1);
        using var padded = nn.functional.pad(images, [2, 2, 2, 2]);
        foreach (var (index, (row, column)) in new[] { (0, 2), (3, 1), (3, 4), (4, 3) }.Index())
            Assert.Equal(Bits(padded[index].narrow(1, row, 28).narrow(2, column, 28).clone()), Bits(cropped[index]));

        Assert.Equal(
            [new Rectangle(0, 0, 27, 25), new(2, 2, 23, 26), new(0, 3, 26, 22), new(5, 0, 22, 28)],
            CroppedAreas(new Augmentation(ResizedCrop: 0.5), 4, 28, 28));

        double[][] factors =
        [
            [0.87026, 1.33793, 1.33441], [1.20374, 0.79942, 1.08343], [0.61974, 1.11607, 0.78944], [1.31992, 1.13567, 1.30632],
        ];
        foreach (var (expected, actual) in factors.Zip(JitterFactors(0.4, 4)))
            Assert.All(expected.Zip(actual), factor => Assert.Equal(factor.First, factor.Second, 1e-3));
    }

    [Fact]
    public void Resized_crops_have_the_areas_and_aspect_ratios_of_torchvision_and_reach_all_borders()
    {
        var areas = CroppedAreas(new Augmentation(ResizedCrop: 0.3), 500, 36, 48);

        // Sides are rounded to whole pixels. The smallest area of 0.3 and the ratio of 3/4 give a side of 19.7 pixels, so half a pixel is
        // 2.5 percent.
        Assert.All(areas, area => Assert.InRange(area.Height * area.Width / (36.0 * 48), 0.3 * 0.95, 1));
        Assert.All(areas, area => Assert.InRange(area.Width / (double)area.Height, 0.75 * 0.95, 4 / 3.0 * 1.05));
        Assert.InRange(areas.Min(area => area.Height * area.Width / (36.0 * 48)), 0, 0.35);
        Assert.InRange(areas.Max(area => area.Height * area.Width / (36.0 * 48)), 0.9, 1);
        Assert.Contains(areas, area => area.Width < area.Height * 0.8);
        Assert.Contains(areas, area => area.Width > area.Height * 1.25);
        Assert.All(areas, area => Assert.True(area.Top + area.Height <= 36 && area.Left + area.Width <= 48, $"{area}"));
        Assert.Contains(areas, area => area.Left == 0);
        Assert.Contains(areas, area => area.Left > 0 && area.Left + area.Width == 48);
        Assert.Contains(areas, area => area.Height < 30 && area.Top == 0);
        Assert.Contains(areas, area => area.Height < 30 && area.Top + area.Height == 36);
    }

    // No other rectangle of the image's whole area fits into it.
    [Theory]
    [InlineData(8, 40, 0, 14, 8, 11)]
    [InlineData(40, 8, 14, 0, 11, 8)]
    [InlineData(20, 20, 0, 0, 20, 20)]
    public void Resized_crops_of_very_wide_or_high_images_are_centred(
        int height, int width, int top, int left, int areaHeight, int areaWidth) =>
        Assert.All(
            CroppedAreas(new Augmentation(ResizedCrop: 1), 20, height, width),
            area => Assert.Equal(new Rectangle(top, left, areaHeight, areaWidth), area));

    [Fact]
    public void Jitter_draws_three_independent_factors_around_1_per_image()
    {
        var factors = JitterFactors(0.4, 400);
        for (var property = 0; property < 3; property++)
        {
            double[] values = [.. factors.Select(factor => factor[property])];
            Assert.All(values, value => Assert.InRange(value, 0.599, 1.401));

            // Uniform between 0.6 and 1.4: that 400 numbers leave these bounds would be four standard deviations and more.
            Assert.InRange(values.Average(), 1 - 0.047, 1 + 0.047);
            Assert.InRange(values.Average(value => (value - 1) * (value - 1)), 0.0533 - 0.0096, 0.0533 + 0.0096);
            var next = factors.Select(factor => factor[(property + 1) % 3]);
            Assert.InRange(values.Zip(next, (one, other) => (one - 1) * (other - 1)).Average(), -0.0108, 0.0108);
        }
    }

    // Clamping makes the order visible.
    [Fact]
    public void Jitter_uses_every_order_of_its_adjustments()
    {
        using var scope = NewDisposeScope();
        var factors = JitterFactors(0.4, 100);
        var images = ColorPixels(100, [0.99f, 0.3f, 0.6f, 0.97f, 0.8f, 0.01f]);
        var jittered = new Augmentation(Jitter: 0.4).Apply(images, Pixels, 1, 1, 1);
        var orders =
            from first in Enum.GetValues<ColorProperty>()
            from second in Enum.GetValues<ColorProperty>()
            from third in Enum.GetValues<ColorProperty>()
            where new[] { first, second, third }.Distinct().Count() == 3
            select new[] { first, second, third };
        var matches = orders.Select(order => ImageTransforms.ColorJitter(
                images,
                [.. factors.Select(image => order.Select(property => new ColorAdjustment(property, image[(int)property])).ToArray())]))
            .Select(expected => (expected - jittered).abs().amax([1, 2, 3]).data<float>().Select(difference => difference < 1e-3).ToArray())
            .ToArray();
        Assert.All(Enumerable.Range(0, 100), index => Assert.Contains(matches, match => match[index]));
        Assert.All(matches, match => Assert.Contains(
            Enumerable.Range(0, 100), index => match[index] && matches.Count(other => other[index]) == 1));
    }

    [Fact]
    public void Jitter_and_resized_crop_leave_the_numbers_of_other_elements_unchanged()
    {
        using var images = Noise(40);
        using var erased = new Augmentation(Erase: true).Apply(images, Pixels, 1, 1, 1);
        using var all = new Augmentation(Erase: true, ResizedCrop: 0.5, Jitter: 0.4).Apply(images, Pixels, 1, 1, 1);
        Assert.Equal(Bits(erased.eq(0)), Bits(all.eq(0)));
    }

    // Each pixel has its row and column as channels, so the smallest and largest values are the borders of the crop.
    private static Rectangle[] CroppedAreas(Augmentation augmentation, int count, int height, int width)
    {
        using var scope = NewDisposeScope();
        var rows = arange(height, dtype: ScalarType.Float32).view(1, 1, height, 1).expand(count, 1, height, width);
        var columns = arange(width, dtype: ScalarType.Float32).view(1, 1, 1, width).expand(count, 1, height, width);
        var cropped = augmentation.Apply(cat([rows, columns], 1), Pixels, 1, 1, 1);
        int[][] first = Borders(cropped.amin([2, 3])), last = Borders(cropped.amax([2, 3]));
        return [.. first.Zip(last, (from, to) => new Rectangle(from[0], from[1], to[0] - from[0] + 1, to[1] - from[1] + 1))];

        static int[][] Borders(Tensor values) =>
            [.. values.data<float>().ToArray().Select(value => (int)Math.Round(value, 3)).Chunk(2)];
    }

    // Brightness, contrast and saturation of each image, from two pixels that reach neither 0 nor 1: brightness scales the mean of their
    // luma, contrast the difference of their luma too, and saturation the difference of red and blue.
    private static double[][] JitterFactors(double jitter, int count)
    {
        using var scope = NewDisposeScope();
        var normalization = new Normalization([0.4, 0.5, 0.6], [0.2, 0.3, 0.25]);
        var images = ColorPixels(count, [0.35f, 0.25f, 0.3f, 0.2f, 0.25f, 0.15f]);
        var (mean, std) = (tensor([0.4f, 0.5f, 0.6f]).view(3, 1, 1), tensor([0.2f, 0.3f, 0.25f]).view(3, 1, 1));
        var jittered = new Augmentation(Jitter: jitter).Apply((images - mean) / std, normalization, 1, 1, 1) * std + mean;
        var luma = tensor([0.2989f, 0.587f, 0.114f]).view(1, 3, 1, 1);
        return [.. Measures(jittered).Zip(Measures(images), (after, before) =>
        {
            var (brightness, contrast, saturation) = (after[0] / before[0], after[1] / before[1], after[2] / before[2]);
            return new[] { brightness, contrast / brightness, saturation / contrast };
        })];

        double[][] Measures(Tensor images)
        {
            var grey = (images * luma).sum(1);
            var difference = grey[.., .., 0] - grey[.., .., 1];
            var chroma = images[.., 0, .., 0] - images[.., 2, .., 0];
            return [.. cat([grey.mean([2]), difference, chroma], 1).data<float>().Select(value => (double)value).Chunk(3)];
        }
    }

    // Images of one row and two pixels.
    private static Tensor ColorPixels(int count, float[] pixels) => tensor(pixels, [1, 3, 1, 2]).repeat(count, 1, 1, 1);

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
        return rand([count, 3, 28, 28], generator: generator) + 0.5;
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
