namespace MnistCnn.Data;

/// <summary>Components of an image that are darker than the paper around them, and the component that is the digit.</summary>
/// <param name="Depth">Darkness of each pixel relative to the paper around it, as a fraction of white: (H, W).</param>
/// <param name="Numbers">Number of each pixel's component, 0 for none: (H, W).</param>
/// <param name="Main">The digit, or its largest component.</param>
/// <param name="Strength">Depth of the darkest pixels of the digit.</param>
/// <param name="Lowest">Depth that the grain of the paper reaches too.</param>
internal sealed record Ink(
    FloatImage Depth, FloatImage Numbers, ConnectedComponent[] Components, ConnectedComponent Main, float Strength, float Lowest)
{
    // Fraction of white. Smaller differences count as noise.
    private const float MinContrast = 16f / 255;

    // Standard deviations of the noise: depths up to the first may be noise, and paper is never deeper than the second.
    private const float NoiseDepth = 5, GrainDepth = 3;

    // Fraction of the strength where a stroke ends. Weaker ink and the lines of the paper are ignored.
    private const float StrokeEdge = 0.5f;

    // Fractions of the image's longer side, of the main component's longer side, and of its area: low, to keep loose strokes.
    private const double MinDigitSide = 1.0 / 100, MaxGap = 0.2, MinStrokeArea = 1.0 / 30;

    // Ratio of two digits' heights; fractions of the height of all: a gap that no broken stroke has, a width that no single digit has.
    private const double MinDigitHeight = 0.6, MinNumberGap = 0.15, MinNumberWidth = 1.3;

    // Ratio of the longer sides of a component and the frame around it: a zero may have a dot in it.
    private const double MinFramedSide = 0.2;

    /// <summary>Whether there can be ink between two grey values, as fractions of white.</summary>
    public static bool HasContrast(float darkest, float lightest) => lightest - darkest >= MinContrast;

    /// <summary>Finds the ink of an evenly lit image (H, W), 1 is paper; returns null if there is none.</summary>
    /// <param name="border">The same image without strokes at its border; only the border pixels are used.</param>
    /// <remarks>Dark areas along the border, such as a table or a finger, are ignored.</remarks>
    public static Ink? Find(FloatImage lit, FloatImage border)
    {
        var noise = NoiseStd(lit);
        var filled = lit.FillHoles(border);
        var depth = filled.Map((value, y, x) => Math.Max(0, value - lit[y, x]));
        var threshold = Math.Max(MinContrast, NoiseDepth * noise);
        var ink = AboveThreshold(threshold) is { } rough ? AboveThreshold(Math.Max(threshold, rough.Strength * StrokeEdge)) : null;
        var isLarge = ink?.Main.LongerSide >= Math.Max(4, MinDigitSide * lit.LongerSide);
        return isLarge && ink!.Strength - ink.Lowest >= MinContrast ? ink : null;

        Ink? AboveThreshold(float level)
        {
            var components = depth.FindComponents(level, out var numbers);
            if (FindMain(components, numbers) is not { } main)
                return null;
            var own = numbers.Crop(main).Values.Zip(depth.Crop(main).Values).Where(pair => pair.First == main.Number);
            var strength = FloatImage.Quantile(own.Select(pair => pair.Second), 0.9);
            return new Ink(depth, numbers, components, main, strength, Math.Clamp(GrainDepth * noise, FloatImage.Step, strength / 2));
        }
    }

    /// <summary>Returns 1 in the components of the main digit and 0 elsewhere: (H, W).</summary>
    public FloatImage DigitMask() => Mask([Main, .. Components.Where(part => part != Main && IsLooseStroke(part, Main))]);

    /// <summary>
    /// Returns a mask of each digit, from left to right, and of the main one: alone if the digits are so far apart that they cannot be the
    /// broken strokes of a single digit, otherwise as <see cref="DigitMask"/>.
    /// </summary>
    public (FloatImage Main, FloatImage[] All, bool AreApart) DigitMasks()
    {
        List<ConnectedComponent> digits = [Main];
        foreach (var component in Components.OrderByDescending(component => component.SumOfSquares))
            if (IsAsHighAndDark(component, Main) && digits.All(component.IsBeside))
                digits.Add(component);
        if (digits.Count == 1)
            return (DigitMask(), [DigitMask()], true);

        digits.Sort((one, other) => one.Left.CompareTo(other.Left));
        var height = digits.Max(digit => digit.Bottom) - digits.Min(digit => digit.Top) + 1;
        var areApart = digits[^1].Right - digits[0].Left >= MinNumberWidth * height
            || digits.Zip(digits.Skip(1)).All(pair => pair.First.Gap(pair.Second) >= MinNumberGap * height);
        var strokes = Components.Except(digits).ToLookup(part => digits.Where(digit => IsLooseStroke(part, digit)).MinBy(part.Gap));
        FloatImage[] masks = [.. digits.Select(digit => Mask([digit, .. strokes[digit]]))];
        return (areApart ? masks[digits.IndexOf(Main)] : DigitMask(), masks, areApart);
    }

    /// <summary>Returns the amount of ink, 0 to 1, in each pixel of a mask and of its edges: (H, W).</summary>
    public FloatImage Amount(FloatImage mask)
    {
        var near = mask.Dilate(1);
        return Depth.Map((value, y, x) => near[y, x] * Math.Clamp((value - Lowest) / (Strength - Lowest), 0, 1));
    }

    // Standard deviation of normal noise whose differences have the same median. Adjacent pixels are too similar after a camera or JPEG.
    private static float NoiseStd(FloatImage lit)
    {
        const int Lag = 3;
        var step = 1 + lit.LongerSide / 128;
        var differences = new List<float>();
        for (var y = Lag; y < lit.Height; y += step)
            for (var x = Lag; x < lit.Width; x += step)
                differences.AddRange([Math.Abs(lit[y, x] - lit[y - Lag, x]), Math.Abs(lit[y, x] - lit[y, x - Lag])]);
        return differences.Count == 0 ? 0 : 1.0484f * FloatImage.Quantile(differences, 0.5);
    }

    private static ConnectedComponent? FindMain(ConnectedComponent[] components, FloatImage numbers) => components
        .OrderByDescending(component => component.SumOfSquares)
        .FirstOrDefault(component => !components.Any(inner => IsFrame(component, inner, numbers)));

    private FloatImage Mask(IEnumerable<ConnectedComponent> components)
    {
        var kept = components.Select(component => component.Number).ToHashSet();
        return Numbers.Map((number, _, _) => number > 0 && kept.Contains((int)number) ? 1 : 0);
    }

    private bool IsLooseStroke(ConnectedComponent component, ConnectedComponent digit) =>
        component.Area >= MinStrokeArea * digit.Area
        && component.Gap(digit) <= MaxGap * digit.LongerSide
        && !IsFrame(component, digit, Numbers);

    private static bool IsAsHighAndDark(ConnectedComponent component, ConnectedComponent digit) =>
        Math.Min(component.Height, digit.Height) >= MinDigitHeight * Math.Max(component.Height, digit.Height)
        && component.SumOfSquares / component.Area >= digit.SumOfSquares / digit.Area / 2;

    // Whether a component goes around another that is about as dark and not much smaller.
    private static bool IsFrame(ConnectedComponent frame, ConnectedComponent inner, FloatImage numbers)
    {
        if (!frame.Encloses(inner) || inner.LongerSide < MinFramedSide * frame.LongerSide
            || inner.SumOfSquares / inner.Area < frame.SumOfSquares / frame.Area / 4)
            return false;
        var (y, x) = ((inner.Top + inner.Bottom) / 2, (inner.Left + inner.Right) / 2);
        return Enumerable.Range(frame.Left, inner.Left - frame.Left).Any(at => numbers[y, at] == frame.Number)
            && Enumerable.Range(inner.Right, frame.Right - inner.Right + 1).Any(at => numbers[y, at] == frame.Number)
            && Enumerable.Range(frame.Top, inner.Top - frame.Top).Any(at => numbers[at, x] == frame.Number)
            && Enumerable.Range(inner.Bottom, frame.Bottom - inner.Bottom + 1).Any(at => numbers[at, x] == frame.Number);
    }
}
