// Lesson 1: a bug that no error message shows, found by its gradients.
//     dotnet run docs/lessons/1-unused-layer.cs
//
// You will see: the article's text and drawing of the Residual block say y = conv2(relu(conv1(x))); its listing computes y = conv2(x).
// The program trains both blocks for 50 steps on MNIST and prints the gradient of each layer. Conv1 of the listing has none and keeps its
// initial weights, although the loss falls. Both networks report the same number of parameters.
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
var (images, labels) = (ReadMnist("train-images-idx3-ubyte.gz", header: 16), ReadMnist("train-labels-idx1-ubyte.gz", header: 8).to(int64));
images = (images.view(-1, 1, 28, 28).to(float32) / 255 - 0.1307) / 0.3081;

foreach (var asPrinted in new[] { false, true })
{
    manual_seed(1);
    using var net = new Net(asPrinted);
    using var optimizer = optim.SGD(net.parameters(), learningRate: 0.01, momentum: 0.5);
    var before = net.named_parameters().ToDictionary(named => named.name, named => named.parameter.clone());
    var loss = 0.0;
    for (var step = 0; step < 50; step++)
    {
        using var scope = NewDisposeScope();
        var batch = TensorIndex.Slice(step * batchSize, (step + 1) * batchSize);
        var output = cross_entropy(net.call(images[batch]), labels[batch]);
        optimizer.zero_grad();
        output.backward();
        optimizer.step();
        loss = output.item<float>();
    }

    Console.WriteLine(asPrinted ? "The block as printed: y = conv2(x)" : "The block as explained: y = conv2(relu(conv1(x)))");
    Console.WriteLine($"  loss after 50 steps: {loss:F3}; parameters: {net.parameters().Sum(parameter => parameter.numel()):N0}");
    Console.WriteLine("  layer                   gradient norm   change of the weights");
    foreach (var (name, parameter) in net.named_parameters().Where(named => named.name.EndsWith("weight", StringComparison.Ordinal)))
    {
        var gradient = parameter.grad is { } grad ? $"{grad.norm().item<float>():F4}" : "none";
        Console.WriteLine($"  {name,-22} {gradient,14} {(parameter - before[name]).norm().item<float>(),23:F4}");
    }
}

Console.WriteLine("""

    Try it: write the block with four convolutions and forget one of them. Which number above would have shown it?
    PyTorch stays silent about a parameter without a gradient. Which line would you add to a training loop to find it at the first step?
    """);

Tensor ReadMnist(string name, int header)
{
    var folder = Path.Combine($"{AppContext.GetData("EntryPointFileDirectoryPath")}", "..", "..", "data", "mnist");
    using var file = File.OpenRead(Path.Combine(folder, name));
    using var bytes = new MemoryStream();
    new GZipStream(file, CompressionMode.Decompress).CopyTo(bytes);
    return tensor(bytes.ToArray()[header..]);
}

// The article's network: twice convolution, pooling and a block, then a linear layer. (N, 1, 28, 28) to (N, 10).
sealed class Net : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1 = Conv2d(1, 16, kernel_size: 5), conv2 = Conv2d(16, 32, kernel_size: 5);
    private readonly Residual block1, block2;
    private readonly Linear linear = Linear(32 * 4 * 4, 10);

    public Net(bool asPrinted)
        : base(nameof(Net))
    {
        (block1, block2) = (new Residual(16, asPrinted), new Residual(32, asPrinted));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = block1.call(relu(max_pool2d(conv1.call(x), kernel_size: 2)));
        x = block2.call(relu(max_pool2d(conv2.call(x), kernel_size: 2)));
        return linear.call(x.flatten(1));
    }
}

sealed class Residual : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1, conv2;
    private readonly bool asPrinted;

    public Residual(int channels, bool asPrinted)
        : base(nameof(Residual))
    {
        this.asPrinted = asPrinted;
        conv1 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var y = relu(conv1.call(x));
        y = conv2.call(asPrinted ? x : y); // the listing never uses its first y
        return relu(x + y);
    }
}
