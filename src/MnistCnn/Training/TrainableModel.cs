using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Training;

internal static class TrainableModel
{
    /// <summary>Input and output shape of a network for a data set.</summary>
    public static NetworkShape ShapeOf(DataSet data) => new(data.Channels, data.Height, data.Width, data.ClassNames.Count);

    /// <summary>Creates the model of the settings on a device, with initial weights from torch's default generator.</summary>
    /// <exception cref="UserException">The network does not support images of that size.</exception>
    public static Module<Tensor, Tensor> Create(TrainSettings settings, NetworkShape shape, Device device)
    {
        // Weights for larger images could not be read from their file.
        if (Math.Max(shape.Height, shape.Width) > NetworkShape.LargestSide)
            throw new UserException(
                $"Images of {shape.Height}x{shape.Width} pixels are too large: the limit is {NetworkShape.LargestSide} per side.");
        var model = CreateNetwork(settings, shape);
        try
        {
            model = MemoryLayout.ChannelsLast(model.to(device));
            if (settings.Freeze)
                FreezeBackbone(model);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Sets a model to training mode, except the batch normalization of a frozen backbone.</summary>
    public static void SetTrainMode(Module<Tensor, Tensor> model, bool freezeBackbone)
    {
        model.train();
        if (freezeBackbone)
            foreach (var normalization in model.modules().OfType<BatchNorm2d>())
                normalization.eval();
    }

    private static Module<Tensor, Tensor> CreateNetwork(TrainSettings settings, NetworkShape shape)
    {
        try
        {
            // Auxiliary classifiers train the first layers, so a frozen backbone needs none.
            return settings.Freeze ? settings.Architecture.Create(shape) : settings.Architecture.CreateForTraining(shape);
        }
        catch (ArgumentException error)
        {
            throw new UserException(error.Message, error);
        }
    }

    // SGD skips parameters without a gradient and keeps no momentum for them.
    private static void FreezeBackbone(Module<Tensor, Tensor> model)
    {
        var classifier = Layers.ClassifierName(model);
        foreach (var (name, parameter) in model.named_parameters())
            parameter.requires_grad = Layers.IsInside(classifier, name);
    }
}
