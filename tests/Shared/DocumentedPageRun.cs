using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using MnistCnn.Networks;
using MnistCnn.Tests.Web;

namespace MnistCnn.Tests;

/// <summary>
/// Runs the commands of a page in a folder that looks like a clone of the repository. Files of the repository are copied when a command
/// names them, and files that the reader brings are made.
/// </summary>
/// <param name="runsOthers">Whether commands of other programs run too: dotnet, python3, curl. If not, only this program's run.</param>
internal sealed partial class DocumentedPageRun(bool runsOthers) : IDisposable
{
    // A Python with PyTorch, or null.
    private static readonly Lazy<string?> Python = new(() =>
        new[] { "python3", "/usr/bin/python3" }.FirstOrDefault(python => RunPython(python, "import torch, numpy")?.ExitCode == 0));

    private static readonly string Project = DocumentedCommand.ProjectFolder.Replace('/', Path.DirectorySeparatorChar);

    // Options whose value is written, not read.
    private static readonly string[] Outputs = ["--out", "--plot", "-o"];

    private readonly TemporaryFolder clone = new();

    // Trainings of the page that do not run, by their --out.
    private readonly Dictionary<string, string[]> skippedTrainings = [];

    private RunningServer? server;
    private string folder = "";
    private string output = "";
    private bool isOutputComplete; // of the last block: all of its commands ran

    public void Dispose()
    {
        server?.Dispose();
        clone.Dispose();
    }

    /// <summary>Runs the commands in order. Fails with the place of the first command that fails, and with its output.</summary>
    public void Run(DocumentedPage page)
    {
        if (runsOthers)
            Copy(RepositoryRoot.FullPath, clone.FullPath);
        foreach (var block in page.Blocks)
            if (block.HasCommands)
                Run(block);
            else if (block.Find(DocumentedBlock.SavedAs) is { } file)
                Write(PathOf(file), block.Lines);
            else if (block is { Language: "text", FollowsCommand: true } && isOutputComplete)
                AssertSample(block);
    }

    private void Run(DocumentedBlock block)
    {
        (output, isOutputComplete) = ("", true);
        foreach (var command in block.ReadCommands())
            Run(command, block.IsRun);
    }

    private void Run(DocumentedCommand command, bool isRun)
    {
        Assert.True(!isRun || command.RunsProjectOf(folder), $"{command.Place}: dotnet run finds no project in /{folder}");
        if (command.Command is ["cd", var name])
            ChangeFolder(command, name, isRun);
        else if (!isRun)
            Skip(command);
        else if (command.Command is ["mkdir", .., var made])
            Directory.CreateDirectory(PathOf(made));
        else if (command.ProgramArguments is ["serve", .. var options])
            Serve(command, options);
        else if (command.ProgramArguments is { } arguments)
            RunProgram(command, arguments);
        else if (runsOthers && !IsBuild(command))
            RunOther(command);
        else
            isOutputComplete = false;
    }

    /// <summary>Whether a command builds or tests the repository, as the tests do already.</summary>
    public static bool IsBuild(DocumentedCommand command) => command.Command is ["dotnet", "build" or "test" or "format", ..];

    // A folder of a command that is not run, such as git clone, does not exist: the current folder stays.
    private void ChangeFolder(DocumentedCommand command, string name, bool isRun)
    {
        if (folder == name)
            return; // a section that can be read on its own
        Provide(name, "");
        var path = PathOf(name);
        if (Directory.Exists(path))
            folder = path == clone.FullPath ? "" : Path.GetRelativePath(clone.FullPath, path).Replace('\\', '/');
        else
            Assert.False(isRun, $"{command.Place}: the folder does not exist");
    }

    private void Skip(DocumentedCommand command)
    {
        isOutputComplete = false;
        if (command.ProgramArguments is ["train", ..] arguments && Array.IndexOf(arguments, "--out") is > 0 and var index)
            skippedTrainings[PathOf(arguments[index + 1])] = arguments;
    }

    private void RunProgram(DocumentedCommand command, string[] arguments)
    {
        var redirected = Array.IndexOf(arguments, ">");
        ProvideAll(arguments);
        string[] given = redirected < 0 ? arguments : arguments[..redirected];
        // Workers are processes of the program that starts them, so it cannot be the process of the tests.
        var run = given.Contains("--jobs") ? ProgramRun.OfProcess(PathOf(""), given) : ProgramRun.Of(PathOf(""), given);
        AssertDone(command, run);
        if (redirected >= 0)
            File.WriteAllText(PathOf(arguments[redirected + 1]), run.Output);
    }

    private void RunOther(DocumentedCommand command)
    {
        var words = command.Command;
        if (words[0] == "python3" && (words[0] = Python.Value!) is null)
        {
            isOutputComplete = false;
            return;
        }

        if (words[0] == "curl")
            words = [.. words.Select(word => word.Replace("localhost:8080", server?.Address.Authority).Replace("TOKEN", server?.Token))];
        ProvideAll(words[1..]);
        var start = new ProcessStartInfo(words[0], words[1..]) { WorkingDirectory = PathOf("") };
        foreach (var variable in command.Variables)
            start.Environment[variable[..variable.IndexOf('=')]] = variable[(variable.IndexOf('=') + 1)..];
        // The SDK's builds of single files.
        start.Environment["XDG_DATA_HOME"] = Directory.CreateDirectory(clone["cache"]).FullName;
        AssertDone(command, ProgramRun.Finish(ProgramRun.Start(start), minutes: 15));
    }

