using System.CommandLine;
using MnistCnn.Commands;

var root = new RootCommand("Trains the Inception and Residual networks of a well-read PyTorch article on MNIST, on TorchSharp.")
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
    Console.Error.WriteLine($"error: {first.Message} See --help.");
    return ExitCode.Usage;
}

try
{
    return line.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception error)
{
    // The stack trace is for those who ask; torch's own messages carry one behind their first line.
    Console.Error.WriteLine($"error: {(line.GetValue(CommonOptions.Verbose) ? error : error.Message.Split('\n')[0])}");
    return ExitCode.Failed;
}
