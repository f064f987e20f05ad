// Lesson 2: vanishing gradients in deep plain stacks, and the effect of a shortcut.
//     dotnet run docs/lessons/2-deep-stacks.cs
//
// You will see: two stacks of 20 blocks (40 convolutions) train on the same batches of MNIST. In the plain stack, the gradient shrinks
// from block to block on its way back, and nothing reaches the first layers. With a shortcut, y = x + F(x), the derivative is 1 + F'(x):
// each block passes the gradient on. After 100 steps, only one of them is below the loss of guessing, ln 10 = 2.303.
#:package TorchSharp@0.107.0
#:package libtorch-cpu-$(NETCoreSdkPortableRuntimeIdentifier)@2.10.0
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false

using System.IO.Compression;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

const int batchSize = 64;
const int depth = 20;
var (images, labels) = (ReadMnist("train-images-idx3-ubyte.gz", header: 16), ReadMnist("train-labels-idx1-ubyte.gz", header: 8).to(int64));
images = (images.view(-1, 1, 28, 28).to(float32) / 255 - 0.1307) / 0.3081;

foreach (var hasShortcut in new[] { false, true })
{
    manual_seed(1);
    using var net = new Stack(depth, hasShortcut);
    using var optimizer = optim.SGD(net.parameters(), learningRate: 0.01, momentum: 0.5);
    Console.WriteLine(hasShortcut ? $"{depth} blocks with a shortcut: y = relu(x + F(x))" : $"{depth} plain blocks: y = relu(F(x))");
    for (var step = 0; step < 100; step++)
    {
        using var scope = NewDisposeScope();
        var batch = TensorIndex.Slice(step * batchSize, (step + 1) * batchSize);
        var loss = cross_entropy(net.call(images[batch]), labels[batch]);
        optimizer.zero_grad();
        loss.backward();
        if (step == 0)
            foreach (var block in new[] { 1, 5, 10, 15, 20 })
                Console.WriteLine($"  gradient norm of block {block,2}: {net.GradientNorm(block):E1}");
        optimizer.step();
        if (step is 0 or 99)
            Console.WriteLine($"  loss of step {step + 1,3}: {loss.item<float>():F3}");
    }
}

Console.WriteLine("""

    Try it: set depth to 3. Does the plain stack learn now? By which factor does its gradient shrink per block?
    Then put BatchNorm2d after each convolution of the plain blocks: do the gradients vanish? Does the deep stack learn?
    """);

Tensor ReadMnist(string name, int header)
{
    var folder = Path.Combine($"{AppContext.GetData("EntryPointFileDirectoryPath")}", "..", "..", "data", "mnist");
    using var file = File.OpenRead(Path.Combine(folder, name));
    using var bytes = new MemoryStream();
    new GZipStream(file, CompressionMode.Decompress).CopyTo(bytes);
    return tensor(bytes.ToArray()[header..]);
}

// A convolution with pooling, blocks on 12x12 feature maps, and a linear layer: (N, 1, 28, 28) to (N, 10).
sealed class Stack : Module<Tensor, Tensor>
{
    private readonly Conv2d conv = Conv2d(1, 16, kernel_size: 5);
    private readonly ModuleList<Block> blocks;
    private readonly Linear linear = Linear(16 * 12 * 12, 10);

    public Stack(int depth, bool hasShortcut)
        : base(nameof(Stack))
    {
        blocks = [.. Enumerable.Range(0, depth).Select(_ => new Block(16, hasShortcut))];
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = relu(max_pool2d(conv.call(x), kernel_size: 2));
        foreach (var block in blocks)
            x = block.call(x);
        return linear.call(x.flatten(1));
    }

    // Norm of the gradient of the first convolution of a block; blocks are counted from 1, beginning at the images.
    public float GradientNorm(int block) => blocks[block - 1].First.weight!.grad!.norm().item<float>();
}

// Two 3x3 convolutions, with or without a shortcut around them: (N, channels, H, W) to the same shape.
sealed class Block : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1, conv2;
    private readonly bool hasShortcut;

    public Block(int channels, bool hasShortcut)
        : base(nameof(Block))
    {
        this.hasShortcut = hasShortcut;
        conv1 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        RegisterComponents();
    }

    public Conv2d First => conv1;

    public override Tensor forward(Tensor x)
    {
        var y = conv2.call(relu(conv1.call(x)));
        return relu(hasShortcut ? x + y : y);
    }
}
