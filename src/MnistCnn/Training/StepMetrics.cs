namespace MnistCnn.Training;

/// <param name="Epoch">From 1.</param>
/// <param name="Step">Number of the step in its epoch, from 1.</param>
/// <param name="Steps">Steps per epoch.</param>
/// <param name="Loss">Cross entropy before the update of the weights, with label smoothing and class weights, batch mean, in nats.</param>
internal readonly record struct StepMetrics(int Epoch, int Step, int Steps, double Loss, int Images, double LearningRate);

/// <summary>A step whose loss may still be computed on the GPU.</summary>
internal readonly record struct PendingStep(StepMetrics Metrics, Tensor Loss, Tensor Correct)
{
    /// <summary>Waits for the loss and the number of images classified correctly, and disposes their tensors.</summary>
    public (StepMetrics Metrics, long Correct) Read()
    {
        using (Loss)
        using (Correct)
            return (Metrics with { Loss = Loss.item<float>() }, Correct.item<long>());
    }
}
