#!/usr/bin/env python3
"""torchvision's GoogLeNet: what this program's is measured against.

    python3 tests/reference/googlenet.py    writes tests/MnistCnn.Tests/Fixtures/googlenet.json

Needs PyTorch, torchvision and NumPy, any version; Debian's python3-torchvision serves. Reads data/mnist.
"""

import itertools

import torch
import torchvision
from torch.nn.functional import cross_entropy

import article
import resnet


def network(**options):
    return torchvision.models.googlenet(init_weights=True, **options)


def multiply_adds(model, side):
    """Of one image: multiplications with a weight of a convolution or a linear layer."""
    total = 0

    def count(layer, _, output):
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    for layer in model.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            layer.register_forward_hook(count)
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 3, side, side))
    return total


class Experiment(article.Experiment):
    """With the losses of the side classifiers. Without dropout, since each build of torch draws other numbers for that."""

    def __init__(self, name, seed):
        super().__init__(name, seed)
        for module in self.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0

    def steps(self):
        for images, labels in self.train_loader:
            logits, *side_logits = self.model(images)
            loss = cross_entropy(logits, labels)
            for side in side_logits:
                loss = loss + 0.3 * cross_entropy(side, labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            yield loss.item()


def main(seed=1, steps=1):
    alone = network(aux_logits=False)
    networks = {
        "googlenet": {**resnet.description(alone), "multiply_adds": multiply_adds(alone, 224)},
        "googlenet with side classifiers": resnet.description(network(aux_logits=True)),
    }
    article.ARCHITECTURES["googlenet"] = lambda: resnet.grey(network)
    experiment = Experiment("googlenet", seed)
    fresh = resnet.weights(experiment.model)
    with torch.no_grad():  # with the means and variances of these images; those that are kept are zeros and ones yet
        # Itself, aux1, aux2; torchvision calls what aux1 gives aux_logits2, and the other way round.
        logits = [output.tolist() for output in experiment.model(experiment.test_set[:8][0])]

    experiment = Experiment("googlenet", seed)
    losses = list(itertools.islice(experiment.steps(), steps))
    resnet.write("googlenet", networks=networks, seed=seed, weights=fresh, training_logits=logits, train_losses=losses)


if __name__ == "__main__":
    main()
