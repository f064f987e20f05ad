#!/usr/bin/env python3
"""The article's experiment in PyTorch: what this program is measured against.

    python3 tests/reference/article.py train residual            one line an epoch, as in metrics.jsonl
    python3 tests/reference/article.py train residual --out DIR  the same into DIR/metrics.jsonl, and DIR/model.safetensors
    python3 tests/reference/article.py check residual FILE       loads weights that the program wrote, and tests them
    python3 tests/reference/article.py fixtures                  writes tests/MnistCnn.Tests/Fixtures

Needs PyTorch and NumPy, any version; Debian's python3-torch serves. Reads data/mnist.
--train-limit N and --test-limit N take the first N images.
With --torchvision, train loads the images as the article does, one by one through torchvision, which this needs then
(python3-torchvision): the same numbers in the same order, in the article's time.
The variable OMP_NUM_THREADS sets the number of threads, without which Debian's PyTorch 1.13 uses one; each line says it.
residual is the network that the article draws and explains, residual-as-printed the one of its listing.
"""

import argparse
import gzip
import json
import pathlib
import shutil
import struct
import tempfile
import time

import numpy
import torch
from torch.nn import Conv2d, Identity, Linear, Module
from torch.nn.functional import avg_pool2d, cross_entropy, max_pool2d, relu
from torch.utils.data import DataLoader, Subset, TensorDataset

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCH_SIZE = 64


class Inception(Module):
    out_channels = 88

    def __init__(self, channels):
        super().__init__()
        self.branch_pool = Conv2d(channels, 24, 1)
        self.branch1x1 = Conv2d(channels, 16, 1)
        self.branch5x5_1 = Conv2d(channels, 16, 1)
        self.branch5x5_2 = Conv2d(16, 24, 5, padding=2)
        self.branch3x3_1 = Conv2d(channels, 16, 1)
        self.branch3x3_2 = Conv2d(16, 24, 3, padding=1)
        self.branch3x3_3 = Conv2d(24, 24, 3, padding=1)

    def forward(self, x):
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3_3(self.branch3x3_2(self.branch3x3_1(x)))
        pool = self.branch_pool(avg_pool2d(x, 3, stride=1, padding=1))
        return torch.cat([self.branch1x1(x), five, three, pool], dim=1)


class Residual(Module):
    def __init__(self, channels):
        super().__init__()
        self.out_channels = channels
        self.conv1 = Conv2d(channels, channels, 3, padding=1)
        self.conv2 = Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return relu(x + self.conv2(relu(self.conv1(x))))


class ResidualAsPrinted(Residual):
    """With the slip of the listing: the second convolution reads the block's input, and the first one is never used."""

    def forward(self, x):
        return relu(x + self.conv2(x))


class NoBlock(Identity):
    def __init__(self, channels):
        super().__init__()
        self.out_channels = channels


class Net(Module):
    """conv, pool, relu, block, conv, pool, relu, block, linear; the layers made in the article's order."""

    def __init__(self, block, first, second, names):
        super().__init__()
        width = getattr(block, "out_channels", first)
        self.conv1 = Conv2d(1, first, 5)
        self.conv2 = Conv2d(width, second, 5)
        self.names = names
        self.add_module(names[0], block(first))
        self.add_module(names[1], block(second))
        self.linear = Linear(getattr(self, names[1]).out_channels * 4 * 4, 10)

    def forward(self, x):
        x = getattr(self, self.names[0])(relu(max_pool2d(self.conv1(x), 2)))
        x = getattr(self, self.names[1])(relu(max_pool2d(self.conv2(x), 2)))
        return self.linear(x.flatten(1))


ARCHITECTURES = {
    "inception": lambda: Net(Inception, 10, 20, ("inceptionA", "inceptionB")),
    "residual": lambda: Net(Residual, 16, 32, ("rBlock1", "rBlock2")),
    "residual-as-printed": lambda: Net(ResidualAsPrinted, 16, 32, ("rBlock1", "rBlock2")),
    "plain": lambda: Net(NoBlock, 10, 20, ("block1", "block2")),
}


def first(images, count):
    return images if count is None else Subset(images, range(count))


def read_set(prefix):
    def read(name, dimensions):
        contents = gzip.open(ROOT / "data" / "mnist" / f"{prefix}-{name}.gz").read()
        return torch.from_numpy(numpy.frombuffer(contents, numpy.uint8, offset=4 + 4 * dimensions).copy())

    images = read("images-idx3-ubyte", 3).reshape(-1, 1, 28, 28).float().div(255).sub(0.1307).div(0.3081)
    return TensorDataset(images, read("labels-idx1-ubyte", 1).long())


def torchvision_set(prefix):
    """The article's data set: each image is made a picture, then a tensor, then normalised, whenever it is asked for."""
    from torchvision import datasets, transforms

    root = pathlib.Path(tempfile.gettempdir()) / "mnist-cnn-torchvision"
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for file in (ROOT / "data" / "mnist").glob("*.gz"):
        (raw / file.stem).write_bytes(gzip.open(file).read())
    normalize = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.1307], [0.3081])])
    return datasets.MNIST(str(root), train=prefix == "train", transform=normalize)


DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}


def write_safetensors(path, tensors):
    """As safetensors.torch.save_file writes it; not every PyTorch has that package beside it."""
    header, data = {}, b""
    for key, tensor in tensors.items():
        raw = bytes(tensor.reshape(-1).view(torch.uint8).tolist())
        dtype = next(name for name, dtype in DTYPES.items() if dtype == tensor.dtype)
        header[key] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    header = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


