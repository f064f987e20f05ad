using MnistCnn.Networks;

namespace MnistCnn.Experiments;

/// <summary>Networks with as many parameters as another one, for comparisons at equal parameters.</summary>
internal static class Widening
{
    private const int MaxWidth = 256;

    /// <summary>Returns the network with the width, from 1, that brings its number of parameters nearest to the goal.</summary>
    public static Architecture FindNearest(long goal, NetworkShape shape, Func<int, Architecture> create)
    {
        return Enumerable.Range(1, MaxWidth).Select(create).MinBy(architecture => Math.Abs(CountParameters(architecture) - goal))!;

        long CountParameters(Architecture architecture)
        {
            using var skeleton = architecture.CreateOnMeta(shape);
            return Layers.ParameterCount(skeleton);
        }
    }
}
