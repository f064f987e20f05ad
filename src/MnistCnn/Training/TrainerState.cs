using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>Everything that a <see cref="Trainer"/> needs to resume a run exactly between two steps.</summary>
/// <param name="Weights">State dictionary of the model, auxiliary classifiers included.</param>
/// <param name="MomentumBuffers">SGD's momentum per parameter name; empty before the first step.</param>
/// <param name="EpochRngState">State of torch's default generator at the start of the epoch, uint8.</param>
/// <param name="StepRngState">State of torch's default generator after the last step of the epoch, uint8; null without dropout.</param>
internal sealed record TrainerState(
    TrainingProgress Progress,
    IReadOnlyDictionary<string, Tensor> Weights,
    IReadOnlyDictionary<string, Tensor> MomentumBuffers,
    Tensor EpochRngState,
    Tensor? StepRngState);

/// <summary>
/// States of torch's default generator that reproduce an interrupted epoch: its shuffle starts from the state before its first step, and
/// its dropout continues from the state after its last step.
/// </summary>
internal sealed class EpochRng : IDisposable
{
    // Null, except between the interruption of an epoch and its continuation.
    private Tensor? stepState;

    public Tensor EpochState { get; private set; } = get_rng_state().DetachFromDisposeScope();

    public Tensor CurrentStepState() => stepState?.clone() ?? get_rng_state();

    public void StartEpoch()
    {
        using var state = get_rng_state();
        Load(state, null);
    }

    public void Load(Tensor epochState, Tensor? stepState)
    {
        var (oldEpochState, oldStepState) = (EpochState, this.stepState);
        EpochState = epochState.clone().DetachFromDisposeScope();
        this.stepState = stepState?.clone().DetachFromDisposeScope();
        oldEpochState.Dispose();
        oldStepState?.Dispose();
    }

    /// <summary>Returns the generator to the start of the epoch.</summary>
    public void RewindToEpoch(bool hasStepState)
    {
        stepState ??= hasStepState ? get_rng_state().DetachFromDisposeScope() : null;
        set_rng_state(EpochState);
    }

    /// <summary>Brings the generator to its state after the last step.</summary>
    public void ContinueSteps()
    {
        if (stepState is null)
            return;
        set_rng_state(stepState);
        stepState.Dispose();
        stepState = null;
    }

    public void Dispose()
    {
        EpochState.Dispose();
        stepState?.Dispose();
    }
}
