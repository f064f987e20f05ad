namespace MnistCnn.Data;

/// <summary>Mean and std of training pixels, scaled to 0..1, per channel as for torchvision's <c>Normalize</c>, or one for all.</summary>
internal sealed record Normalization(IReadOnlyList<double> Mean, IReadOnlyList<double> Std)
{
    /// <summary>No change, for features instead of pixels.</summary>
    public static Normalization None { get; } = new([], []);

    /// <summary>The article's <c>transforms.Normalize([0.1307], [0.3081])</c> for MNIST.</summary>
    public static Normalization Mnist { get; } = new([0.1307], [0.3081]);

    /// <summary>Mean and standard deviation of ImageNet's pixels, as torchvision's and timm's networks take them.</summary>
    public static Normalization ImageNet { get; } = new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// <summary>
    /// Pixels from -1 to 1, as torchvision's GoogLeNet takes them: its <c>transform_input</c> converts <see cref="ImageNet"/>'s to these.
    /// </summary>
    public static Normalization ImageNetOfGoogLeNet { get; } = new([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);

    /// <summary>Whether it comes with weights that were trained on ImageNet, instead of being measured on a data set.</summary>
    [JsonIgnore]
    public bool IsOfImageNet => Equals(ImageNet) || Equals(ImageNetOfGoogLeNet);

    /// <summary>Whether pixels from 0 to 1 can have these means and standard deviations.</summary>
    [JsonIgnore]
    public bool IsPossible =>
        Mean.Count > 0 && Mean.Count == Std.Count && Mean.All(mean => mean is >= 0 and <= 1) && Std.All(std => std is > 0 and <= 1);

    /// <summary>Turns normalized images back into pixels of 0 to 1.</summary>
    [JsonIgnore]
    public Normalization Inverse => new([.. Mean.Zip(Std, (mean, std) => -mean / std)], [.. Std.Select(std => 1 / std)]);

    /// <summary>Whether there is one value per channel, or one for all.</summary>
    public bool Fits(int channels) => Mean.Count == 1 || Mean.Count == channels;

    /// <summary>Measures images (N, C, H, W), uint8, N at least 1.</summary>
    public static Normalization Measure(Tensor images)
    {
        var pixels = new MeanStdAccumulator((int)images.shape[1]);
        for (var index = 0L; index < images.shape[0]; index++)
        {
            using var image = images[index]; // all images together may be more than a span can hold
            pixels.Add(image.bytes);
        }

        return pixels.Normalization;
    }

    /// <summary>Normalizes pixels of 0 to 255, (..., C, H, W); returns float32 of the same shape, on the same device.</summary>
    public Tensor Apply(Tensor images)
    {
        if (Mean.Count == 0)
            return images.alias();

        // TorchSharp 0.107 passes only the handle of a Scalar, so a temporary one may be finalized during the call.
        using Scalar white = byte.MaxValue;
        return ApplyInPlace(images.to_type(ScalarType.Float32).div_(white));
    }

    /// <summary>Normalizes pixels of 0 to 1, (..., C, H, W), float32, in place; returns them.</summary>
    public Tensor ApplyInPlace(Tensor images)
    {
        for (var channel = 0; channel < Mean.Count; channel++)
        {
            using Scalar mean = Mean[channel], std = Std[channel];
            using var plane = Mean.Count == 1 ? images.alias() : images.narrow(-3, channel, 1);
            plane.sub_(mean).div_(std);
        }

        return images;
    }

    public bool Equals(Normalization? other) => other is not null && Mean.SequenceEqual(other.Mean) && Std.SequenceEqual(other.Std);

    public override int GetHashCode() => Mean.Count == 0 ? 0 : HashCode.Combine(Mean[0], Std[0]);
}
