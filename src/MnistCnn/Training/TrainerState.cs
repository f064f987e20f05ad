namespace MnistCnn.Training;

/// <summary>Everything that a <see cref="Trainer"/> needs to resume a run exactly between two steps.</summary>
/// <param name="Weights">State dictionary of the model, auxiliary classifiers included.</param>
/// <param name="MomentumBuffers">SGD's momentum per parameter name; empty before the first step.</param>
/// <param name="EpochRngState">State of torch's default generator at the start of the epoch, uint8.</param>
/// <param name="StepRngState">
/// State of torch's default generator after the last step, uint8. Dropout continues from it; it does not affect the order of the images.
/// Null without dropout.
/// </param>
internal sealed record TrainerState(
    TrainingProgress Progress,
    IReadOnlyDictionary<string, Tensor> Weights,
    IReadOnlyDictionary<string, Tensor> MomentumBuffers,
    Tensor EpochRngState,
    Tensor? StepRngState);
