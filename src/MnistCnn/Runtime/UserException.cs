namespace MnistCnn.Runtime;

/// <summary>
/// What was asked for cannot be done, for a reason that the user can mend: the message says in one line what is wrong and what to
/// do. Files that are missing, damaged or in the way have .NET's own exceptions; whatever else is thrown is a bug of this program.
/// </summary>
internal class UserException(string message, Exception? inner = null) : Exception(message, inner);
