namespace MnistCnn.Tests;

/// <summary>The code in the documentation: all commands are valid, and those of the program run in the order of their page.</summary>
public sealed class DocumentedCommandsTests
{
    // Written before the rules.
    private static readonly string[] NotYet =
    [
        "README.md", "README.zh.md", "CONTRIBUTING.md", "src/MnistCnn/README.md", "src/MnistCnn.OnnxExport/README.md", "data/models/README.md",
        "docs/guides/cluster.md", "docs/guides/export-onnx.md", "docs/guides/idx-and-cifar.md", "docs/guides/install.md",
        "docs/guides/own-data.md", "docs/guides/serve.md", "docs/guides/sweep.md",
        "docs/guides/weights.md",
    ];

    // MNIST_CNN_PAGE=guides/serve tests the pages with this in their path, for an author.
    private static readonly string? Chosen = Environment.GetEnvironmentVariable("MNIST_CNN_PAGE");

    public static TheoryData<string> Pages { get; } =
    [
        .. DocumentedPage.Names.Where(name =>
            Chosen is null ? !NotYet.Contains(name) : name.Contains(Chosen, StringComparison.Ordinal)),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Code_follows_the_rules_and_every_command_is_valid(string page)
    {
        var problems = string.Join('\n', DocumentedPageRules.FindProblems(DocumentedPage.Read(page)));
        Assert.True(problems.Length == 0, problems);
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Commands_of_the_program_run(string page)
    {
        using var run = new DocumentedPageRun(runsOthers: false);
        run.Run(DocumentedPage.Read(page));
    }
}
