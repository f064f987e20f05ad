using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

internal static class EvaluateCommand
{
    private const int DefaultTop = 5;

    private static readonly Option<int?> Top = OptionParsers.OptionalCount(
        "--top", $"Also report top-N accuracy. [default: {DefaultTop} with more than {ClassName.MaxMatrixClasses} classes]");

    private static readonly Option<string?> Out = OptionParsers.FilePath(
        "--out", "DIR", "Folder of the plots. [default: the folder of MODEL, or the current folder for a bundled network]");

    public static Command Create() => OptionParsers.CreateCommand(
        "evaluate",
        "Evaluate a network on the test images: accuracy, precision, recall, confusion matrix, mistakes.",
        Run,
        [
            SharedOptions.Model, DataOptions.Data, DataOptions.TestShare, DataOptions.SkipBroken, SharedOptions.TestLimit, Top,
            SharedOptions.Threads, Out, SharedOptions.Json,
        ]);

    private static int Run(ParseResult parseResult)
    {
        var name = parseResult.GetValue(SharedOptions.Model);
        var device = TorchEnvironment.Start(parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads));
        using var model = ModelLocator.Load(name, parseResult.GetValue(SharedOptions.Arch), device);
        using var data = DataOptions.Load(
            parseResult,
            trainLimit: 1,
            testLimit: parseResult.GetValue(SharedOptions.TestLimit),
            model.ImageSettings,
            classOrder: model.ClassNames);
        if (model.MismatchWith(data) is { } mismatch)
            throw new UserException(mismatch);
        var classNames = ClassNames.AreNumbers(model.ClassNames) ? data.ClassNames : model.ClassNames;
        var top = parseResult.GetValue(Top) ?? (classNames.Count > ClassName.MaxMatrixClasses ? DefaultTop : null);
        if (top >= classNames.Count)
            throw new UserException($"--top takes a number below the number of classes ({classNames.Count}), not {top}.");
        DataOptions.Report(parseResult, data);
        if (model.Metadata.MayHaveTrainedOnTestImages(data))
            Terminal.WriteErrorLine(
                $"warning: Test images may have been trained on: {data.Folder} has changed or is split differently than at training.");

        using var test = data.Test.To(device);
        var evaluation = Evaluator.Evaluate(model.Network, test, model.Normalization, withRanks: top is not null);

        var folder = Path.GetFullPath(parseResult.GetValue(Out) ?? ModelLocator.ResultFolder(name, model.Path));
        var plot = Path.Combine(folder, Path.GetFileNameWithoutExtension(model.Path));
        var isChosenOnTest = ModelLocator.IsChosenOnTest(model.Path, data);
        EvaluationReport.Write(
            model.Architecture, classNames, evaluation, top, isChosenOnTest, Draw, parseResult.GetValue(SharedOptions.Json));
        return 0;

        IReadOnlyList<string> Draw() => PlotFile.DrawAll(
            Out.Name,
            ($"{plot}-confusion.png", path => ConfusionPlot.Draw(path, model.Architecture.Title, evaluation, classNames, isChosenOnTest)),
            ($"{plot}-mistakes.png", path => MistakesPlot.Draw(path, model.Architecture.Title, evaluation, data.Test, classNames)));
    }
}
