using MnistCnn.Data;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Training;

/// <summary>How well a network knows a set of images.</summary>
/// <param name="Loss">Cross entropy, mean over the images, in nats.</param>
/// <param name="Correct">How many images were recognised.</param>
/// <param name="Total">How many images there were.</param>
public sealed record Evaluation(double Loss, long Correct, long Total)
{
    /// <summary>Share of the images that were recognised, in percent.</summary>
    public double Accuracy => 100.0 * Correct / Total;

    /// <summary>Runs a network over one enumeration of a loader, without gradients.</summary>
    /// <param name="model">Images (B, 1, 28, 28) to logits (B, 10), on the loader's device.</param>
    /// <param name="loader">The images; see <see cref="BatchLoader"/>.</param>
    public static Evaluation Run(Module<Tensor, Tensor> model, DataLoader<long, Batch> loader)
    {
        var loss = 0.0;
        var (correct, total) = (0L, 0L);
        model.eval();
        using var noGradient = no_grad();
        foreach (var (images, labels) in loader)
        {
            using var scope = NewDisposeScope();
            var logits = model.call(images);
            loss += cross_entropy(logits, labels, reduction: Reduction.Sum).item<float>();
            correct += logits.argmax(dim: 1).eq(labels).sum().item<long>();
            total += labels.shape[0];
        }

        return new Evaluation(loss / total, correct, total);
    }
}
