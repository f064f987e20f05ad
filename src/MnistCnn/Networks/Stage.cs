using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>One of the two convolutions of a <see cref="Net"/> and the block behind it.</summary>
/// <param name="Channels">Channels that the convolution gives, and so those that the block takes.</param>
/// <param name="BlockName">The block's name in the state dictionary.</param>
/// <param name="Block">Makes the block for that many channels.</param>
/// <param name="BlockChannels">Channels that the block gives.</param>
public sealed record Stage(int Channels, string BlockName, Func<int, Module<Tensor, Tensor>> Block, int BlockChannels);
