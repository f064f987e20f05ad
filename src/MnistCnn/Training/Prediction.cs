using MnistCnn.Data;
using MnistCnn.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Training;

/// <summary>A class that an image may be of.</summary>
/// <param name="Class">Its number, from 0.</param>
/// <param name="Probability">How sure the network is, from 0 to 1.</param>
internal sealed record Prediction(int Class, double Probability)
{
    /// <summary>What a network sees in an image, the likeliest class first.</summary>
    /// <param name="model">Images (1, C, H, W) to logits (1, classes), ready for evaluation.</param>
    /// <param name="normalization">How it was given its images when it was trained.</param>
    /// <param name="image">Pixels, 0 is background: (C, H, W), uint8.</param>
    /// <param name="device">Where the network is.</param>
    /// <exception cref="UserException">What the network gives is not a finite number.</exception>
    public static IReadOnlyList<Prediction> Of(Module<Tensor, Tensor> model, Normalization normalization, Tensor image, Device device)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var logits = model.call(normalization.Apply(image.unsqueeze(0).to(device)));
        if (!logits.isfinite().all().item<bool>())
            throw NotFinite();
        return [.. softmax(logits.ToCpuFloat64(), dim: 1).data<double>().ToArray()
            .Select((probability, number) => new Prediction(number, probability))
            .OrderByDescending(prediction => prediction.Probability)];
    }

    /// <summary>What is thrown where a network gives an infinite number, or none.</summary>
    internal static UserException NotFinite() =>
        new("What the network gives is not a finite number: its weights are too large. Train it with a lower learning rate.");
}
