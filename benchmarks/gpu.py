"""Training steps of six networks on ready data, against torchvision, and through our feed.

    KERAS_BACKEND=torch python benchmarks/gpu.py [--minutes 5] [--json F.json] [--quick]

`gpu.sh` calls it once per backend. Ready data are 8-bit pixels in the device's memory, which the
network's graph scales. torchvision's networks take the same data with channels_last, in bfloat16
by autocast (AMP). "Feed" is `fit` on JPEGs of 500x375, read and augmented as by `keras_cnn.run`;
the time waited for input is 1 - rate through the feed / rate of `fit` on ready batches. The first
epoch decodes the files, the next ones take them from memory. The pictures are augmented in the
graph if there is an accelerator, those of ready batches too. Networks that do not fit into
`--minutes` are left out, and named. `--quick` takes two steps of ResNet50, with four
pictures of 80x80.
"""

import argparse
import functools
import itertools
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import images
import keras
import torchvision_loader
import training

from keras_cnn import ImageDataGenerator, environment, models
from keras_cnn.images import pixels
from keras_cnn.images.scaling import Scaling
from keras_cnn.training.compiling import compile_model
from keras_cnn.training.fitting import Feeds, prepared_in_graph

NETWORKS = {  # ours, torchvision's
    "AlexNet": (functools.partial(models.AlexNet, one_weird_trick=True), "alexnet"),
    "VGG16": (models.VGG16, "vgg16"),
    "InceptionV3": (models.InceptionV3, "inception_v3"),
    "ResNet50": (models.ResNet50, "resnet50"),
    "DenseNet121": (models.DenseNet121, "densenet121"),
    "MobileNet": (models.MobileNet, None),  # torchvision has its successors only
}
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # -> Keras' policy
THREADS = (2, 16)
ROUNDS = 3
SCALING = Scaling("tf")
LEARNING_RATE = 1e-4


def main():
    """Measure, print the tables and add the figures to the file of `--json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=4.5, help="begin no network after (4.5)")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="two small steps, to try the script")
    parser.add_argument("--json", type=Path, help="add the figures to this file")
    options = parser.parse_args()
    setup = {"batch": 64, "size": 224, "steps": 20, "pictures": 2560}
    if options.quick:
        options.networks = ["ResNet50"]
        setup = {"batch": 4, "size": 80, "steps": 2, "pictures": 8}
    backend, start = keras.config.backend(), time.perf_counter()
    print(f"{backend}: {environment.sentence()}", flush=True)
    print(setup)
    print(f"{'':22}{'pictures/s':>12}{'torchvision':>13}{'ratio':>8}  waited for input")
    figures, left_out = {}, []
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(Path(folder), setup["pictures"])
        for precision, name in itertools.product(PRECISIONS, options.networks):
            title = f"{name}, {precision}"
            if time.perf_counter() - start > 60 * options.minutes:
                left_out.append(title)
                continue
            training.forget()
            keras.config.set_dtype_policy(PRECISIONS[precision])
            figures[title] = row = measure(name, precision, Path(folder), **setup)
            print_row(name, precision, row)
            if options.json:
                write(options.json, backend, setup | {"figures": figures})
    if left_out:
        print(f"left out after {options.minutes} minutes: {'; '.join(left_out)}")


def write(path, backend, figures):
    """Write the figures of a backend beside those of the other."""
    known = json.loads(path.read_text()) if path.exists() else {}
    known[backend] = environment.surroundings() | figures
    path.write_text(json.dumps(known, indent=1))


def make_pictures(folder, number):
    """Make 64 pictures in two class folders, and links to them."""
    made = sorted(images.make_pictures(folder, min(64, number)).glob("*/*"))
    for index in range(len(made), number):
        original = made[index % len(made)]
        os.link(original, original.with_stem(f"{index:05}"))


def measure(name, precision, folder, *, batch, size, steps, pictures):
    """Return the pictures per second of a network: ready, torchvision's, and through the feed."""
    keras.utils.set_random_seed(0)
    build, peer = NETWORKS[name]
    model = build(input_shape=(size, size, 3), weights=None, classes=2)
    optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=0.9)
    compile_model(model, optimizer, loss="categorical_crossentropy")
    ready = images.Ready("uint8", batch=batch, size=(size, size), steps=steps)
    x, y = map(keras.ops.convert_to_tensor, ready[0])
    contenders = {"ours": lambda: model.train_on_batch(x, y)}
    if peer_step := _torchvision(peer, precision, *ready[0]):
        contenders["torchvision"] = peer_step
    rates = {who: [] for who in contenders}
    read = feed(folder, threads=THREADS[0], batch=batch, size=size)
    with prepared_in_graph(model, Feeds(read.batches, read.batches, [read, read], "")):
        for step in contenders.values():
            step()
            step()
        for _ in range(ROUNDS):
            for who, step in contenders.items():
                rates[who].append(batch * steps / seconds(step, steps))
        row = {who: statistics.median(values) for who, values in rates.items()}
        row |= {"rates": rates, "feed": {}}
        pixels_of_batch, ready.y = read.batches[0]
        ready.x = [pixels_of_batch] * 4
        row["fit"] = max(fit(model, ready, number=batch * steps, epochs=3))
        for threads in THREADS:
            flow = feed(folder, threads=threads, batch=batch, size=size)
            first, *later = fit(model, flow.batches, number=pictures, epochs=3)
            row["feed"][threads] = {"first epoch": first, "later": max(later)}
    return row


