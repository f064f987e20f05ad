// The article's program in C#: trains a network with Residual or Inception blocks on MNIST and plots its accuracy after each epoch.
//     dotnet run docs/article.cs                   (Residual, ten epochs)
//     dotnet run docs/article.cs -- inception
//     dotnet run docs/article.cs -- residual 1     (prints the loss of each step, instead of the mean of 300)
// Plain TorchSharp and ScottPlot. With the same seed, weights, batches and losses are PyTorch's. Outside this repository, TorchSharp 0.107
// needs the libstdc++ of GCC 13 (Ubuntu 24.04, Debian 13); here, Directory.Build.targets makes it load on older systems.
// Source: hope_wisdom, "Pytorch使用Inception及Residual 提高模型精确度 解决代码冗余 梯度为零问题".
#:package TorchSharp@0.107.0
#:package libtorch-cpu-$(NETCoreSdkPortableRuntimeIdentifier)@2.10.0
#:package ScottPlot@5.1.59
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false

using System.IO.Compression;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;
using static TorchSharp.torch.utils.data;

var architecture = args.Length > 0 ? args[0] : "residual";
var interval = args.Length > 1 ? int.Parse(args[1]) : 300;
var data = Path.Combine($"{AppContext.GetData("EntryPointFileDirectoryPath")}", "..", "data");

manual_seed(1); // the article sets no seed: each of its runs differs
var device = cuda.is_available() ? CUDA : CPU;
var net = (architecture == "inception" ? (Layers)new InceptionNet() : new ResidualNet()).to(device);
var optimizer = optim.SGD(net.parameters(), learningRate: 0.01, momentum: 0.5);
using var trainSet = ReadMnist("train");
using var testSet = ReadMnist("t10k");
var accuracies = new List<double>();
for (var epoch = 1; epoch <= 10; epoch++)
{
    Train(epoch);
    accuracies.Add(Test());
}
ScottPlot.Fonts.AddFontFile(ScottPlot.Fonts.Default = "DejaVu Sans", Path.Combine(data, "fonts", "DejaVuSans.ttf"));
using var plot = new ScottPlot.Plot();
plot.Add.Scatter(Enumerable.Range(1, 10).ToList(), accuracies);
plot.XLabel("epoch");
plot.YLabel("accuracy (%)");
Console.WriteLine(plot.SavePng($"{architecture}.png", 800, 600).Path);

void Train(int epoch)
{
    var (step, runningLoss) = (0, 0.0);
    foreach (var batch in DataLoader(trainSet, 64, ShuffleLikePyTorch(trainSet.Count), device, disposeDataset: false))
    {
        using var scope = NewDisposeScope(); // frees the tensors of this step
        var loss = cross_entropy(net.call(batch[0]), batch[1]);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        runningLoss += loss.item<float>();
        if (++step % interval != 0)
            continue;
        Console.WriteLine($"[{epoch} {step,5}] loss: {runningLoss / interval:G9}");
        runningLoss = 0;
    }
}

double Test()
{
    DrawSeed(); // PyTorch's loader draws a seed for worker processes, even without any
    var correct = 0L;
    using var noGrad = no_grad();
    foreach (var batch in DataLoader(testSet, 64, shuffle: false, device, disposeDataset: false))
    {
        using var scope = NewDisposeScope();
        correct += net.call(batch[0]).argmax(dim: 1).eq(batch[1]).sum().item<long>();
    }
    Console.WriteLine($"Accuracy: {100.0 * correct / testSet.Count:F2} %");
    return 100.0 * correct / testSet.Count;
}

// The order in which PyTorch's DataLoader(shuffle=True) reads the images with the same seed.
long[] ShuffleLikePyTorch(long count)
{
    DrawSeed();
    using var generator = new Generator((ulong)DrawSeed());
    return randperm(count, generator: generator).data<long>().ToArray();
}
long DrawSeed() => randint_long(-(1L << 62), 1L << 62) + (1L << 62);

