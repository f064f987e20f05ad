using System.CommandLine;
using System.Text;
using MnistCnn.Commands;

// A redirected output has the console's code page on Windows, which lacks the characters of tables and plots.
if (OperatingSystem.IsWindows())
    Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

var root = new RootCommand("Trains the Inception and Residual networks of a widely read PyTorch article on MNIST, on TorchSharp.")
{
    CommonOptions.Arch,
    CommonOptions.Device,
    CommonOptions.Verbose,
    TrainCommand.Create(),
    EvaluateCommand.Create(),
    PredictCommand.Create(),
    CompareCommand.Create(),
    SummaryCommand.Create(),
    ExperimentCommand.Create(),
};

if (args.Contains(""))
{
    Console.Error.WriteLine("error: One of the arguments is empty. See --help.");
    return ExitCode.Usage;
}

var line = root.Parse(args);
if (line.Errors is [var first, ..] && line.Action is not System.CommandLine.Help.HelpAction)
{
    var message = line.CommandResult.Command == root && line.UnmatchedTokens is [var name, ..] && !name.StartsWith('-')
        ? CommonOptions.Unknown("command", name, CommonOptions.Names(root.Subcommands, command => command.Name))
        : first.Message;
    Console.Error.WriteLine($"error: {message} See --help.");
    return ExitCode.Usage;
}

try
{
    return line.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception error)
{
    try
    {
        Console.Error.WriteLine(Failure.Text(error, line.GetValue(CommonOptions.Verbose)));
    }
    catch (IOException)
    {
        // Standard error is full or gone; the exit code still tells.
    }

    return ExitCode.Failed;
}
