using System.Text.Json;

namespace MnistCnn.Tests.Commands;

public sealed class DoctorCommandTests : IDisposable
{
    private static readonly string[] Needed = ["Program", "System", "libtorch", "Device", "Data", "Training", "Folder"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_check_passes_on_a_complete_system_and_leaves_no_files()
    {
        Directory.CreateDirectory(folder["run"]);
        var run = Run("doctor");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"(?m)^ *libtorch +ok +2\.\d+\.\d+", run.Output);
        Assert.Matches(@"(?m)^ *Data +ok +70,000 grey images of 28x28 in 10 classes", run.Output);
        Assert.Matches(@"(?m)^ *Training +ok +Residual trains on [\d,]+ images per second: an epoch of 60,000 takes \d+ s", run.Output);
        Assert.Equal(["run"], folder.Contents);

        var findings = Findings(Run("doctor", "--json"));
        Assert.Equal(Needed.Order(), findings.Where(finding => finding.Needed).Select(finding => finding.Name).Order());
        Assert.All(findings, finding => Assert.True(finding.Found || !finding.Needed, finding.Text));
        Assert.True(findings.Single(finding => finding.Name == "Networks").Found);
        Assert.StartsWith("built from source in ", findings.Single(finding => finding.Name == "Install").Text);
    }

    [Fact]
    public void A_missing_device_is_reported_and_nothing_is_trained()
    {
        var run = Run("doctor", "--device", "cuda:88", "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Equal("error: This system lacks something that training needs: Device.\n", run.Error);
        var findings = Findings(run);
        Assert.Contains("cuda:88 is not available", findings.Single(finding => finding.Name == "Device").Text);
        Assert.DoesNotContain(findings, finding => finding.Name == "Training");
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_reported()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no folder that nobody can write");
        var run = ProgramRun.Of("/proc", "doctor");
        Assert.Equal((1, "error: This system lacks something that training needs: Folder.\n"), (run.ExitCode, run.Error));
        Assert.Matches(@"(?m)^ *Folder +missing +", run.Output);
    }

    [Theory]
    [InlineData("runtimes/linux-x64/native/libtorch_cpu.so", "libtorch", "libtorch does not load on this system")]
    [InlineData("data/mnist/t10k-labels-idx1-ubyte.gz", "Data, Training", "t10k-labels-idx1-ubyte.gz was changed or damaged")]
    public void A_damaged_file_of_the_program_is_reported(string file, string missing, string reason)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the copy is made of links");
        var program = DamagedProgram.Create(folder["program"], file);

        var run = ProgramRun.OfDotnet(folder.FullPath, "exec", program, "doctor", "--json");
        Assert.Equal((1, $"error: This system lacks something that training needs: {missing}.\n"), (run.ExitCode, run.Error));
        Assert.Contains(reason, Findings(run).Single(finding => finding.Name == missing.Split(',')[0]).Text);
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);

    private static HealthCheck[] Findings(ProgramRun run) =>
        JsonDocument.Parse(run.Output).RootElement.GetProperty("findings").EnumerateArray()
            .Select(finding => new HealthCheck(
                finding.GetProperty("name").GetString()!,
                finding.GetProperty("found").GetBoolean(),
                finding.GetProperty("needed").GetBoolean(),
                finding.GetProperty("text").GetString()!))
            .ToArray();

    private sealed record HealthCheck(string Name, bool Found, bool Needed, string Text);
}
