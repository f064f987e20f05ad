using Markdig;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace MnistCnn.Tests;

/// <summary>A page of the documentation: its blocks of code, and the code inside of its sentences.</summary>
internal sealed class DocumentedPage
{
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().Build();

    private DocumentedPage(string name, IReadOnlyList<DocumentedBlock> blocks, IReadOnlyList<DocumentedCommand> inline) =>
        (Name, Blocks, Inline) = (name, blocks, inline);

    /// <summary>Names of all pages: paths relative to the repository, with slashes.</summary>
    public static string[] Names { get; } =
    [
        "README.md", "README.zh.md", "CONTRIBUTING.md", "SECURITY.md", "src/MnistCnn/README.md", "src/MnistCnn.OnnxExport/README.md",
        .. MarkdownFiles("data"), .. MarkdownFiles("docs"),
    ];

    public string Name { get; }

    public IReadOnlyList<DocumentedBlock> Blocks { get; }

    /// <summary>The commands that a test runs.</summary>
    public IEnumerable<DocumentedCommand> RunCommands => Blocks.Where(block => block.IsRun).SelectMany(block => block.ReadCommands());

    /// <summary>Code inside of sentences and tables.</summary>
    public IReadOnlyList<DocumentedCommand> Inline { get; }

    public static DocumentedPage Read(string name) =>
        Parse(name, File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, name)).ReplaceLineEndings("\n"));

    public static DocumentedPage Parse(string name, string text)
    {
        var document = Markdown.Parse(text, Pipeline);
        return new DocumentedPage(
            name,
            [.. ReadBlocks(name, document)],
            [.. document.Descendants<CodeInline>().Select(code => new DocumentedCommand(name, code.Line + 1, code.Content))]);
    }

    private static IEnumerable<DocumentedBlock> ReadBlocks(string page, MarkdownDocument document)
    {
        var followsCommand = false;
        foreach (var part in document.Descendants<LeafBlock>())
            if (part is HeadingBlock)
            {
                followsCommand = false;
            }
            else if (part is CodeBlock { Lines.Count: > 0 } code)
            {
                var block = Convert(page, code, followsCommand);
                followsCommand |= block.HasCommands;
                yield return block;
            }
    }

    private static DocumentedBlock Convert(string page, CodeBlock block, bool followsCommand)
    {
        var siblings = block.Parent!;
        var comment = siblings.IndexOf(block) is > 0 and var index && siblings[index - 1] is HtmlBlock before
            ? before.Lines.ToString().Replace("<!--", "", StringComparison.Ordinal).Replace("-->", "", StringComparison.Ordinal).Trim()
            : "";
        string[] lines = [.. block.Lines.Lines.Take(block.Lines.Count).Select(line => line.ToString())];
        return block is FencedCodeBlock fenced
            ? new DocumentedBlock(page, block.Line + 2, fenced.Info ?? "", comment, lines, followsCommand)
            : new DocumentedBlock(page, block.Line + 1, DocumentedBlock.Commands, comment, lines, followsCommand);
    }

    private static IEnumerable<string> MarkdownFiles(string folder) =>
        Directory.GetFiles(Path.Combine(RepositoryRoot.FullPath, folder), "*.md", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(RepositoryRoot.FullPath, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal);
}

/// <param name="Page">Name of the page.</param>
/// <param name="Line">Line of the page that the first line of code is in, from 1.</param>
/// <param name="Language">Language after the fence, or <see cref="Commands"/> for an indented block.</param>
/// <param name="Comment">Text of the HTML comment right before the block, or nothing.</param>
/// <param name="Lines">Lines of code.</param>
/// <param name="FollowsCommand">Whether a command is before it in its section.</param>
internal sealed record DocumentedBlock(string Page, int Line, string Language, string Comment, string[] Lines, bool FollowsCommand)
{
    /// <summary>Language of an indented block.</summary>
    public const string Commands = "commands";

    /// <summary>Name of the comment that says why no test runs a block.</summary>
    public const string NotRun = "not run";

    /// <summary>Name of the comment with the file that a block is saved in.</summary>
    public const string SavedAs = "file";

    /// <summary>Name of the comment with the test class that runs a block.</summary>
    public const string TestedBy = "tested by";

    public bool HasCommands => Language is Commands or "sh";

    /// <summary>Whether a test runs its commands.</summary>
    public bool IsRun => Language == Commands && Find(NotRun) is null;

    /// <summary>Value of the comment <c>name: value</c> right before the block, or null.</summary>
    public string? Find(string name) =>
        Comment.StartsWith($"{name}: ", StringComparison.Ordinal) ? Comment[(name.Length + 2)..] : null;

    /// <summary>Its commands, without comments; a trailing backslash continues a line.</summary>
    public IEnumerable<DocumentedCommand> ReadCommands()
    {
        for (var index = 0; index < Lines.Length; index++)
        {
            var first = index;
            var text = Lines[index].Trim();
            while (text.EndsWith('\\') && index + 1 < Lines.Length)
                text = text[..^1] + Lines[++index].Trim();
            if (text.Length > 0 && !text.StartsWith('#'))
                yield return new DocumentedCommand(Page, Line + first, text);
        }
    }
}
