#!/usr/bin/env python3
"""torchvision's residual networks: what this program's are measured against.

    python3 tests/reference/resnet.py    writes tests/MnistCnn.Tests/Fixtures/resnet.json

Needs PyTorch, torchvision and NumPy, any version; Debian's python3-torchvision serves. Reads data/mnist.
"""

import hashlib
import itertools
import json
import unittest.mock

import torch
import torchvision

import article

NAMES = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


class GreyConv2d(torch.nn.Conv2d):
    """Makes a network for colour images one for grey images."""

    def __init__(self, in_channels, *arguments, **options):
        super().__init__(1 if in_channels == 3 else in_channels, *arguments, **options)


def grey(make):
    """Makes a network for MNIST."""
    with unittest.mock.patch("torch.nn.Conv2d", GreyConv2d):
        return make(num_classes=10)


def description(model):
    listing = "".join(
        f"{name} {'x'.join(map(str, tensor.shape))} {str(tensor.dtype)[6:]}\n" for name, tensor in model.state_dict().items())
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "state_dict_sha256": hashlib.sha256(listing.encode()).hexdigest(),
    }


def weights(model):
    return [
        {"name": name, "sum": tensor.double().sum().item(), "first": tensor.flatten()[0].item()}
        for name, tensor in model.state_dict().items()
    ]


def write(name, **contents):
    fixture = {"torch": torch.__version__, "torchvision": torchvision.__version__, **contents}
    path = article.ROOT / "tests" / "MnistCnn.Tests" / "Fixtures" / f"{name}.json"
    path.write_text(json.dumps(fixture, indent=1) + "\n")


def main(seed=1, steps=1):
    networks = {name: description(getattr(torchvision.models, name)()) for name in NAMES}
    article.ARCHITECTURES["resnet18"] = lambda: grey(torchvision.models.resnet18)
    experiment = article.Experiment("resnet18", seed)
    fresh = weights(experiment.model)
    losses = list(itertools.islice(experiment.steps(), steps))
    experiment.model.eval()
    with torch.no_grad():
        logits = experiment.model(experiment.test_set[:8][0]).tolist()
    write("resnet", networks=networks, seed=seed, weights=fresh, train_losses=losses, test_logits=logits)


if __name__ == "__main__":
    main()
