using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>The loss is no longer a finite number: with these settings the training comes to no end, however often it is started.</summary>
internal sealed class DivergenceException(string message) : UserException(message);
