namespace MnistCnn.Training;

/// <summary>Runs forward and backward on a batch: in one model, in replicas on threads, or across processes.</summary>
internal interface IForwardBackward : IDisposable
{
    /// <summary>Accumulates the gradients of the mean loss of a batch, or of one shard of it, into the model's parameters.</summary>
    /// <param name="images">(B, C, H, W), or the features of <see cref="FrozenLayers"/> (B, F), float32.</param>
    /// <param name="labels">Classes, from 0: (B), int64.</param>
    /// <param name="batchWeight"><see cref="SingleModelStep.Weight"/> of the whole batch if the images are a shard; otherwise null.</param>
    /// <returns>The loss, or the shard's summand of it, without gradient; and the number of images classified correctly, int64.</returns>
    (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? batchWeight = null);
}
