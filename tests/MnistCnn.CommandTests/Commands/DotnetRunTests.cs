namespace MnistCnn.Tests.Commands;

/// <summary>
/// Commands of the README through <c>dotnet run</c>, which has options --arch and --device of its own: they must reach the program. The
/// error about an unknown name shows that they did, without training.
/// </summary>
[Trait("Speed", "Slow")]
public sealed class DotnetRunTests
{
    private static readonly string Project = Path.Combine(RepositoryRoot.FullPath, "src", "MnistCnn");

#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif

    private static readonly string[] NoBuild = ["run", "--no-build", "-c", Configuration];

    [Theory]
    [InlineData("train", "--arch", "foo")]
    [InlineData("--arch", "foo", "train")]
    [InlineData("--", "train", "--arch", "foo")]
    [InlineData("train", "--device", "cpu", "--arch", "foo")]
    [InlineData("train", "--epochs", "1", "--arch", "foo", "--json")]
    public void The_architecture_reaches_the_program(params string[] arguments)
    {
        ProgramRun.OfDotnet(Project, [.. NoBuild, .. arguments]).AssertFailed(2, "'foo'", "inception, residual, residual-as-printed");
        ProgramRun.OfDotnet(RepositoryRoot.FullPath, [.. NoBuild, "--project", "src/MnistCnn", .. arguments]).AssertFailed(2, "'foo'");
    }

    [Theory]
    [InlineData("train", "--device", "tpu")]
    [InlineData("train", "--arch", "inception", "--device", "tpu")]
    [InlineData("--", "train", "--device", "tpu")]
    public void The_device_reaches_the_program(params string[] arguments) =>
        ProgramRun.OfDotnet(Project, [.. NoBuild, .. arguments]).AssertFailed(2, "'tpu'");

    [Theory]
    [InlineData("Residual")]
    [InlineData("RESIDUAL")]
    public void A_known_architecture_is_accepted_in_any_case(string name) =>
        ProgramRun.OfDotnet(Project, [.. NoBuild, "train", "--arch", name, "--data", "nowhere"]).AssertFailed(1, "nowhere");
}
