"""torchvision as a peer of the benchmarks: its import, its batches, and a loop of PyTorch."""

import functools
import importlib
import os
import time


@functools.cache
def package():
    """Return torchvision, of a build for another PyTorch what runs without its compiled part.

    Raises:
        ImportError: torchvision or PyTorch is not installed.
    """
    import torch

    try:
        return importlib.import_module("torchvision")
    except RuntimeError:  # its Python part names two operators of the compiled part
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        return importlib.import_module("torchvision")


def batches(folder, *, size, batch, is_augmented):
    """Return batches of a `DataLoader`, whose processes decode by Pillow and augment.

    The augmentation is that of 王汉生, but pixels outside a picture are black.
    """
    import torch

    datasets, v2 = package().datasets, importlib.import_module("torchvision.transforms.v2")
    steps = [v2.Resize(size, v2.InterpolationMode.NEAREST)]
    if is_augmented:
        steps.append(
            v2.RandomAffine(30, (0.2, 0.2), (0.8, 1.2), 0.5, v2.InterpolationMode.BILINEAR)
        )
        steps.append(v2.RandomHorizontalFlip())
    steps += [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    data = datasets.ImageFolder(folder, v2.Compose(steps))
    return torch.utils.data.DataLoader(
        data,
        batch,
        shuffle=True,
        num_workers=os.cpu_count(),
        persistent_workers=True,
        multiprocessing_context="fork",  # PyTorch's default on Linux, but not in a spawned process
    )


def train(loader):
    """Return the pictures per second of an epoch; the network sees 16 pixels of a picture."""
    import torch

    model = torch.nn.Linear(48, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    start = time.perf_counter()
    for x, y in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x[:, :, ::56, ::56].flatten(1)), y)
        loss.backward()
        optimizer.step()
    return len(loader.dataset) / (time.perf_counter() - start)
