using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Training;
using static MnistCnn.Commands.CommonOptions;

namespace MnistCnn.Commands;

/// <summary><c>evaluate</c>: how well weights do on the test images.</summary>
public static class EvaluateCommand
{
    private static readonly Option<string?> Out = new("--out")
    {
        Description = "Where the pictures go. [default: the folder of MODEL]",
        HelpName = "DIR",
    };

    /// <summary>The command and its options.</summary>
    public static Command Create()
    {
        var command = new Command("evaluate", "Measure weights on the test images: accuracy, each digit, confusions, mistakes.")
        {
            Model, CommonOptions.Data, TestLimit, Threads, Out, Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var device = StartTorch(line);
        var (architecture, model) = LoadModel(line, device);
        using var network = model;
        using var data = MnistData.Load(line.GetValue(CommonOptions.Data) ?? MnistData.BundledFolder, testLimit: line.GetValue(TestLimit));

        var path = Path.GetFullPath(line.GetRequiredValue(Model));
        var picture = Path.Combine(line.GetValue(Out) ?? Path.GetDirectoryName(path)!, Path.GetFileNameWithoutExtension(path));
        var (confusionPath, mistakesPath) = (Path.GetFullPath($"{picture}-confusion.png"), Path.GetFullPath($"{picture}-mistakes.png"));
        AtomicFile.EnsureWritable(confusionPath);
        AtomicFile.EnsureWritable(mistakesPath);

        using var test = data.Test.To(device);
        using var loader = BatchLoader.Create(test, Evaluation.BatchSize, shuffle: false);
        var evaluation = Evaluation.Run(network, loader);
        ConfusionPlot.Draw(confusionPath, architecture.Title, evaluation);
        MistakesPlot.Draw(mistakesPath, architecture.Title, evaluation, data.Test);
        EvaluationReport.Write(architecture, evaluation, [confusionPath, mistakesPath], line.GetValue(Json));
        return 0;
    }
}
