using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>The loss is no longer a finite number, in training or in a test: the same again ends the same way, however often it is started.</summary>
internal sealed class DivergenceException(string message) : UserException(message);
