using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>Pages with commands of other programs run in a copy of the repository. Python code compiles.</summary>
[Trait("Kind", "Waiting")]
public sealed class DocumentedCommandsTests
{
    /// <summary>Pages with commands of other programs than this. Chinese pages have the commands of the English ones.</summary>
    public static TheoryData<string> Pages { get; } =
    [
        .. DocumentedPage.Names.Where(name => !name.EndsWith(".zh.md", StringComparison.Ordinal)).Where(name =>
            DocumentedPage.Read(name).RunCommands.Any(command => command.ProgramArguments is null
                && command.Command[0] is not ("cd" or "mkdir") && !DocumentedPageRun.IsBuild(command))),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void All_commands_run(string page)
    {
        using var run = new DocumentedPageRun(runsOthers: true);
        run.Run(DocumentedPage.Read(page));
    }

    [Fact]
    public void Python_code_compiles()
    {
        var blocks = DocumentedPage.Names.SelectMany(name => DocumentedPage.Read(name).Blocks);
        foreach (var block in blocks.Where(block => block.Language == "python"))
        {
            var run = DocumentedPageRun.RunPython("python3", "import ast, sys; ast.parse(sys.argv[1])", string.Join('\n', block.Lines));
            Assert.SkipWhen(run is null, "there is no Python here");
            Assert.True(run.ExitCode == 0, $"{block.Page}:{block.Line}: {run.Error}");
        }
    }
}
