#!/usr/bin/env python3
"""The Python of docs/guides/exchange-with-pytorch.md. Needs PyTorch and the package safetensors."""


def load(net):
    from safetensors.torch import load_file

    net.load_state_dict(load_file("model.safetensors"), strict=True)


def convert():
    import torch
    from safetensors.torch import save_file

    save_file(torch.load("model.pt", weights_only=True), "model.safetensors")
