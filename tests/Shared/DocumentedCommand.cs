using System.CommandLine;
using System.CommandLine.Help;
using System.Text.RegularExpressions;
using MnistCnn.Commands;

namespace MnistCnn.Tests;

/// <summary>A command that a page shows.</summary>
/// <param name="Page">Name of the page.</param>
/// <param name="Line">Line of the page, from 1.</param>
/// <param name="Text">The command as the page shows it, in one line.</param>
internal sealed partial record DocumentedCommand(string Page, int Line, string Text)
{
    /// <summary>Folder of the project that <c>dotnet run</c> runs.</summary>
    public const string ProjectFolder = "src/MnistCnn";

    // Programs that start the program after them.
    private static readonly string[] Launchers = ["mpiexec", "srun", "docker", "podman", "exec"];

    // Options of dotnet and of the benchmark in sentences.
    private static readonly string[] OtherOptions =
    [
        "--", "--add-source", "--configuration", "--final", "--only", "--pairs", "--self-contained", "--source", "--tool-path",
        "--write-docs", "--yes",
    ];

    // The shell's words after a command; in a cell of a table, | is written with a backslash.
    private static readonly string[] Operators = [">", "|", @"\|", "&&", ";", "2>&1"];

    // Beginnings of the commands of other programs that tests may run: they change nothing outside of the current folder.
    private static readonly string[] Harmless =
    [
        "cd", "curl", "dotnet build", "dotnet format", "dotnet --list-sdks", "dotnet nuget list", "dotnet pack", "dotnet publish",
        "dotnet run", "dotnet test", "mkdir", "python3",
    ];

    private static readonly RootCommand Tree = CreateTree();

    /// <summary>Words of the command as a shell splits them, with variables before the command.</summary>
    public string[] Words { get; } = Split(Text);

    /// <summary>Whether the command trains for above ten seconds. In the tests, data sets of readers and resumed runs are small.</summary>
    public bool IsLong => ProgramArguments switch
    {
        ["experiment", not ("ablation" or "--help"), ..] => true,
        ["train" or "sweep", .. var options] => !options.Intersect(["--train-limit", "--data", "--resume", "--merge", "--help"]).Any(),
        _ => Command.Intersect(["docs/article.cs", "tests/MnistCnn.Benchmarks"]).Any() && !Command.Contains("--help"),
    };

    /// <summary>Page, line and text, for a message.</summary>
    public string Place => $"{Page}:{Line}: {Text}";

    /// <summary>Values of variables before the command, as in <c>NAME=VALUE command</c>.</summary>
    public IEnumerable<string> Variables => Words.TakeWhile(word => Assignment().IsMatch(word));

    /// <summary>The command without variables.</summary>
    public string[] Command => [.. Words.Skip(Variables.Count())];

    /// <summary>Arguments of this program, or null if the command runs another one.</summary>
    public string[]? ProgramArguments => FindProgram(Command);

    /// <summary>Whether <c>dotnet run</c> has the project in the current folder or as an option.</summary>
    public bool RunsProjectOf(string folder) =>
        folder == ProjectFolder || ProgramArguments is null
        || Command is not ["dotnet", "run", .. var options] || options.Contains("--project");

    /// <summary>Finds a fault, or returns null. The program's own command tree checks commands of the program.</summary>
    /// <param name="isRun">Whether a test runs it. If not, it may be any part of a shell script.</param>
    public string? FindProblem(bool isRun)
    {
        if (ProgramArguments is { } arguments)
            return FindProblem(arguments);
        if (!isRun)
            return null;
        if (!Harmless.Any(beginning => $"{string.Join(' ', Command)} ".StartsWith($"{beginning} ", StringComparison.Ordinal)))
            return $"tests run no such command; those that they run are: {string.Join(", ", Harmless)}";
        foreach (var (option, value) in Command.Zip(Command.Skip(1)))
            if (option == "--project" && !Path.Exists(Path.Combine(RepositoryRoot.FullPath, value)))
                return $"there is no project {value}";
            else if (option == "--filter-class" && !IsTestClass(value.TrimStart('*')))
                return $"there is no test class {value}";
        return null;
    }

