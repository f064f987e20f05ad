using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Training;

internal static class TrainableModel
{
    public static NetworkShape ShapeOf(DataSet data) => new(data.Channels, data.Height, data.Width, data.ClassNames.Count);

    /// <summary>Creates the model of the settings, with initial weights from torch's default generator.</summary>
    /// <param name="onMeta">As <see cref="Architecture.CreateOnMeta"/>: without weights and random numbers.</param>
    /// <exception cref="UserException">The network does not support images of that size.</exception>
    public static Module<Tensor, Tensor> Create(TrainSettings settings, NetworkShape shape, bool onMeta = false)
    {
        // Weights for larger images could not be read from their file.
        if (Math.Max(shape.Height, shape.Width) > NetworkShape.LargestSide)
            throw new UserException(
                $"Images of {shape.Height}x{shape.Width} pixels are too large: the limit is {NetworkShape.LargestSide} per side.");
        try
        {
            // Auxiliary classifiers train the first layers, so a frozen backbone needs none.
            return onMeta ? settings.Architecture.CreateOnMeta(shape, forTraining: !settings.Freeze)
                : settings.Freeze ? settings.Architecture.Create(shape)
                : settings.Architecture.CreateForTraining(shape);
        }
        catch (ArgumentException error)
        {
            throw new UserException(error.Message, error);
        }
    }

    public static void MoveToDevice(Module<Tensor, Tensor> model, Device device, bool freezeBackbone)
    {
        MemoryLayout.ChannelsLast(model.to(device));
        if (freezeBackbone && Layers.ClassifierName(model) is var classifier)
            foreach (var (name, parameter) in model.named_parameters())
                parameter.requires_grad = Layers.IsInside(classifier, name); // SGD skips parameters without a gradient
    }

    /// <summary>Sets a model to training mode, except the batch normalization of a frozen backbone.</summary>
    public static void SetTrainMode(Module<Tensor, Tensor> model, bool freezeBackbone)
    {
        model.train();
        if (freezeBackbone)
            foreach (var normalization in model.modules().OfType<BatchNorm2d>())
                normalization.eval();
    }
}