// Images (1, 28, 28), normalized with the mean and standard deviation of the training images, and their labels.
TensorDataset ReadMnist(string prefix)
{
    var images = ReadBytes("images-idx3").view(-1, 1, 28, 28).to(float32) / 255;
    return TensorDataset((images - 0.1307) / 0.3081, ReadBytes("labels-idx1").to(int64));
    Tensor ReadBytes(string name)
    {
        using var file = File.OpenRead(Path.Combine(data, "mnist", $"{prefix}-{name}-ubyte.gz"));
        using var bytes = new MemoryStream();
        new GZipStream(file, CompressionMode.Decompress).CopyTo(bytes);
        return tensor(bytes.ToArray()[(name == "images-idx3" ? 16 : 8)..]); // after the header
    }
}

// Two 3x3 convolutions whose output is added to their input. The article's listing has the slip conv2(x), which leaves conv1 unused.
sealed class Residual(int channels) : Layers
{
    private readonly Conv2d conv1 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
    private readonly Conv2d conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
    public override Tensor forward(Tensor x) => relu(x + conv2.call(relu(conv1.call(x))));
}

// Four branches read one input; their outputs are joined along the channels: (N, channels, H, W) to (N, 16 + 24 + 24 + 24 = 88, H, W).
sealed class Inception(int channels) : Layers
{
    private readonly Sequential branchPool = Sequential(AvgPool2d(3, stride: 1, padding: 1), Conv2d(channels, 24, kernel_size: 1));
    private readonly Conv2d branch1x1 = Conv2d(channels, 16, kernel_size: 1);
    private readonly Sequential branch5x5 = Sequential(Conv2d(channels, 16, kernel_size: 1), Conv2d(16, 24, kernel_size: 5, padding: 2));
    private readonly Sequential branch3x3 = Sequential(
        Conv2d(channels, 16, kernel_size: 1), Conv2d(16, 24, kernel_size: 3, padding: 1), Conv2d(24, 24, kernel_size: 3, padding: 1));
    public override Tensor forward(Tensor x) =>
        cat([branch1x1.call(x), branch5x5.call(x), branch3x3.call(x), branchPool.call(x)], dim: 1);
}

sealed class ResidualNet : Layers
{
    private readonly Conv2d conv1 = Conv2d(1, 16, kernel_size: 5), conv2 = Conv2d(16, 32, kernel_size: 5);
    private readonly Residual rBlock1 = new(16), rBlock2 = new(32);
    private readonly Linear linear = Linear(32 * 4 * 4, 10);
    public override Tensor forward(Tensor x)
    {
        x = rBlock1.call(relu(max_pool2d(conv1.call(x), kernel_size: 2))); // (N, 16, 12, 12)
        x = rBlock2.call(relu(max_pool2d(conv2.call(x), kernel_size: 2))); // (N, 32, 4, 4)
        return linear.call(x.flatten(1));
    }
}

sealed class InceptionNet : Layers
{
    private readonly Conv2d conv1 = Conv2d(1, 10, kernel_size: 5), conv2 = Conv2d(88, 20, kernel_size: 5);
    private readonly Inception inceptionA = new(10), inceptionB = new(20);
    private readonly Linear linear = Linear(88 * 4 * 4, 10);
    public override Tensor forward(Tensor x)
    {
        x = inceptionA.call(relu(max_pool2d(conv1.call(x), kernel_size: 2))); // (N, 88, 12, 12)
        x = inceptionB.call(relu(max_pool2d(conv2.call(x), kernel_size: 2))); // (N, 88, 4, 4)
        return linear.call(x.flatten(1));
    }
}

// C# initializes the fields of a derived class first: RegisterComponents finds its layers.
abstract class Layers : Module<Tensor, Tensor>
{
    protected Layers() : base(nameof(Layers)) => RegisterComponents();
}
