using MnistCnn.Data;
using SkiaSharp;
using static MnistCnn.Tests.Data.Scene;

namespace MnistCnn.Tests.Data;

/// <summary>Photos and scans of one digit in which the ink is hard to find.</summary>
/// <param name="images">MNIST images with the handwriting.</param>
/// <param name="recognise">
/// Which digit the network sees in 28x28 grey values. Only ink that it knows is taken, so that what goes wrong is the finding.
/// </param>
/// <param name="seed">Seed of all random numbers.</param>
internal sealed class HardImages(LabeledImages images, Func<byte[], int> recognise, int seed)
{
    /// <summary>The style with ink of 150 on paper of 225 and noise whose standard deviation is 8.</summary>
    public const string ThinFaintInk = "thin faint ink on grainy paper";

    /// <summary>How many images of a style there are.</summary>
    public const int PerStyle = 40;

    /// <summary>Styles by name; each draws a scene with random numbers, without the effects of the camera.</summary>
    public static readonly IReadOnlyDictionary<string, Func<HardImages, Random, (byte[] File, int Digit)>> Styles =
        new Dictionary<string, Func<HardImages, Random, (byte[], int)>>
        {
            [ThinFaintInk] = (all, random) => all.Faint(random),
            ["a frame"] = (all, random) => all.Frame(random),
            ["a finger in a corner"] = (all, random) => all.Finger(random),
            ["ruled paper"] = (all, random) => all.Ruled(random),
            ["squared paper"] = (all, random) => all.Squared(random),
            ["strong light from one side"] = (all, random) => all.OneSide(random),
            ["the edge of a shadow"] = (all, random) => all.Shadow(random),
            ["JPEG of low quality"] = (all, random) => all.LowQuality(random),
            ["black and white specks"] = (all, random) => all.Specked(random),
            ["pencil on recycled paper"] = (all, random) => all.Pencil(random),
            ["chalk on a blackboard"] = (all, random) => all.Chalk(random),
            ["ballpoint on a yellow note"] = (all, random) => all.Note(random),
            ["a small digit in a large picture"] = (all, random) => all.Small(random),
            ["a digit as large as the picture"] = (all, random) => all.Large(random),
            ["dark corners"] = (all, random) => all.DarkCorners(random),
            ["punch holes and a coffee stain"] = (all, random) => all.Holes(random),
            ["a sheet on a dark table"] = (all, random) => all.Table(random),
            ["crooked, folded and stapled"] = (all, random) => all.Folded(random),
            ["blurred"] = (all, random) => all.Blurred(random),
            ["ink from the back of the page"] = (all, random) => all.BleedThrough(random),
        };

    /// <summary>Makes an image of a style, always the same.</summary>
    /// <returns>The file, and the digit on it.</returns>
    public (byte[] File, int Digit) Make(string style, int index)
    {
        var number = (seed * Styles.Count + Styles.Keys.ToList().IndexOf(style)) * PerStyle + index;

        // Seeds that are close give chances that are close; D. Knuth's multiplicative hash parts them.
        return Styles[style](this, new Random(unchecked(number * (int)2_654_435_769)));
    }

    private DigitInk Handwriting(Random random, float angle = 0) => Known(() =>
    {
        var at = random.Next((int)images.Count);
        using var image = images.Images[at];
        using var label = images.Labels[at];
        return DigitInk.Of(image, (int)label.item<long>(), angle);
    });

    private DigitInk Line(Random random) => Known(() => DigitInk.Drawn(random, 0));

    private DigitInk Known(Func<DigitInk> take)
    {
        while (true)
        {
            var ink = take();
            if (recognise(ink.Small()) == ink.Digit)
                return ink;
        }
    }

    private static Scene Sheet(Random random, SKColor paper, int from = 220, int to = 440) =>
        new(random, random.Next(from, to), random.Next(from, to), paper);

