using System.CommandLine;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;

namespace MnistCnn.Commands;

internal static class DoctorCommand
{
    public static Command Create() => OptionParsers.CreateCommand(
        "doctor", "Check that this system has everything that training needs.", Run, [SharedOptions.Json]);

    private static int Run(ParseResult parseResult)
    {
        HealthCheck[] checks =
        [
            .. SystemCheck.Run(parseResult.GetValue(SharedOptions.Device) ?? "auto"),
            HealthCheck.Run("Plots", DescribeFonts, needed: false),
        ];
        DoctorReport.Write(checks, parseResult.GetValue(SharedOptions.Json));
        string[] missing = [.. checks.Where(check => check.Needed && !check.Found).Select(check => check.Name)];
        return missing.Length == 0
            ? 0
            : throw new UserException($"This system lacks something that training needs: {string.Join(", ", missing)}.");
    }

    private static string DescribeFonts() =>
        $"text in {Typefaces.Main.FamilyName}; system font families for other characters: {Typefaces.SystemFamilies}";
}
