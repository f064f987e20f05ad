namespace MnistCnn.Runs;

/// <summary>The data of a run.</summary>
/// <param name="Folder">Where it was read from.</param>
/// <param name="TrainImages">How many images it learnt from.</param>
/// <param name="TestImages">How many images it was measured on.</param>
/// <param name="Sha256">The SHA-256 of each file.</param>
public sealed record RunData(string Folder, long TrainImages, long TestImages, IReadOnlyDictionary<string, string> Sha256);
