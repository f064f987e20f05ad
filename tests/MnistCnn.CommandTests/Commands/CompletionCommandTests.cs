using System.Diagnostics;
using System.Text.RegularExpressions;
using MnistCnn.Experiments;
using MnistCnn.Networks;
using MnistCnn.Training;

namespace MnistCnn.Tests.Commands;

/// <summary>The scripts of <c>completion</c> in real shells, and the hidden command that they run.</summary>
public sealed partial class CompletionCommandTests : IDisposable
{
    private const string Files = ":files", Folders = ":folders";
    private const string Prompt = "READY>", Left = "\e[D", Tab = "\t", Dump = "\a", Clear = "\u0005\u0015";

    private readonly TemporaryFolder folder = new();

    public CompletionCommandTests()
    {
        Directory.CreateDirectory(folder["runs/a-1"]);
        File.WriteAllText(folder["runs/a-1/metrics.jsonl"], "");
        Directory.CreateDirectory(folder["runs/empty"]);
        if (!OperatingSystem.IsWindows())
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder["runs/b\n\e[2J"]).FullName, "metrics.jsonl"), "");
        Directory.CreateDirectory(folder["my dir"]);
        File.WriteAllText(folder["my dir/b c.png"], "");
        File.WriteAllText(folder["x.safetensors"], "");
    }

    // A line as typed, and after the tabulator key.
    private static (string Typed, string Completed)[] Lines =>
    [
        ("mnist-cnn tra", "mnist-cnn train"),
        ("mnist-cnn train --arch goo", "mnist-cnn train --arch googlenet"),
        ("mnist-cnn train --arch=goo", "mnist-cnn train --arch=googlenet"),
        ("mnist-cnn --arch goo", "mnist-cnn --arch googlenet"),
        ("mnist-cnn train --device cuda:0 --tensorb", "mnist-cnn train --device cuda:0 --tensorboard"),
        ("mnist-cnn train --augment flip,cr", "mnist-cnn train --augment flip,crop="),
        ("mnist-cnn sweep arch=residual,goo", "mnist-cnn sweep arch=residual,googlenet"),
        ("mnist-cnn sweep we", "mnist-cnn sweep weight-decay="),
        ("mnist-cnn compare ", "mnist-cnn compare runs/a-1"),
        ("mnist-cnn train --init=x", "mnist-cnn train --init=x.safetensors"),
        ("mnist-cnn train --out my", @"mnist-cnn train --out my\ dir/"),
        (@"mnist-cnn predict my\ dir/", @"mnist-cnn predict my\ dir/b\ c.png"),
        ("mnist-cnn predict \"my dir/b", "mnist-cnn predict \"my dir/b c.png\""),
        ("mnist-cnn evaluate ~/x", "mnist-cnn evaluate ~/x.safetensors"),
        ("mnist-cnn train --epochs ", "mnist-cnn train --epochs"),
        ("./mnist-cnn compl", "./mnist-cnn completion"),
        ($"mnist-cnn train --epo --seed{Left}{Left}{Left}{Left}{Left}{Left}{Left}", "mnist-cnn train --epochs --seed"),
    ];

    private static string[] NumericValues => ["N", "X", "HxW", "CxHxW", "STEPS", "ADDRESS", "PART"];

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("powershell")]
    public void Each_script_completes_the_installed_name(string shell)
    {
        var run = Run("completion", shell);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("'mnist-cnn'", run.Output);
        Assert.DoesNotContain("NAMES", run.Output);
    }

    [Theory]
    [InlineData]
    [InlineData("ksh")]
    public void A_missing_or_unknown_shell_is_an_error_that_names_the_four(params string[] shell) =>
        Run(["completion", .. shell]).AssertFailed(2, "shell", "bash, zsh, fish, powershell");

    [Fact]
    public void Names_of_closed_sets_are_completed()
    {
        Assert.Equal(Architecture.All.Select(architecture => architecture.Name).Order(), Complete("", "train", "--arch").Order());
        Assert.Equal(Recipe.All.Select(recipe => recipe.Name).Order(), Complete("", "sweep", "--recipe").Order());
        Assert.Equal(Experiment.All.Select(experiment => experiment.Name).Append("all").Order(), Complete("", "experiment").Order());
        Assert.Equal(["auto", "cpu", "cuda", "mps"], Complete("", "train", "--device"));
        Assert.Equal(["crop", "ink", "pad", "stretch"], Complete("", "summary", "--fit"));
        Assert.Equal(["constant", "one-cycle", "steps"], Complete("", "train", "--schedule"));
        Assert.Equal(["balanced"], Complete("B", "train", "--class-weights"));
        Assert.Equal(["flip,erase"], Complete("flip,e", "train", "--augment"));
        Assert.Equal(["--augment=flip,erase"], Complete("--augment=flip,e", "train"));
        Assert.Equal(["arch=residual,inception"], Complete("arch=residual,in", "sweep"));
        Assert.Equal(["bash", "fish", "powershell", "zsh"], Complete("", "completion"));
    }

    [Fact]
    public void Options_are_completed_once_and_hidden_ones_are_not()
    {
        Assert.Equal(["--arch"], Complete("--ar", "train"));
        Assert.Empty(Complete("--ar", "--arch", "residual", "train"));
        Assert.Empty(Complete("--wo", "sweep"));
        Assert.Contains("--epochs", Complete("", "train", "--json"));
        Assert.Contains("--test-limit", Complete("", "evaluate", "x.safetensors"));
        Assert.DoesNotContain("--json", Complete("", "evaluate"));
        Assert.Empty(Complete("", "train", "--epochs"));
        Assert.Contains("predict", Complete(""));
        Assert.Empty(Complete("", "completion", "bash", "--help", "@x").Except(["--arch", "--device", "--verbose"]));
    }

    [Fact]
    public void Paths_are_left_to_the_shell()
    {
        Assert.Equal([Folders], Complete("", "train", "--out"));
        Assert.Equal(["residual", Files], Complete("res", "train", "--init"));
        Assert.Equal([Files], Complete("--resume=~/", "train"));
        Assert.Equal(["residual", "inception", Files], Complete("", "evaluate"));
        Assert.Equal(["inception", Files], Complete("in", "predict"));
        Assert.Equal([Files], Complete("b", "predict", "inception", "a.png"));
        Assert.Equal([Path.Combine("runs", "a-1")], Complete("", "compare"));
        Assert.Equal([Files], Complete("my", "compare", "x"));
        Assert.Equal([Files], Complete("a b", "train", "--plot"));
    }

    [Fact]
    public void Every_option_that_takes_no_number_and_no_name_of_a_host_or_module_completes_its_values()
    {
        foreach (var command in Complete(""))
            foreach (Match row in HelpRow().Matches(Run(command, "--help").Output))
                if (!NumericValues.Contains(row.Groups["value"].Value) && row.Groups["name"].Value is not ("--host" or "--module"))
                    Assert.NotEmpty(Complete("", command, row.Groups["name"].Value));
    }

    [Theory]
    [InlineData("")]
    [InlineData("train", "--arch")]
    [InlineData("=", "nonsense", "--nonsense", "\"", "[suggest]")]
    [InlineData("=--=", "sweep", "arch=", "=")]
    [InlineData("=x=", "")]
    public void Nonsense_has_no_completions_and_no_errors(params string[] arguments)
    {
        var run = Run(["complete", .. arguments]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
    }

    [Fact]
    public void Libtorch_is_not_loaded()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the copy is made of links");
        var program = DamagedProgram.Create(folder["program"], "runtimes/linux-x64/native/libtorch_cpu.so");
        var run = ProgramRun.OfDotnet(folder.FullPath, "exec", program, "complete", "=resnet1", "train", "--arch");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.StartsWith("resnet101\t", run.Output);
    }

    [Fact]
    public void Bash_completes_lines() => AssertCompletes("bash", "bash --rcfile .zshrc -i", """
        source <(mnist-cnn completion bash)
        dump() { printf '%s\n' "$READLINE_LINE" >> lines; }
        bind -x '"\C-g": dump'
        """);

    [Fact]
    public void Zsh_completes_lines() => AssertCompletes("zsh", "zsh -d -i", """
        autoload -Uz compinit; compinit -D -u
        source <(mnist-cnn completion zsh)
        dump() { print -r -- "$BUFFER" >> lines }
        zle -N dump; bindkey '^G' dump
        """);

    // Fish prints completions of a line; a word with its option's name is completed as a whole.
    [Fact]
    public void Fish_completes_lines() => Assert.Equal(
        [
            "train", "googlenet", "--arch=googlenet", "--tensorboard", "flip,crop=", "runs/a-1", "--init=x.safetensors", "my dir/",
            "my dir/b c.png", "my dir/b c.png", "~/x.safetensors", "completion",
        ],
        RunScript("fish", "--no-config", """
        mnist-cnn completion fish | source
        for line in 'tra' 'train --arch goo' 'train --arch=goo' 'train --device cuda:0 --tensorb' 'train --augment flip,cr' 'compare ' \
                'train --init=x' 'train --out my' 'predict my\ dir/' 'predict "my dir/b' 'evaluate ~/x' 'compl'
            complete -C"mnist-cnn $line"
        end
        complete -C'mnist-cnn train --epochs '
        """).Select(line => line.Split('\t')[0]));

    // PowerShell splits a word at its commas, and completes the last part.
    [Fact]
    public void PowerShell_completes_lines() => Assert.Equal(
        [
            "train", "googlenet", "--arch=googlenet", "--tensorboard", "crop=", "weight-decay=", "runs/a-1", "--init=./x.safetensors",
            "'./my dir'", "'./my dir/b c.png'", "~/x.safetensors", "completion",
        ],
        RunScript("pwsh", "-NoProfile", """
        mnist-cnn completion powershell | Out-String | Invoke-Expression
        foreach ($line in 'tra', 'train --arch goo', 'train --arch=goo', 'train --device cuda:0 --tensorb', 'train --augment flip,cr',
                'sweep we', 'compare ', 'train --init=x', 'train --out my', "predict 'my dir/b", 'evaluate ~/x', 'compl') {
            $line = "mnist-cnn $line"
            [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches.CompletionText
        }
        """));

    // Types in a terminal: each line, the tabulator key, a key that appends the line to a file, and keys that clear the line.
    private void AssertCompletes(string shell, string command, string settings)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Find("script") is not null, "needs the program script of util-linux");
        File.WriteAllText(folder[".zshrc"], $"PS1='{Prompt}'\n{settings}\n");
        using var process = StartShell(shell, "script", "-qec", command, "/dev/null");
        for (var seen = ""; !seen.EndsWith(Prompt, StringComparison.Ordinal); seen += (char)process.StandardOutput.Read())
            Assert.NotInRange(seen.Length, 10_000, int.MaxValue);
        foreach (var (typed, _) in Lines)
            process.StandardInput.Write($"{typed}{Tab}{Dump}{Clear}");
        process.StandardInput.Write("exit\n");
        Assert.Equal(0, ProgramRun.Finish(process).ExitCode);
        Assert.Equal(
            Lines.Select(line => line.Completed),
            File.ReadAllLines(folder["lines"]).Select(line => line.TrimEnd().Replace("  ", " ", StringComparison.Ordinal)));
    }

    private string[] RunScript(string shell, string option, string script)
    {
        File.WriteAllText(folder["script.ps1"], script);
        var run = ProgramRun.Finish(StartShell(shell, shell, option, "script.ps1"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    // The test folder is the shell's home, and holds the program under its installed name.
    private Process StartShell(string shell, string program, params string[] arguments)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the installed name is made by a shell script");
        var path = Find(shell);
        Assert.SkipWhen(path is null, $"this system has no {shell}");
        File.WriteAllText(folder["mnist-cnn"], $"#!/bin/sh\nexec {ProgramRun.Command} \"$@\"\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder["mnist-cnn"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return ProgramRun.Start(new ProcessStartInfo(program == shell ? path : program, arguments)
        {
            WorkingDirectory = folder.FullPath,
            Environment =
            {
                ["HOME"] = folder.FullPath, ["ZDOTDIR"] = folder.FullPath, ["TERM"] = "dumb", ["INPUTRC"] = "/dev/null",
                ["PATH"] = $"{folder.FullPath}:{Path.GetDirectoryName(path)}:{Environment.GetEnvironmentVariable("PATH")}",
            },
        });
    }

    private static string? Find(string program) => Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
        .Append(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dotnet", "tools"))
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private IEnumerable<string> Complete(string word, params string[] earlier)
    {
        var run = Run(["complete", $"={word}", .. earlier]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0]);
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);

    [GeneratedRegex(@"^  (-\S+, )*(?<name>--[\w-]+) <(?<value>[^>]+)>", RegexOptions.Multiline)]
    private static partial Regex HelpRow();
}
