namespace MnistCnn.Experiments;

/// <summary>A part of an experiment that is measured by itself, for instance one network with one seed.</summary>
/// <typeparam name="TRow">What is measured.</typeparam>
/// <param name="Name">What it is, for a line of progress.</param>
/// <param name="Work">How much there is to do, in any unit that the parts have in common.</param>
/// <param name="Measure">Measures it and hands out each row as soon as there is one.</param>
public sealed record Part<TRow>(string Name, double Work, Action<Laboratory, Action<TRow>> Measure);
