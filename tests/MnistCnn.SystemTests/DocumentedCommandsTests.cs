using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>Pages with commands of other programs run as a whole, in a copy of the repository.</summary>
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
}