    // Null if the system does not have this program.
    private static ProgramRun? RunPython(string python, params string[] arguments)
    {
        try
        {
            return ProgramRun.Finish(ProgramRun.Start(new ProcessStartInfo(python, ["-c", .. arguments])));
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    // The server stays for later commands of the page; a new one takes its place.
    private void Serve(DocumentedCommand command, string[] options)
    {
        ProvideAll(options);
        var port = Array.IndexOf(options, "--port");
        string[] others = port < 0 ? options : [.. options[..port], .. options[(port + 2)..]];
        server?.Dispose();
        server = RunningServer.Start(PathOf(""), [.. others.Except(["--no-browser", "--json"])]);
        using var answer = server.Client.Send(new HttpRequestMessage(HttpMethod.Get, "api/models"));
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{command.Place}: {answer.StatusCode}");
        output += $"{server.PageAddress}\n";
    }

    private void AssertDone(DocumentedCommand command, ProgramRun run)
    {
        Assert.True(run.ExitCode == 0, $"{command.Place}: exit code {run.ExitCode}\n{run.Output}{run.Error}");
        output += run.Output + run.RawError;
    }

    private static void Write(string path, string[] lines)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllLines(path, lines);
    }

    // The words of its first line, without paths and numbers, occur in the real output.
    private void AssertSample(DocumentedBlock block)
    {
        var words = block.Lines.First(line => line.Trim().Length > 0).Split(' ').Where(word => SampleWord().IsMatch(word));
        foreach (var word in words)
            Assert.True(
                output.Contains(word, StringComparison.Ordinal),
                $"{block.Page}:{block.Line}: the output has no \"{word}\":\n{output}");
    }

    private string PathOf(string name) => clone[Path.Combine(folder, name)];

    private void ProvideAll(string[] words)
    {
        var option = "";
        foreach (var word in words)
        {
            if (!word.StartsWith('-'))
                Provide(word, option);
            option = word.StartsWith('-') ? word : "";
        }
    }

    // Makes sure that a file or folder exists, if a word of a command names one.
    private void Provide(string word, string option)
    {
        var path = PathOf(word);
        var relative = Path.GetRelativePath(clone.FullPath, path);
        if (Path.Exists(path) || Outputs.Contains(option) || relative.StartsWith("..", StringComparison.Ordinal))
            return;
        var original = RepositoryPath(relative);
        if (Path.Exists(original) && !relative.Split(Path.DirectorySeparatorChar).Any(IsBuilt))
            Copy(original, path);
        else if (skippedTrainings.Keys.FirstOrDefault(name => $"{path}/".StartsWith($"{name}/", StringComparison.Ordinal)) is { } skipped)
            Train(skippedTrainings[skipped]);
        else if (RunName().Match(word) is { Success: true } run)
            ProvideRun(run.Value);
        else if (!IsOfRepository(Path.GetDirectoryName(relative) ?? ""))
            ReaderFiles.Create(path, option);
    }

    // Whether a missing file in a folder was renamed in the repository; readers put their files into the current folder.
    private static bool IsOfRepository(string parent) => parent != "" && parent != Project && Directory.Exists(RepositoryPath(parent));

    private static string RepositoryPath(string relative) => Path.Combine(RepositoryRoot.FullPath, relative);

    // A run of the page that the page cannot know the name of, or a short one.
    private void ProvideRun(string name)
    {
        var network = RunName().Match(name).Groups["network"].Value;
        var made = Directory.Exists(PathOf("runs")) ? Directory.GetDirectories(PathOf("runs"), $"{network}-*") : [];
        if (made.Length > 0)
            Copy(made.Order(StringComparer.Ordinal).Last(), PathOf(name));
        else
            Train(["train", "--arch", Architecture.Find(network)?.Name ?? "residual", "--epochs", "2", "--out", name]);
    }

    // On few images.
    private void Train(string[] arguments)
    {
        ProvideAll(arguments);
        var limits = new[] { ("--train-limit", "128"), ("--test-limit", "50") }
            .Where(limit => !arguments.Contains(limit.Item1)).SelectMany(limit => new[] { limit.Item1, limit.Item2 });
        var run = ProgramRun.Of(PathOf(""), [.. arguments, .. limits]);
        Assert.True(run.ExitCode == 0, $"{string.Join(' ', arguments)}: exit code {run.ExitCode}\n{run.Output}{run.Error}");
    }

    private static bool IsBuilt(string name) => name is "bin" or "obj" or "runs" or ".git" or "TestResults";

    private static void Copy(string source, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        if (File.Exists(source))
        {
            File.Copy(source, target);
            return;
        }

        Directory.CreateDirectory(target);
        foreach (var entry in Directory.GetFileSystemEntries(source).Where(entry => !IsBuilt(Path.GetFileName(entry))))
            Copy(entry, Path.Combine(target, Path.GetFileName(entry)));
    }

    [GeneratedRegex(@"^runs/(?<network>[\w-]+?)-\d{8}-\d{6}(/[\w-]+(?=/|$))?")]
    private static partial Regex RunName();

    [GeneratedRegex(@"^[A-Za-z]{2,}[,:]?$")]
    private static partial Regex SampleWord();
}
