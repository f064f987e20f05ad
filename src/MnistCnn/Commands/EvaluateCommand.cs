using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static MnistCnn.Commands.CommonOptions;

namespace MnistCnn.Commands;

/// <summary><c>evaluate</c>: how well weights do on the test images.</summary>
internal static class EvaluateCommand
{
    private static readonly Option<string?> Out = new("--out")
    {
        Description = "Where the pictures go. [default: the folder of MODEL, or the current folder for a ready network]",
        HelpName = "DIR",
    };
    public static Command Create()
    {
        var command = new Command("evaluate", "Measure weights on the test images: accuracy, each digit, confusions, mistakes.")
        {
            Model, DataOptions.Data, DataOptions.TestShare, DataOptions.SkipBroken, TestLimit, Threads, Out, Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var device = StartTorch(line);
        var name = line.GetValue(Model);
        using var model = LoadModel(line, name, device);
        using var data = DataOptions.Load(line, trainLimit: 1, testLimit: line.GetValue(TestLimit), model.Pictures);
        var dataShape = Trainer.ShapeOf(data);
        if (dataShape != model.Shape)
            throw new UserException(
                $"The network takes images of {model.Shape.Input} in {model.Shape.Classes} classes, and {data.Folder} holds {dataShape.Input} in {dataShape.Classes}.");

        DataOptions.Report(line, data);
        var path = ModelFile.Find(name, model.Architecture);
        var folder = line.GetValue(Out) ?? (name is null || ModelFile.IsReady(name) ? "." : Path.GetDirectoryName(path)!);
        var picture = Path.Combine(folder, Path.GetFileNameWithoutExtension(path));
        var (confusionPath, mistakesPath) = (Path.GetFullPath($"{picture}-confusion.png"), Path.GetFullPath($"{picture}-mistakes.png"));
        AtomicFile.EnsureWritable(confusionPath);
        AtomicFile.EnsureWritable(mistakesPath);

        using var test = data.Test.To(device);
        using var loader = Batches.Of(test, model.Normalization, Evaluation.BatchSize, shuffle: false);
        var evaluation = Evaluation.Run(model.Network, loader);
        ConfusionPlot.Draw(confusionPath, model.Architecture.Title, evaluation, model.ClassNames);
        MistakesPlot.Draw(mistakesPath, model.Architecture.Title, evaluation, data.Test, model.ClassNames);
        EvaluationReport.Write(model, evaluation, [confusionPath, mistakesPath], line.GetValue(Json));
        return 0;
    }
}
