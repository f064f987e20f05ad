namespace MnistCnn.Training;

/// <summary>
/// States of torch's default generator that reproduce an interrupted epoch: its shuffle starts from the state before its first step, and
/// its dropout continues from the state after its last step.
/// </summary>
internal sealed class EpochRng
{
    private byte[] epochState = Capture();
    private byte[]? stepState; // null, except between the interruption of an epoch and its continuation

    public Tensor SaveEpochState() => tensor(epochState);

    public Tensor SaveStepState() => tensor(stepState ?? Capture());

    public void Load(Tensor epochState, Tensor? stepState) =>
        (this.epochState, this.stepState) = (epochState.bytes.ToArray(), stepState?.bytes.ToArray());

    public void StartEpoch() => epochState = Capture();

    /// <param name="hasStepState">Whether steps of this epoch are done and their random numbers must continue.</param>
    public void RewindToEpoch(bool hasStepState)
    {
        stepState ??= hasStepState ? Capture() : null;
        Restore(epochState);
    }

    public void ContinueSteps()
    {
        if (stepState is not null)
            Restore(stepState);
        stepState = null;
    }

    private static byte[] Capture()
    {
        using var state = get_rng_state();
        return state.bytes.ToArray();
    }

    private static void Restore(byte[] bytes)
    {
        using var state = tensor(bytes);
        set_rng_state(state);
    }
}