    /// <summary>
    /// Finds a fault of code inside of a sentence: a command, whose arguments may be missing or <c>...</c>, or options, with or without the
    /// name of their command.
    /// </summary>
    public string? FindProblemInSentence()
    {
        string[] words =
        [
            .. Command.Where(word => word != "...").Select(word => word.EndsWith("...", StringComparison.Ordinal) ? word[..^3] : word),
        ];
        if (FindProgram(words) is { } arguments)
            return FindProblem(arguments, isPart: true);
        var commands = Tree.Subcommands.Where(command => words is [['-', '-', ..], ..] || words is [var name, ..] && command.Name == name);
        string[] known = [.. commands.Append(Tree).SelectMany(command => command.Options).Select(option => option.Name), .. OtherOptions];
        var unknown = words.Except(known).FirstOrDefault(word => word.StartsWith("--", StringComparison.Ordinal));
        return unknown is not null && commands.Any() ? $"no option is named {unknown}" : null;
    }

    /// <summary>Whether the tests have a class of this name.</summary>
    public static bool IsTestClass(string name) => TestClasses.Value.Contains(name);

    // Whether files exist is not known before the commands run.
    private static string? FindProblem(string[] arguments, bool isPart = false)
    {
        string[] words = [.. arguments.TakeWhile(word => !Operators.Contains(word)).Select(word => Variable().Replace(word, "1"))];
        var result = Tree.Parse(words);
        return result.Action is HelpAction ? null : result.Errors.Select(error => error.Message).FirstOrDefault(message =>
            !(message.EndsWith(" does not exist.", StringComparison.Ordinal) && !message.StartsWith('-'))
            && !(isPart && message.StartsWith("Required ", StringComparison.Ordinal)));
    }

    private static string[]? FindProgram(string[] words)
    {
        for (var index = 0; index < words.Length; index++)
        {
            if (index > 0 && !Launchers.Contains(words[0]))
                return null;
            if (words[index..] is ["dotnet", "run", .. var options])
                return FindProject(options);
            if (words[index..] is ["dotnet", var library, .. var ofLibrary] && Path.GetFileName(library) == "MnistCnn.dll")
                return ofLibrary;
            if (words[index..] is ["dnx", .. var ofDnx] && ofDnx.Contains("MnistCnn"))
                return [.. ofDnx.SkipWhile(word => word != "--").Skip(1)];
            if (ToolName().IsMatch(words[index]))
                return words[(index + 1)..];
        }

        return null;
    }

    // Arguments of the program, after the options of dotnet run. Other projects and files are other programs.
    private static string[]? FindProject(string[] words) => words switch
    {
        ["--project", var project, ..] when !project.EndsWith(ProjectFolder, StringComparison.Ordinal) => null,
        ["--file", ..] => null,
        ["--project" or "-c", _, .. var rest] => FindProject(rest),
        [['-', 'p', ':', ..], .. var rest] => FindProject(rest),
        ["--", .. var rest] => rest,
        [var file, ..] when file.EndsWith(".cs", StringComparison.Ordinal) => null,
        _ => words,
    };

    // As Program.cs creates it; DocumentationTests compares the commands.
    private static RootCommand CreateTree()
    {
        var root = new RootCommand { SharedOptions.Arch, SharedOptions.Device, SharedOptions.Verbose };
        foreach (var type in typeof(TrainCommand).Assembly.GetTypes().Where(type => type.Namespace == typeof(TrainCommand).Namespace))
            if (type.Name.EndsWith("Command", StringComparison.Ordinal) && type.GetMethod("Create") is { } create)
                root.Add((Command)create.Invoke(null, null)!);
        return root;
    }

    private static readonly Lazy<HashSet<string>> TestClasses = new(() =>
    [
        .. Directory.GetFiles(Path.Combine(RepositoryRoot.FullPath, "tests"), "*.cs", SearchOption.AllDirectories)
            .Select(path => Path.GetFileNameWithoutExtension(path)),
    ]);

    // A quoted part keeps its spaces; # begins a comment.
    private static string[] Split(string text) =>
        [.. Word().Matches(Comment().Replace(text, "")).Select(word => Quote().Replace(word.Value, "$1$2"))];

    [GeneratedRegex("""(?:"[^"]*"|'[^']*'|[^\s"'])+""")]
    private static partial Regex Word();

    [GeneratedRegex("\"([^\"]*)\"|'([^']*)'")]
    private static partial Regex Quote();

    [GeneratedRegex(@"(?<=^|\s)#.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^[A-Za-z_]\w*=")]
    private static partial Regex Assignment();

    [GeneratedRegex(@"\$\(\(.*?\)\)|\$\w+|\$\{\w+\}")]
    private static partial Regex Variable();

    // The installed tool, the executable file of an archive, or the image of a container.
    [GeneratedRegex(@"^(.*/)?mnist-cnn(\.exe|:.+)?$")]
    private static partial Regex ToolName();
}
