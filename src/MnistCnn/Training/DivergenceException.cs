using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>The loss became infinite or NaN. Training is deterministic, so a retry with the same settings diverges too.</summary>
internal sealed class DivergenceException(string message) : UserException(message);
