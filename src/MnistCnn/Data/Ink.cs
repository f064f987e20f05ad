namespace MnistCnn.Data;

/// <summary>The parts of a picture that are darker than the paper around them, and which of them is the digit.</summary>
/// <param name="Depth">How much darker each pixel is than the paper around its part, as a share of white: (H, W).</param>
/// <param name="Numbers">The number of the part that each pixel belongs to, 0 for none: (H, W).</param>
/// <param name="Parts">All parts.</param>
/// <param name="Main">The digit, or its largest part.</param>
/// <param name="Strength">The depth of its darkest pixels.</param>
/// <param name="Lowest">The depth that the grain of the paper has too.</param>
internal sealed record Ink(Plane Depth, Plane Numbers, ConnectedComponent[] Parts, ConnectedComponent Main, float Strength, float Lowest)
{
    // As a share of white. What differs less is taken for noise.
    private const float SmallestContrast = 16f / 255;

    // In standard deviations of the noise: what is no deeper than the first may be noise, and paper is no deeper than the
    // second.
    private const float Doubt = 5;
    private const float Grain = 3;

    // As a share of the strength: where a stroke ends. Weaker ink and the lines of the paper are left out.
    private const float Edge = 0.5f;

    // As shares of the longer side of the picture, of the main part's longer side, and of its area. The last is low, so
    // that a loose stroke of the digit stays.
    private const double SmallestDigit = 1.0 / 100;
    private const double LargestGap = 0.2;
    private const double SmallestStroke = 1.0 / 30;

    // Of two parts' longer sides: a zero may have a dot in it.
    private const double SmallestFramed = 0.2;

    /// <summary>Whether there can be ink between two greys, as shares of white.</summary>
    public static bool HasContrast(float darkest, float lightest) => lightest - darkest >= SmallestContrast;

    /// <summary>Finds the ink. What lies along the border is left out, be it a table or a finger.</summary>
    /// <param name="lit">The picture as if the light on it were even, 1 is paper: (H, W).</param>
    /// <param name="border">The same, but where a stroke touches the border, there is paper; only its border counts.</param>
    /// <returns>Null where there is none.</returns>
    public static Ink? Find(Plane lit, Plane border)
    {
        var noise = Noise(lit);
        var filled = lit.Fill(border);
        var depth = filled.Map((value, y, x) => Math.Max(0, value - lit[y, x]));
        var threshold = Math.Max(SmallestContrast, Doubt * noise);
        var ink = At(threshold) is { } rough ? At(Math.Max(threshold, rough.Strength * Edge)) : null;
        var isLarge = ink?.Main.Longer >= Math.Max(4, SmallestDigit * lit.Longer);
        return isLarge && ink!.Strength - ink.Lowest >= SmallestContrast ? ink : null;

        Ink? At(float level)
        {
            var parts = depth.Parts(level, out var numbers);
            if (Largest(parts, numbers) is not { } main)
                return null;
            var own = numbers.Cut(main).Values.Zip(depth.Cut(main).Values).Where(pair => pair.First == main.Number);
            var strength = Plane.Quantile(own.Select(pair => pair.Second), 0.9);
            var lowest = Math.Clamp(Grain * noise, Plane.Step, strength / 2);
            return new Ink(depth, numbers, parts, main, strength, lowest);
        }
    }

    /// <summary>1 in the digit's parts, 0 elsewhere: (H, W).</summary>
    public Plane Digit()
    {
        var kept = Parts.Where(part => part == Main || IsLooseStroke(part)).Select(part => part.Number).ToHashSet();
        return Numbers.Map((number, _, _) => number > 0 && kept.Contains((int)number) ? 1 : 0);
    }

    /// <summary>How much of it there is in each pixel of some parts and of their edges, from 0 to 1: (H, W).</summary>
    public Plane Amount(Plane digit)
    {
        var near = digit.Spread(1);
        return Depth.Map((value, y, x) => near[y, x] * Math.Clamp((value - Lowest) / (Strength - Lowest), 0, 1));
    }

    // The standard deviation of normal noise whose differences have the same median. Pixels side by side are too alike, as
    // a camera or JPEG leaves them.
    private static float Noise(Plane lit)
    {
        const int Lag = 3;
        var step = 1 + lit.Longer / 128;
        var differences = new List<float>();
        for (var y = Lag; y < lit.Height; y += step)
            for (var x = Lag; x < lit.Width; x += step)
                differences.AddRange([Math.Abs(lit[y, x] - lit[y - Lag, x]), Math.Abs(lit[y, x] - lit[y, x - Lag])]);
        return differences.Count == 0 ? 0 : 1.0484f * Plane.Quantile(differences, 0.5);
    }

    private bool IsLooseStroke(ConnectedComponent part) =>
        part.Area >= SmallestStroke * Main.Area && part.Gap(Main) <= LargestGap * Main.Longer && !IsFrame(part, Main, Numbers);

    private static ConnectedComponent? Largest(ConnectedComponent[] parts, Plane numbers) =>
        parts.OrderByDescending(part => part.Power)
            .FirstOrDefault(part => !parts.Any(inner => IsFrame(part, inner, numbers)));

    // Whether a part goes around another that is about as dark and not much smaller.
    private static bool IsFrame(ConnectedComponent part, ConnectedComponent inner, Plane numbers)
    {
        if (!part.IsAround(inner) || inner.Longer < SmallestFramed * part.Longer
            || inner.Power / inner.Area < part.Power / part.Area / 4)
            return false;
        var (y, x) = ((inner.Top + inner.Bottom) / 2, (inner.Left + inner.Right) / 2);
        return Enumerable.Range(part.Left, inner.Left - part.Left).Any(at => numbers[y, at] == part.Number)
            && Enumerable.Range(inner.Right, part.Right - inner.Right + 1).Any(at => numbers[y, at] == part.Number)
            && Enumerable.Range(part.Top, inner.Top - part.Top).Any(at => numbers[at, x] == part.Number)
            && Enumerable.Range(inner.Bottom, part.Bottom - inner.Bottom + 1).Any(at => numbers[at, x] == part.Number);
    }
}
