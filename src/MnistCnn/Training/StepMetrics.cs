namespace MnistCnn.Training;

/// <summary>What was measured in one step.</summary>
/// <param name="Epoch">Which epoch, from 1.</param>
/// <param name="Step">Which step of the epoch, from 1.</param>
/// <param name="Steps">How many steps the epoch has.</param>
/// <param name="Loss">Cross entropy of the batch before the step, with label smoothing if any, mean over its images, each by its class weight if there are any, in nats.</param>
/// <param name="Images">How many images the batch has.</param>
/// <param name="LearningRate">Of the step.</param>
internal readonly record struct StepMetrics(int Epoch, int Step, int Steps, double Loss, int Images, double LearningRate);
