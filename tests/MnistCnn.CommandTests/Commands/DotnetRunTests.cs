namespace MnistCnn.Tests.Commands;

/// <summary>
/// The commands of the README through <c>dotnet run</c>, which takes --arch and --device for its own: they must reach the
/// program all the same. A name that is unknown shows that they did, without training.
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
    public void A_known_architecture_is_taken(string name) =>
        ProgramRun.OfDotnet(Project, [.. NoBuild, "train", "--arch", name, "--data", "nowhere"]).AssertFailed(1, "nowhere");
}
