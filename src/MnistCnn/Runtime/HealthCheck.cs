namespace MnistCnn.Runtime;

/// <summary>Result of one check of <c>doctor</c>.</summary>
/// <param name="Needed">Every training needs it.</param>
/// <param name="Text">One line: the version found, or an error and its remedy.</param>
internal sealed record HealthCheck(string Name, bool Found, bool Needed, string Text)
{
    /// <param name="probe">Returns the version found, or throws any exception.</param>
    public static HealthCheck Run(string name, Func<string> probe, bool needed = true)
    {
        try
        {
            return new HealthCheck(name, Found: true, needed, probe());
        }
        catch (Exception error)
        {
            return new HealthCheck(name, Found: false, needed, ErrorText.Line(error));
        }
    }
}