    private (byte[], int) Faint(Random random)
    {
        using var scene = Sheet(random, Grey(225));
        var ink = Line(random);
        scene.Write(ink, Grey(150), scene.Short * scene.Between(0.4, 0.75), stroke: scene.Between(2, 3.5));
        scene.Grain(8);
        return (scene.Encode(), ink.Digit);
    }

    // Around the digit, in the same ink or another, also along the border of the image.
    private (byte[], int) Frame(Random random)
    {
        using var scene = Sheet(random, Grey(random.Next(205, 245)));
        var ink = Handwriting(random);
        var (x, y) = (scene.Width * scene.Between(0.45, 0.55), scene.Height * scene.Between(0.45, 0.55));
        scene.Write(ink, Grey(random.Next(30, 90)), scene.Short * scene.Between(0.35, 0.55), x, y);
        var inset = scene.Chance(0.3) ? 0 : scene.Short * scene.Between(0.02, 0.1);
        var frame = SKRect.Inflate(SKRect.Create(scene.Width, scene.Height), -inset, -inset);
        scene.Canvas.Save();
        scene.Canvas.RotateDegrees(scene.Between(-2, 2), frame.MidX, frame.MidY);
        scene.Draw((canvas, paint) => canvas.DrawRoundRect(frame, 8, 8, paint), Grey(random.Next(20, 110)), stroke: scene.Between(2, 9));
        scene.Canvas.Restore();
        scene.Light(1, 0.75);
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Finger(Random random)
    {
        using var scene = Sheet(random, new SKColor(226, 224, 216));
        var ink = Handwriting(random);
        var (right, bottom) = (random.Next(2), random.Next(2));
        scene.Write(
            ink, new SKColor(50, 50, 70), scene.Short * scene.Between(0.35, 0.5),
            scene.Width * (right == 0 ? scene.Between(0.52, 0.65) : scene.Between(0.35, 0.48)),
            scene.Height * (bottom == 0 ? scene.Between(0.52, 0.65) : scene.Between(0.35, 0.48)));
        var (length, width) = (scene.Short * scene.Between(0.28, 0.4), scene.Short * scene.Between(0.12, 0.17));
        scene.Canvas.Save();
        scene.Canvas.Translate(right * scene.Width, bottom * scene.Height);
        var angle = (right, bottom) switch { (0, 0) => 45, (1, 0) => 135, (1, 1) => 225, _ => 315 };
        scene.Canvas.RotateDegrees(angle + scene.Between(-20, 20));
        var finger = SKRect.Create(-length, -width, 2 * length, 2 * width);
        var (shadow, highlight) = (SKRect.Inflate(finger, 4, 4), SKRect.Inflate(finger, -width * 0.4f, -width * 0.4f));
        scene.Draw((canvas, paint) => canvas.DrawRoundRect(shadow, width, width, paint), new SKColor(0, 0, 0, 90), blur: 6);
        scene.Draw((canvas, paint) => canvas.DrawRoundRect(finger, width, width, paint), new SKColor(150, 100, 80));
        scene.Draw(
            (canvas, paint) => canvas.DrawRoundRect(highlight, width, width, paint), new SKColor(214, 164, 140), blur: width * 0.25);
        scene.Canvas.Restore();
        scene.Light(1, 0.7);
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Ruled(Random random)
    {
        using var scene = Sheet(random, new SKColor(238, 238, 230));
        var pitch = scene.Height * scene.Between(0.1, 0.2);
        var colour = new SKColor(120, 150, 200);
        var (stroke, slope) = (scene.Between(1, 2.5), scene.Between(-4, 4));
        for (var y = scene.Between(-1, 1) * pitch; y < scene.Height + 4; y += pitch)
            scene.Draw((canvas, paint) => canvas.DrawLine(0, y - slope, scene.Width, y + slope, paint), colour, stroke: stroke);
        if (scene.Chance(0.5))
        {
            var margin = scene.Width * 0.12f;
            var red = new SKColor(220, 110, 110);
            scene.Draw((canvas, paint) => canvas.DrawLine(margin, 0, margin, scene.Height, paint), red, stroke: stroke);
        }
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(30, 80)), scene.Short * scene.Between(0.3, 0.6));
        scene.Light(1, 0.65);
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Squared(Random random)
    {
        using var scene = Sheet(random, new SKColor(240, 240, 236));
        var pitch = scene.Short * scene.Between(0.07, 0.16);
        var colour = Grey(random.Next(135, 175));
        var stroke = scene.Between(1, 2);
        scene.Canvas.Save();
        scene.Canvas.RotateDegrees(scene.Between(-3, 3), scene.Width / 2f, scene.Height / 2f);
        for (var at = -20 - scene.Random.NextSingle() * pitch; at < Math.Max(scene.Width, scene.Height) + 20; at += pitch)
        {
            scene.Draw((canvas, paint) => canvas.DrawLine(-20, at, scene.Width + 20, at, paint), colour, stroke: stroke);
            scene.Draw((canvas, paint) => canvas.DrawLine(at, -20, at, scene.Height + 20, paint), colour, stroke: stroke);
        }

        scene.Canvas.Restore();
        var ink = Handwriting(random);
        scene.Write(ink, new SKColor(40, 50, 110), scene.Short * scene.Between(0.3, 0.6));
        scene.Light(1, 0.65);
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) OneSide(Random random)
    {
        using var scene = Sheet(random, Grey(245));
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(80, 130)), scene.Short * scene.Between(0.3, 0.65));
        scene.Light(1, scene.Between(0.15, 0.35));
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Shadow(Random random)
    {
        using var scene = Sheet(random, Grey(235));
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(50, 110)), scene.Short * scene.Between(0.35, 0.6));
        scene.Canvas.Save();
        scene.Canvas.Translate(scene.Width * scene.Between(0.25, 0.75), scene.Height * scene.Between(0.25, 0.75));
        scene.Canvas.RotateDegrees(scene.Between(0, 360));
        var dark = Grey(255 * scene.Between(0.45, 0.7));
        scene.Draw(
            (canvas, paint) => canvas.DrawRect(0, -2000, 2000, 4000, paint), dark, scene.Between(2, 14), blend: SKBlendMode.Multiply);
        scene.Canvas.Restore();
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) LowQuality(Random random)
    {
        using var scene = Sheet(random, Grey(210), 160, 300);
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(80, 130)), scene.Short * scene.Between(0.35, 0.7));
        scene.Light(1, 0.7);
        scene.Grain(12);
        return (scene.Encode(random.Next(5, 16)), ink.Digit);
    }

    private (byte[], int) Specked(Random random)
    {
        using var scene = Sheet(random, Grey(215));
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(60, 110)), scene.Short * scene.Between(0.3, 0.65));
        for (var count = 0; count < 30; count++)
            scene.Draw(
                (canvas, paint) => canvas.DrawCircle(
                    scene.Between(0, scene.Width), scene.Between(0, scene.Height), scene.Between(1, 2.5), paint),
                Grey(random.Next(20, 120)));
        scene.Specks(scene.Between(0.02, 0.06));
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Pencil(Random random)
    {
        using var scene = Sheet(random, new SKColor(190, 184, 172));
        scene.Clouds(40, new SKColor(120, 110, 100, 60));
        for (var count = 0; count < 250; count++)
        {
            var (x, y) = (scene.Between(0, scene.Width), scene.Between(0, scene.Height));
            var (dx, dy) = (scene.Between(-8, 8), scene.Between(-8, 8));
            scene.Draw(
                (canvas, paint) => canvas.DrawLine(x, y, x + dx, y + dy, paint), scene.Chance(0.5) ? Grey(225) : Grey(130), stroke: 1);
        }

        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(85, 110)), scene.Short * scene.Between(0.35, 0.65), gaps: 0.4);
        scene.Light(1, 0.8);
        scene.Grain(5);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Chalk(Random random)
    {
        using var scene = Sheet(random, new SKColor(40, 58, 50));
        scene.Clouds(5, new SKColor(220, 220, 220, 70));
        scene.Clouds(25, new SKColor(220, 220, 220, 25));
        var ink = Handwriting(random);
        scene.Write(ink, new SKColor(225, 225, 215, 210), scene.Short * scene.Between(0.35, 0.65), gaps: 0.5);
        scene.Light(1, 0.55);
        scene.Grain(6);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Note(Random random)
    {
        using var scene = Sheet(random, new SKColor(120, 88, 62));
        scene.Clouds(12, new SKColor(40, 25, 15, 90));
        var (width, height) = (scene.Width * scene.Between(0.72, 0.9), scene.Height * scene.Between(0.72, 0.9));
        var (x, y) = (scene.Width * scene.Between(0.45, 0.55), scene.Height * scene.Between(0.45, 0.55));
        scene.Canvas.Save();
        scene.Canvas.RotateDegrees(scene.Between(-8, 8), x, y);
        var note = SKRect.Create(x - width / 2, y - height / 2, width, height);
        scene.Draw((canvas, paint) => canvas.DrawRect(SKRect.Inflate(note, 3, 3), paint), new SKColor(0, 0, 0, 120), blur: 4);
        scene.Draw((canvas, paint) => canvas.DrawRect(note, paint), new SKColor(246, 228, 120));
        scene.Canvas.Restore();
        var ink = Line(random);
        scene.Write(ink, new SKColor(45, 65, 160), Math.Min(width, height) * scene.Between(0.4, 0.65), x, y, scene.Between(3, 6));
        scene.Light(1, 0.65);
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Small(Random random)
    {
        using var scene = Sheet(random, Grey(220), 600, 800);
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(40, 110)), scene.Between(24, 40));
        for (var count = 0; count < 15; count++)
            scene.Draw(
                (canvas, paint) => canvas.DrawCircle(
                    scene.Between(0, scene.Width), scene.Between(0, scene.Height), scene.Between(0.5, 1.5), paint),
                Grey(random.Next(60, 150)));
        scene.Light(1, 0.7);
        scene.Grain(5);
        return (scene.Encode(), ink.Digit);
    }

    // Its ends just reach the border or all but do.
    private (byte[], int) Large(Random random)
    {
        var width = random.Next(220, 400);
        using var scene = new Scene(random, width, (int)(width * random.Next(100, 130) / 100.0), Grey(230));
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(40, 110)), scene.Short * scene.Between(0.94, 1.01), scene.Width / 2f, scene.Height / 2f);
        scene.Light(1, 0.7);
        scene.Grain(5);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) DarkCorners(Random random)
    {
        using var scene = Sheet(random, Grey(240));
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(80, 130)), scene.Short * scene.Between(0.3, 0.6));
        scene.Vignette(scene.Between(0.1, 0.35));
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Holes(Random random)
    {
        using var scene = Sheet(random, Grey(235));
        var ink = Handwriting(random);
        scene.Write(
            ink,
            Grey(random.Next(40, 90)),
            scene.Short * scene.Between(0.35, 0.5),
            scene.Width * scene.Between(0.5, 0.6),
            scene.Height * scene.Between(0.4, 0.6));
        var (x, radius) = (scene.Width * scene.Between(0.06, 0.12), scene.Short * scene.Between(0.03, 0.05));
        foreach (var y in new[] { scene.Between(0.15, 0.3), scene.Between(0.65, 0.85) })
            scene.Draw((canvas, paint) => canvas.DrawCircle(x, scene.Height * y, radius, paint), Grey(random.Next(20, 90)));
        var (centre, size) = (scene.Height * scene.Between(0, 1), scene.Short * scene.Between(0.18, 0.3));
        var stain = new SKColor(150, 105, 60);
        scene.Draw((canvas, paint) => canvas.DrawCircle(scene.Width * 1.02f, centre, size, paint), stain.WithAlpha(60));
        scene.Draw(
            (canvas, paint) => canvas.DrawCircle(scene.Width * 1.02f, centre, size, paint), stain.WithAlpha(170), 1.5, scene.Between(3, 7));
        scene.Light(1, 0.7);
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    // Which sides of the table are seen is chance.
    private (byte[], int) Table(Random random)
    {
        using var scene = Sheet(random, Grey(random.Next(30, 80)));
        scene.Clouds(15, new SKColor(150, 120, 90, 60));
        float Edge(int side) => side * (scene.Chance(0.35) ? -0.05f : scene.Between(0.04, 0.2));
        var sheet = new SKRect(Edge(scene.Width), Edge(scene.Height), scene.Width - Edge(scene.Width), scene.Height - Edge(scene.Height));
        scene.Canvas.Save();
        scene.Canvas.RotateDegrees(scene.Between(-6, 6), sheet.MidX, sheet.MidY);
        scene.Draw((canvas, paint) => canvas.DrawRect(sheet, paint), Grey(232), blur: 0.7);
        scene.Canvas.Restore();
        var ink = Handwriting(random);
        scene.Write(
            ink, Grey(random.Next(40, 100)), Math.Min(sheet.Width, sheet.Height) * scene.Between(0.35, 0.55), sheet.MidX, sheet.MidY);
        scene.Light(1, 0.65);
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Folded(Random random)
    {
        using var scene = Sheet(random, Grey(232));
        var ink = Handwriting(random, scene.Between(-12, 12));
        var (x, y) = (scene.Width * scene.Between(0.45, 0.6), scene.Height * scene.Between(0.45, 0.6));
        scene.Write(ink, Grey(random.Next(40, 100)), scene.Short * scene.Between(0.35, 0.5), x, y);
        var fold = scene.Height * scene.Between(0.3, 0.7);
        scene.Draw(
            (canvas, paint) => canvas.DrawRect(0, fold, scene.Width, scene.Height, paint), Grey(215), 1, blend: SKBlendMode.Multiply);
        scene.Draw((canvas, paint) => canvas.DrawLine(0, fold, scene.Width, fold, paint), Grey(150), 1, 1.5f);
        scene.Canvas.Save();
        scene.Canvas.Translate(scene.Width * scene.Between(0.08, 0.14), scene.Height * scene.Between(0.05, 0.1));
        scene.Canvas.RotateDegrees(scene.Between(-50, 10));
        var length = scene.Short * scene.Between(0.1, 0.16);
        scene.Draw((canvas, paint) => canvas.DrawLine(-length / 2, 3, length / 2, 3, paint), Grey(90), 1.5, 3);
        scene.Draw((canvas, paint) => canvas.DrawLine(-length / 2, 0, length / 2, 0, paint), Grey(60), 0, 3);
        scene.Draw((canvas, paint) => canvas.DrawLine(-length / 2, -1, length / 2, -1, paint), Grey(240), 0, 1);
        scene.Canvas.Restore();
        scene.Light(1, 0.7);
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }

    private (byte[], int) Blurred(Random random)
    {
        using var scene = Sheet(random, Grey(215));
        var ink = Handwriting(random);
        var size = scene.Short * scene.Between(0.35, 0.65);
        scene.Write(ink, Grey(random.Next(70, 130)), size);
        scene.Light(1, 0.75);
        scene.Blur(size * scene.Between(0.02, 0.045));
        scene.Grain(6);
        return (scene.Encode(), ink.Digit);
    }

    // A scan of low contrast; writing on the back shows through, mirrored.
    private (byte[], int) BleedThrough(Random random)
    {
        using var scene = Sheet(random, Grey(205));
        scene.Canvas.Save();
        scene.Canvas.Scale(-1, 1, scene.Width / 2f, 0);
        for (var count = 0; count < 4; count++)
            scene.Write(Handwriting(random), Grey(random.Next(178, 188)), scene.Short * scene.Between(0.2, 0.45));
        scene.Canvas.Restore();
        scene.Blur(1.5f);
        var ink = Handwriting(random);
        scene.Write(ink, Grey(random.Next(120, 140)), scene.Short * scene.Between(0.35, 0.6));
        scene.Grain(4);
        return (scene.Encode(), ink.Digit);
    }
}
