using System.Globalization;
using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Web;

/// <summary>How an image and a network are changed before the one is shown to the other; from a request's query.</summary>
/// <param name="Right">Pixels to the right.</param>
/// <param name="Down">Pixels down.</param>
/// <param name="Degrees">Around the image's middle, counter-clockwise.</param>
/// <param name="Scale">How many times as large the image becomes.</param>
/// <param name="Thicker">By how many pixels bright lines become wider, or narrower below zero.</param>
/// <param name="Wire">What is switched: NODE:INPUT:INSTEAD, where INSTEAD may be empty for zeros.</param>
internal sealed record Question(double? Right, double? Down, double? Degrees, double? Scale, double? Thicker, string[]? Wire)
{
    private const double Farthest = 1024;
    private const double LargestScale = 10;
    private const double Widest = 28;

    /// <summary>What is switched in the network.</summary>
    /// <exception cref="UserException">It is not written so.</exception>
    public IReadOnlyList<InputOverride> Wires() =>
    [
        .. (Wire ?? []).Select(text => text.Split(':') is [var node, var input, var instead]
            && int.TryParse(input, NumberStyles.None, CultureInfo.InvariantCulture, out var place)
                ? new InputOverride(node, place, instead == "" ? null : instead)
                : throw new UserException($"wire takes NODE:INPUT:INSTEAD, as in rBlock1/Add:0:, not '{text}'.")),
    ];

    /// <summary>The image with its changes.</summary>
    /// <param name="pixels">The image, from 0 to 255: (C, H, W).</param>
    /// <param name="shape">What it must be.</param>
    /// <returns>(1, C, H, W), uint8.</returns>
    /// <exception cref="UserException">A number is out of its range.</exception>
    public Tensor Apply(byte[] pixels, NetworkShape shape)
    {
        var image = tensor(pixels, [1, shape.Channels, shape.Height, shape.Width]);
        Check("right", Right, -Farthest, Farthest);
        Check("down", Down, -Farthest, Farthest);
        Check("degrees", Degrees, -360, 360);
        Check("scale", Scale, 1 / LargestScale, LargestScale);
        Check("thicker", Thicker, -Widest, Widest);
        var motion = new AffineParameters(Right ?? 0, Down ?? 0, Degrees ?? 0, Scale ?? 1);
        if (motion == new AffineParameters(0, 0, 0, 1) && (Thicker ?? 0) == 0)
            return image;
        var changed = image.to_type(ScalarType.Float32);
        if (Thicker is { } width and not 0)
            changed = ImageTransforms.DilateStrokes(changed, [width]);
        changed = ImageTransforms.Affine(changed, [motion]);
        using Scalar black = 0, white = byte.MaxValue; // by name, as in Normalization
        return changed.round().clamp(black, white).to_type(ScalarType.Byte);
    }

    private static void Check(string name, double? value, double lowest, double highest)
    {
        if (value is { } given && !(given >= lowest && given <= highest))
            throw new UserException($"{name} takes a number from {lowest} to {highest}, not {given}.");
    }
}
