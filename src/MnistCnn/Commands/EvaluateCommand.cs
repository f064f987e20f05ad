using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

/// <summary><c>evaluate</c>: how well weights do on the test images.</summary>
internal static class EvaluateCommand
{
    private const int DefaultTop = 5;

    private static readonly Option<int?> Top = OptionParsers.OptionalCount(
        "--top", $"Also report top-N accuracy. [default: {DefaultTop} with more than {ClassText.FewClasses} classes]");

    private static readonly Option<string?> Out = new("--out")
    {
        Description = "Folder of the plots. [default: the folder of MODEL, or the current folder for a bundled network]",
        HelpName = "DIR",
    };
    public static Command Create()
    {
        var command = new Command("evaluate", "Evaluate a network on the test images: accuracy, precision, recall, confusion matrix, mistakes.")
        {
            SharedOptions.Model, DataOptions.Data, DataOptions.TestShare, DataOptions.SkipBroken, SharedOptions.TestLimit, Top, SharedOptions.Threads, Out, SharedOptions.Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parseResult)
    {
        var device = TorchEnvironment.Start(parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads));
        var name = parseResult.GetValue(SharedOptions.Model);
        using var model = ModelLocator.Load(name, parseResult.GetValue(SharedOptions.Arch), device);
        using var data = DataOptions.Load(parseResult, trainLimit: 1, testLimit: parseResult.GetValue(SharedOptions.TestLimit), model.ImageSettings);
        EnsureFit(model, data);
        var names = ClassNames.AreNumbers(model.ClassNames) ? data.ClassNames : model.ClassNames;
        var top = TopOf(parseResult.GetValue(Top), names.Count);
        DataOptions.Report(parseResult, data);
        if (model.Metadata.MayHaveTrainedOnTestImages(data))
            Console.Error.WriteLine($"{data.Folder} is not split as it was when the network was trained, or has changed: it may know some of the test images.");
        var weights = ModelLocator.Find(name, model.Architecture);
        var folder = Path.GetFullPath(parseResult.GetValue(Out) ?? ModelLocator.ResultFolder(name, weights));
        var picture = Path.Combine(folder, Path.GetFileNameWithoutExtension(weights));

        using var test = data.Test.To(device);
        var evaluation = Evaluator.Evaluate(model.Network, test, model.Normalization, withRanks: top is not null);
        var isChosenOnTest = ModelLocator.IsChosenOnTest(weights, data);
        EvaluationReport.Write(model.Architecture, names, evaluation, top, isChosenOnTest, Draw, parseResult.GetValue(SharedOptions.Json));
        return 0;

        IReadOnlyList<string> Draw() => PlotFile.DrawAll(
            Out.Name,
            ($"{picture}-confusion.png", path => ConfusionPlot.Draw(path, model.Architecture.Title, evaluation, names, isChosenOnTest)),
            ($"{picture}-mistakes.png", path => MistakesPlot.Draw(path, model.Architecture.Title, evaluation, data.Test, names)));
    }

    /// <summary>Among how many of the likeliest classes the right one is looked for too, if any.</summary>
    /// <param name="asked">What was asked for, if anything.</param>
    /// <param name="classes">How many classes there are.</param>
    /// <exception cref="UserException">Among as many, it would always be found.</exception>
    internal static int? TopOf(int? asked, int classes) => asked < classes || asked is null
        ? asked ?? (classes > ClassText.FewClasses ? DefaultTop : null)
        : throw new UserException($"--top takes a number below that of the classes, which is {classes}, not {asked}.");

    private static void EnsureFit(TrainedNetwork model, DataSet data)
    {
        var shape = TrainableModel.ShapeOf(data);
        if (shape.Input != model.Shape.Input)
            throw new UserException(
                $"The network takes images of {model.Shape.Input} in {model.Shape.Classes} classes, and {data.Folder} holds {shape.Input} in {shape.Classes}.");
        if (ClassNames.Mismatch(model.ClassNames, data.ClassNames, data.Folder) is { } mismatch)
            throw new UserException(mismatch);
    }
}
