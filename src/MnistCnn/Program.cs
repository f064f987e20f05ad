using System.CommandLine;
using MnistCnn.Commands;
using MnistCnn.Runtime;

// On Windows, redirected output has the code page of the console, which lacks the characters of tables.
if (OperatingSystem.IsWindows())
    Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

var root = new RootCommand(
    "Trains the Inception and Residual networks of a PyTorch article for beginners, on MNIST or your own images, with TorchSharp.")
{
    SharedOptions.Arch,
    SharedOptions.Device,
    SharedOptions.Verbose,
    TrainCommand.Create(),
    EvaluateCommand.Create(),
    PredictCommand.Create(),
    CompareCommand.Create(),
    SummaryCommand.Create(),
    ExportCommand.Create(),
    ServeCommand.Create(),
    ExperimentCommand.Create(),
    SweepCommand.Create(),
    DoctorCommand.Create(),
    CompletionCommand.Create(),
};

if (args is [Completer.CommandName, .. var words])
{
    foreach (var line in Completer.Complete(root, words))
        Console.Out.Write($"{line}\n"); // no shell expects Windows line ends
    return 0;
}

if (args.Contains(""))
    return Fail("error: One of the arguments is empty. See --help.", ExitCode.Usage);

var parseResult = root.Parse(args);
if (parseResult.Errors is [var first, ..] && parseResult.Action is not System.CommandLine.Help.HelpAction)
{
    var message = parseResult.CommandResult.Command == root && parseResult.UnmatchedTokens is [var name, ..] && !name.StartsWith('-')
        ? OptionParsers.Unknown("command", name, OptionParsers.Names(root.Subcommands, command => command.Name))
        : first.Message;
    return Fail($"error: {PrintableText.Escape(message)} See --help.", ExitCode.Usage);
}

try
{
    if (parseResult.CommandResult.Command != root && parseResult.Action is not System.CommandLine.Help.HelpAction)
        EnsureCurrentFolder();
    return parseResult.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception error)
{
    return Fail(Failure.Text(error, parseResult.GetValue(SharedOptions.Verbose)), ExitCode.Failed);
}

// The MKL in libtorch 2.10 ends the process with a message about libtorch_cpu.so if there is no current folder.
static void EnsureCurrentFolder()
{
    try
    {
        _ = Environment.CurrentDirectory;
    }
    catch (FileNotFoundException error)
    {
        throw new UserException("The current folder was removed: change to another folder.", error);
    }
}

static int Fail(string text, int code)
{
    FileErrors.Try(() => Console.Error.WriteLine(text)); // if standard error is full or closed, only the exit code is left
    return code;
}
