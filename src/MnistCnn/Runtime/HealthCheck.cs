namespace MnistCnn.Runtime;

/// <summary>What came of looking for something that a training needs, or some trainings need.</summary>
/// <param name="Name">What was looked for.</param>
/// <param name="Found">Whether it is there and works.</param>
/// <param name="Needed">Whether no training does without it.</param>
/// <param name="Text">What there is, or what is wrong and what to do, in one line.</param>
internal sealed record HealthCheck(string Name, bool Found, bool Needed, string Text)
{
    /// <summary>Looks for something.</summary>
    /// <param name="name">What is looked for.</param>
    /// <param name="look">Says what there is, or throws.</param>
    /// <param name="needed">Whether no training does without it.</param>
    public static HealthCheck Of(string name, Func<string> look, bool needed = true)
    {
        try
        {
            return new HealthCheck(name, Found: true, needed, look());
        }
        catch (Exception error)
        {
            // Whatever it is: to say what does not work is what this is for.
            return new HealthCheck(name, Found: false, needed, ErrorText.Line(error));
        }
    }
}
