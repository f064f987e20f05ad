using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>Names a model, and changes to the image and to the network: the section Changes of docs/reference/http-api.md.</summary>
internal sealed record WhatIfQuery(
    string Id, double? Right, double? Down, double? Degrees, double? Scale, double? Thicker, string[]? Wire)
{
    private const double MaxTranslation = 1024, MaxScale = 10, MaxThickness = 28;

    public IReadOnlyList<InputOverride> ParseOverrides() =>
    [
        .. (Wire ?? []).Select(text => text.Split(':') is [var node, var input, var instead]
            && int.TryParse(input, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                ? new InputOverride(node, index, instead == "" ? null : instead)
                : throw new UserException($"wire takes NODE:INPUT:INSTEAD, as in rBlock1/Add:0:, not '{text}'.")),
    ];

    /// <param name="pixels">(C, H, W), from 0 to 255.</param>
    /// <returns>(1, C, H, W), uint8.</returns>
    public Tensor Apply(byte[] pixels, NetworkShape shape)
    {
        ValidateRange("right", Right, -MaxTranslation, MaxTranslation);
        ValidateRange("down", Down, -MaxTranslation, MaxTranslation);
        ValidateRange("degrees", Degrees, -360, 360);
        ValidateRange("scale", Scale, 1 / MaxScale, MaxScale);
        ValidateRange("thicker", Thicker, -MaxThickness, MaxThickness);
        var image = tensor(pixels, [1, shape.Channels, shape.Height, shape.Width]);
        var motion = new AffineParameters(Right ?? 0, Down ?? 0, Degrees ?? 0, Scale ?? 1);
        if (motion == new AffineParameters(0, 0, 0, 1) && (Thicker ?? 0) == 0)
            return image;
        var changed = image.to_type(ScalarType.Float32);
        if (Thicker is { } thickness and not 0)
            changed = ImageTransforms.DilateStrokes(changed, [thickness]);
        changed = ImageTransforms.Affine(changed, [motion]);
        using Scalar black = 0, white = byte.MaxValue; // by name, as in Normalization
        return changed.round().clamp(black, white).to_type(ScalarType.Byte);
    }

    private static void ValidateRange(string name, double? value, double lowest, double highest)
    {
        if (value is { } number && !(number >= lowest && number <= highest))
            throw new UserException($"{name} takes a number from {lowest} to {highest}, not {number}.");
    }
}