def feed(folder, *, threads, batch, size):
    """Return 8-bit pixels, augmented as in the book, on an accelerator if there is one."""
    generator = ImageDataGenerator(preprocessing_function=SCALING, workers=threads, **images.BOOK)
    flow = generator.flow_from_directory(folder, target_size=(size, size), batch_size=batch, seed=1)
    on_device = not all(name.lower().startswith("cpu") for name in environment.devices())
    return pixels.eight_bit(flow, on_device=on_device)


def fit(model, batches, *, number, epochs):
    """Return the pictures per second of each epoch of a training by `fit`."""
    measured = images.Epochs(number)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=[measured])
    return measured.rates


def seconds(step, number):
    """Return the seconds of some steps, each of which ends when its loss is on the host."""
    start = time.perf_counter()
    for _ in range(number):
        step()
    return time.perf_counter() - start


@functools.cache
def _models_of_torchvision():
    """Return torchvision's models, or None if they cannot be imported."""
    if keras.config.backend() != "torch":
        return None
    try:
        return torchvision_loader.package().models
    except (ImportError, RuntimeError, OSError) as error:
        print(f"torchvision is not compared, as it cannot be imported: {error}")
        return None


def _torchvision(name, precision, x, y):
    """Return a training step of torchvision's network as PyTorch's guides write it, or None."""
    if name is None or (networks := _models_of_torchvision()) is None:
        return None
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = {"aux_logits": False, "init_weights": False} if name == "inception_v3" else {}
    network = getattr(networks, name)(weights=None, num_classes=2, **options)
    network = network.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, momentum=0.9)
    loss_function = torch.nn.CrossEntropyLoss()
    x = torch.from_numpy(x).to(device).permute(0, 3, 1, 2)  # channels_last in memory
    y = torch.from_numpy(y.argmax(axis=1)).to(device)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_function(network(x.float() / 127.5 - 1), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def print_row(name, precision, row):
    """Print the figures of a network."""
    peer = row.get("torchvision")
    columns = f"{peer:13.0f}{row['ours'] / peer:8.2f}" if peer else f"{'':21}"
    waited = ", ".join(
        f"{threads} threads {max(0, 1 - rates['first epoch'] / row['fit']):.0%}, cached "
        f"{max(0, 1 - rates['later'] / row['fit']):.0%}"
        for threads, rates in row["feed"].items()
    )
    print(f"{name:12}{precision:10}{row['ours']:12.0f}{columns}  {waited}", flush=True)


if __name__ == "__main__":
    main()
