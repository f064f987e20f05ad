#!/usr/bin/env python3
"""The Python of docs/guides/exchange-with-pytorch.md.

    python3 tests/reference/exchange.py    checks the conversion of GoogLeNet with random weights

Needs PyTorch and torchvision; saving and loading also need the package safetensors.
"""

import torch, torchvision


def load(net):
    from safetensors.torch import load_file

    net.load_state_dict(load_file("model.safetensors"), strict=True)


def convert():
    import torch
    from safetensors.torch import save_file

    save_file(torch.load("model.pt", weights_only=True), "model.safetensors")


def without_transform_input(net):
    """Changes the first layer so that it takes torchvision's usual pixels, as the others do."""
    scale = torch.tensor([0.229, 0.224, 0.225]) / 0.5
    shift = (torch.tensor([0.485, 0.456, 0.406]) - 0.5) / 0.5
    first = net.conv1
    first.bn.running_mean.data -= (first.conv.weight.data.sum((2, 3)) * shift).sum(1)
    first.conv.weight.data *= scale[:, None, None]


def check():
    torch.manual_seed(1)
    net = torchvision.models.googlenet(weights=None, transform_input=True, init_weights=False).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = net.conv1(net._transform_input(images))
        without_transform_input(net)
        inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))  # the padding has another value now
        difference = (net.conv1(images) - expected)[inner].abs().max().item()
    print(f"largest difference of the first layer: {difference:.0e}")
    assert difference < 1e-4


if __name__ == "__main__":
    check()
