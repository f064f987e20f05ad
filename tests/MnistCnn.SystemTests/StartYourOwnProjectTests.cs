using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using MnistCnn.Tests;
using SkiaSharp;

namespace MnistCnn.SystemTests;

/// <summary>The steps of docs/guides/start-your-own-project.md, on a copy of the repository.</summary>
[Trait("Kind", "Waiting")]
public sealed partial class StartYourOwnProjectTests : IDisposable
{
    private static readonly string[] Classes = ["ash", "birch", "elm", "maple", "oak"];

    private readonly TemporaryFolder folder = new();

    public void Dispose()
    {
        // Git makes its objects read-only, which .NET does not delete on Windows.
        foreach (var file in Directory.EnumerateFiles(folder.FullPath, "*", SearchOption.AllDirectories))
            File.SetAttributes(file, FileAttributes.Normal);
        folder.Dispose();
    }

    [Fact]
    public void The_steps_of_the_page_give_a_trainer_that_builds_and_trains_and_predicts()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the steps need a Unix shell");
        Assert.SkipUnless(Directory.Exists(Path.Combine(RepositoryRoot.FullPath, ".git")), "this is no clone");
        CopyRepository();
        WriteImages();
        File.WriteAllText(folder["steps.sh"], Script());
        var run = Bash(folder.FullPath, "-e", "steps.sh");
        Assert.True(run.ExitCode == 0, run.Output + run.Error);

        Assert.Contains("0 Warning(s)", run.Output);
        Assert.Matches(@"succeeded: [1-9]", run.Output);
        Assert.Contains("leaf, 23,909 parameters", run.Output);
        Assert.Contains("80 colour images of 32x32 in 5 classes", run.Output);
        Assert.Matches(@"LeafNet trains on [\d,]+ images per second", run.Output);
        Assert.Equal(80, Regex.Count(run.Output, @"leaves/\w+/\d+\.png +(ash|birch|elm|maple|oak) "));
        Assert.DoesNotContain("MnistCnn", Bash(folder["leaf-cnn"], "-c", "git ls-files").Output);
        Assert.Equal("LICENSE\n", Bash(folder["leaf-cnn"], "-c", "git grep -lI 'MnistCnn'").Output);
        Assert.False(Directory.Exists(folder["leaf-cnn/src/MnistCnn"]));
    }

    // Commands and files of the page in their order; the test trains less, and its build is fresh, so that imports need no sorting.
    private static string Script()
    {
        var page = File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, "docs", "guides", "start-your-own-project.md"));
        var script = new StringBuilder();
        foreach (Match block in Block().Matches(page))
            script.Append(block.Groups["path"] is { Success: true, Value: var path }
                ? $"cat > {path} <<'END'\n{block.Groups["text"].Value}END\n"
                : block.Groups["text"].Value);
        return script
            .Replace("ADDRESS", "source")
            .Replace("~/leaves", "../leaves")
            .Replace("\ndotnet format\n", "\n")
            .Replace("\ndotnet test\n", "\ndotnet test --no-build -- --filter-class '*.LeafTests' --filter-class '*.LayeringTests'\n")
            .Replace(" train --out", " train --epochs 1 --threads 1 --out")
            .ToString();
    }

    private void CopyRepository()
    {
        var files = Bash(RepositoryRoot.FullPath, "-c", "git ls-files --cached --others --exclude-standard").Output;
        foreach (var name in files.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct())
        {
            var source = Path.Combine(RepositoryRoot.FullPath, name);
            if (!File.Exists(source))
                continue; // deleted and not committed
            Directory.CreateDirectory(Path.GetDirectoryName(folder[$"source/{name}"])!);
            File.Copy(source, folder[$"source/{name}"]);
        }

        var commit = Bash(folder["source"], "-c", "git init -q && git add -A && git commit -qm copy");
        Assert.True(commit.ExitCode == 0, commit.Error);
    }

    private void WriteImages()
    {
        var random = new Random(1);
        for (var index = 0; index < 80; index++)
        {
            var kind = index % Classes.Length;
            SmallPictures.Save(
                folder[$"leaves/{Classes[kind]}/{index:00}.png"],
                32,
                32,
                (_, _) => new SKColor((byte)(40 * kind + random.Next(60)), (byte)(200 - 40 * kind), (byte)random.Next(256)));
        }
    }

    private static ProgramRun Bash(string workingFolder, params string[] arguments)
    {
        var start = new ProcessStartInfo("bash", arguments) { WorkingDirectory = workingFolder };
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        foreach (var role in new[] { "AUTHOR", "COMMITTER" })
        {
            start.Environment[$"GIT_{role}_NAME"] = "Ada";
            start.Environment[$"GIT_{role}_EMAIL"] = "ada@localhost";
        }

        return ProgramRun.Finish(ProgramRun.Start(start), minutes: 15);
    }

    [GeneratedRegex(@"(?:<!-- file: (?<path>\S+) -->\n)?```(?:sh|csharp)\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