def read_safetensors(path):
    """As safetensors.torch.load_file reads it."""
    contents = path.read_bytes()
    (length,) = struct.unpack("<Q", contents[:8])
    header = json.loads(contents[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for key, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        raw = torch.tensor(list(contents[begin:end]), dtype=torch.uint8)
        tensors[key] = raw.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


class Experiment:
    """The network, its optimiser and the loaders, all from one seed."""

    def __init__(self, name, seed, read_set=read_set, train_limit=None, test_limit=None):
        torch.manual_seed(seed)
        self.model = ARCHITECTURES[name]()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.5)
        self.train_set, self.test_set = first(read_set("train"), train_limit), first(read_set("t10k"), test_limit)
        self.train_loader = DataLoader(self.train_set, BATCH_SIZE, shuffle=True)
        self.test_loader = DataLoader(self.test_set, BATCH_SIZE)

    def steps(self):
        """Trains on each batch of an epoch; gives the losses."""
        for images, labels in self.train_loader:
            loss = cross_entropy(self.model(images), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            yield loss.item()

    @torch.no_grad()
    def test(self):
        correct, loss = 0, 0.0
        for images, labels in self.test_loader:
            logits = self.model(images)
            correct += (logits.argmax(1) == labels).sum().item()
            loss += cross_entropy(logits, labels, reduction="sum").item()
        return 100 * correct / len(self.test_set), loss / len(self.test_set)


def train(name, epochs, seed, out, read_set=read_set, train_limit=None, test_limit=None):
    experiment = Experiment(name, seed, read_set, train_limit, test_limit)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "metrics.jsonl").unlink(missing_ok=True)
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        losses = list(experiment.steps())
        trained = time.perf_counter()
        accuracy, test_loss = experiment.test()
        line = json.dumps({
            "epoch": epoch,
            "train_loss": sum(losses) / len(losses),
            "test_loss": test_loss,
            "test_accuracy": accuracy,
            "train_seconds": trained - start,
            "test_seconds": time.perf_counter() - trained,
            "images_per_second": len(experiment.train_set) / (trained - start),
            "threads": torch.get_num_threads(),
        })
        print(line, flush=True)
        if out:
            with open(out / "metrics.jsonl", "a") as file:
                file.write(line + "\n")
            write_safetensors(out / "model.safetensors", experiment.model.state_dict())


def check(name, path):
    experiment = Experiment(name, seed=1)
    experiment.model.load_state_dict(read_safetensors(path), strict=True)
    accuracy, loss = experiment.test()
    print(json.dumps({"accuracy": accuracy, "loss": loss}))


def epoch_orders(name, seed, epochs=3, count=10):
    """The first indices of each epoch, drawn as the loaders of the experiment draw them."""
    torch.manual_seed(seed)
    ARCHITECTURES[name]()
    indices = TensorDataset(torch.arange(60000))
    train_loader, test_loader = DataLoader(indices, BATCH_SIZE, shuffle=True), DataLoader(indices, BATCH_SIZE)
    orders = []
    for _ in range(epochs):
        orders.append(next(iter(train_loader))[0][:count].tolist())
        next(iter(test_loader))
    return orders


def write_fixtures(seed=1):
    folder = ROOT / "tests" / "MnistCnn.Tests" / "Fixtures"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("inception", "residual", "residual-as-printed"):
        experiment = Experiment(name, seed)
        if name != "residual-as-printed":  # its initial weights are those of residual
            write_safetensors(folder / f"{name}.safetensors", experiment.model.state_dict())
        with torch.no_grad():
            logits = experiment.model(experiment.test_set[:8][0]).tolist()
        losses = [loss for loss, _ in zip(experiment.steps(), range(20))]
        fixture = {
            "torch": torch.__version__,
            "seed": seed,
            "test_logits": logits,
            "train_losses": losses,
            "epoch_orders": epoch_orders(name, seed),
        }
        (folder / f"{name}.json").write_text(json.dumps(fixture, indent=1) + "\n")

    # Small files in the types that weights come in, and weights that have learnt something.
    torch.manual_seed(seed)
    plain = ARCHITECTURES["plain"]().state_dict()
    for dtype in ("f16", "bf16", "f64"):
        converted = {key: value.to(DTYPES[dtype.upper()]) for key, value in plain.items()}
        write_safetensors(folder / f"plain-{dtype}.safetensors", converted)
    with tempfile.TemporaryDirectory() as out:
        train("residual", epochs=10, seed=seed, out=pathlib.Path(out))
        for file in ("model.safetensors", "metrics.jsonl"):
            shutil.copy(pathlib.Path(out) / file, folder / f"residual-trained.{file.rsplit('.')[-1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    train_parser = commands.add_parser("train")
    train_parser.add_argument("architecture", choices=ARCHITECTURES)
    train_parser.add_argument("--epochs", type=int, default=10)
    train_parser.add_argument("--seed", type=int, default=1)
    train_parser.add_argument("--out", type=pathlib.Path)
    train_parser.add_argument("--torchvision", action="store_true")
    train_parser.add_argument("--train-limit", type=int)
    train_parser.add_argument("--test-limit", type=int)
    check_parser = commands.add_parser("check")
    check_parser.add_argument("architecture", choices=ARCHITECTURES)
    check_parser.add_argument("file", type=pathlib.Path)
    commands.add_parser("fixtures")
    arguments = parser.parse_args()
    if arguments.command == "fixtures":
        write_fixtures()
    elif arguments.command == "check":
        check(arguments.architecture, arguments.file)
    else:
        source = torchvision_set if arguments.torchvision else read_set
        train(arguments.architecture, arguments.epochs, arguments.seed, arguments.out, source, arguments.train_limit, arguments.test_limit)


if __name__ == "__main__":
    main()
