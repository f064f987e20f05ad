namespace MnistCnn.Data;

/// <summary>The contents of an IDX file.</summary>
/// <param name="Dimensions">The length of each dimension, outermost first.</param>
/// <param name="Values">The values in row-major order, as many as the product of the dimensions.</param>
public sealed record IdxArray(long[] Dimensions, Memory<byte> Values);
