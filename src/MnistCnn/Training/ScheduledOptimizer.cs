using MnistCnn.Runtime;
using static TorchSharp.torch.optim.lr_scheduler;

namespace MnistCnn.Training;

/// <summary>SGD with momentum, gradient clipping, and the learning-rate schedule that advances with each of its steps.</summary>
internal sealed class ScheduledOptimizer : IDisposable
{
    private readonly Module<Tensor, Tensor> model;
    private readonly TrainSettings settings;
    private readonly SGD sgd;
    private readonly LRScheduler? schedule;

    /// <exception cref="UserException">The schedule does not support that many steps.</exception>
    public ScheduledOptimizer(Module<Tensor, Tensor> model, TrainSettings settings, long stepsPerEpoch)
    {
        if (settings.Schedule is Schedule.OneCycle && settings.Epochs * stepsPerEpoch > int.MaxValue)
            throw new UserException(
                $"{settings.Epochs} epochs of {stepsPerEpoch} steps are too many for a schedule: the limit is {int.MaxValue} steps.");
        (this.model, this.settings) = (model, settings);
        sgd = optim.SGD(model.parameters(), settings.LearningRate, settings.Momentum, weight_decay: settings.WeightDecay);
        schedule = settings.Schedule switch
        {
            Schedule.OneCycle => OneCycleLR(
                sgd, settings.LearningRate, epochs: settings.Epochs, steps_per_epoch: (int)stepsPerEpoch, cycle_momentum: false),
            Schedule.Steps => MultiStepLR(sgd, [.. settings.LearningRateMilestones ?? []]),
            _ => null,
        };
    }

    /// <summary>Learning rate of the next step. A schedule overwrites it after each step.</summary>
    public double LearningRate
    {
        get => Group.LearningRate;
        set => Group.LearningRate = value;
    }

    /// <summary>Momentum per parameter name. A parameter without a buffer has zeros, which have the same effect in the next step.</summary>
    public IReadOnlyDictionary<string, Tensor> MomentumBuffers =>
        Buffers.ToDictionary(buffer => buffer.Name, buffer => buffer.State.momentum_buffer ?? zeros_like(buffer.Parameter));

    private optim.ILearningRateController Group => sgd.ParamGroups.First();

    private IEnumerable<(string Name, Tensor Parameter, SGD.State State)> Buffers => model.named_parameters()
        .Zip(sgd.state_dict().State, (named, state) => (named.name, (Tensor)named.parameter, (SGD.State)state));

    public void ZeroGrad() => sgd.zero_grad();

    public void Step()
    {
        if (settings.ClipNorm > 0)
            nn.utils.clip_grad_norm_(model.parameters(), settings.ClipNorm);
        sgd.step();
        schedule?.step();
    }

    /// <summary>Sets momentum and learning rate to those after a number of steps.</summary>
    /// <param name="momentumBuffers">As <see cref="MomentumBuffers"/>; empty before the first step.</param>
    public void Load(IReadOnlyDictionary<string, Tensor> momentumBuffers, long stepsDone)
    {
        // SGD would create a buffer in the memory layout of its parameter. In another layout, the next steps would round differently.
        foreach (var (name, parameter, state) in momentumBuffers.Count == 0 ? [] : Buffers)
            state.momentum_buffer = zeros_like(parameter).detach().copy_(momentumBuffers[name]).DetachFromDisposeScope();
        for (var step = 0; step < stepsDone; step++)
            schedule?.step();
    }

    public void Dispose() => sgd.Dispose();
}
