"""Pictures per second against Keras' legacy class, Keras' layers and torchvision.

    python benchmarks/images.py [--folder FOLDER] [--pictures 600] [--repeats 5] [--json F.json]

Without a folder of class folders, the script makes JPEGs of 500x375, or of `--width`. Every round
times each contender once, one after the other, so that a busy machine slows all of them. Each has a
process of its own, because ours tells the allocator to keep memory, which speeds up the others too;
its batches are made anew, after others of the same process. torchvision's batches train a network
of PyTorch that costs as little. The script prints medians; for the ratios of each round also the
smallest and the largest, in brackets.
"""

import argparse
import contextlib
import functools
import gc
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras_cnn  # noqa: F401, I001  # before keras: it turns oneDNN on
import keras
import numpy as np
import torchvision_loader
from PIL import Image

SIZE = (224, 224)
BATCH = 32
BOOK = {  # 王汉生's augmentation
    "shear_range": 0.5,
    "rotation_range": 30,
    "zoom_range": 0.2,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "horizontal_flip": True,
}
STEP = 0.1  # seconds of a training step on an accelerator
GOALS = (  # work, our way, contender by `fit`, how many times faster
    ("rescale", "fit", "legacy", 4),
    ("augment", "fit", "legacy", 13),
    ("augment", "fit, cached", "legacy", 30),
    ("augment", "run, cached", "legacy", 38),
    ("rescale", "run, cached", "ready", 3),
)


def main():
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--width", type=int, default=500, help="of the pictures made, in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the pictures per second to this file")
    options = parser.parse_args()
    from keras_cnn import environment

    print(environment.sentence(), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or make_pictures(
            Path(temporary), options.pictures, width=options.width
        )
        rates = {}
        with contextlib.ExitStack() as pipes:
            contenders = {
                name: pipes.enter_context(begin(name, folder)) for name in (*CONTENDERS, "ready")
            }
            for _ in range(options.repeats):
                for work in ("rescale", "augment"):
                    for name, pipe in contenders.items():
                        pipe.send(work)
                        for way, rate in pipe.recv():
                            rates.setdefault((work, name, way), []).append(rate)
        print_rates(rates)
        costs = print_costs(folder)
    if options.json:
        named_rates = {", ".join(key): values for key, values in rates.items()}
        results = {"pictures_per_second": named_rates, "costs": costs}
        results = environment.surroundings() | results
        options.json.write_text(json.dumps(results, indent=1))


def make_pictures(folder, number, *, width=500):
    """Make smooth pictures with noise; their files are about as large as those of photos."""
    rng = np.random.default_rng(0)
    for index in range(number):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        size = width, width * 3 // 4
        smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float32)
        noisy = np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
        path = folder / ("even", "odd")[index % 2] / f"{index:04}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noisy).save(path, quality=85)
    return folder


def begin(name, folder):
    """Start the process of a contender; return the pipe that takes the work to time."""
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    # No daemon: torchvision's process has children of its own.
    context.Process(target=_serve, args=(name, folder, other)).start()
    other.close()
    return pipe


def _serve(name, folder, pipe):
    """Time every work that the pipe names, until it is closed."""
    if name in CONTENDERS and name != "torchvision":  # the first flow of the process
        with contextlib.suppress(ImportError):
            fit(CONTENDERS[name](folder, "rescale"), number=1, epochs=1)
    with contextlib.suppress(EOFError):
        while True:
            work = pipe.recv()
            pipe.send(list(one_round(name, folder, work)))
            gc.collect()


def one_round(name, folder, work):
    """Time a contender; yield (way, pictures per second).

    Ways: "number" takes the batches one by one; "fit" trains a network that costs nothing, with
    torchvision a network of PyTorch, after its worker processes have started. "run" does it as
    `keras_cnn.training.run`, "device" with `--augment-on device`. "cached" is the epoch after the
    first.
    """
    if name == "ready":
        yield "fit", max(fit(Ready(), number=20 * BATCH, epochs=3))
        return
    number, make = len(list(folder.glob("*/*"))), CONTENDERS[name]
    try:
        batches = make(folder, work)
    except ImportError:
        return
    # A virtual machine gets memory from its host at the first write, here at 0.2 GB/s. Do it
    # before the clock runs.
    np.ones(2**29, np.uint8)
    yield "number", rate(batches)
    if name == "ours":
        yield "number, cached", rate(batches)
    if name == "torchvision":
        yield "fit", torchvision_loader.train(batches)
        return
    epochs = 3 if name == "ours" else 1
    first, *later = fit(make(folder, work), number=number, epochs=epochs)
    yield "fit", first
    if later:
        yield "fit, cached", max(later)
    if name == "ours":
        first, *later = run(make(folder, work))
        yield "run", first
        yield "run, cached", max(later)
    if name == "ours" and work == "augment":
        yield "device, cached", max(run(make(folder, work), on_device=True)[1:])


class Epochs(keras.callbacks.Callback):
    """Measures the pictures per second of each epoch."""

    def __init__(self, number):
        """Set up for a number of pictures."""
        super().__init__()
        self.number, self.rates = number, []

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Stop the clock."""
        self.rates.append(self.number / (time.perf_counter() - self.start))


class Ready(keras.utils.PyDataset):
    """Batches that cost nothing to make: the limit of `fit` with Keras' own adapter."""

    def __init__(self, dtype="float32", *, batch=BATCH, size=SIZE, steps=20):
        """Make four batches of a type."""
        super().__init__()
        self.x = [np.ones((batch, *size, 3), dtype) for _ in range(4)]
        self.y = np.tile(np.eye(2, dtype=np.float32), (batch, 1))[:batch]
        self.steps = steps

    def __len__(self):
        """Return the number of batches."""
        return self.steps

    def __getitem__(self, index):
        """Return a batch."""
        return self.x[index % 4], self.y


@functools.cache
def network(way="fit"):
    """Return the network of a way to train: it costs nothing, as it sees 16 pixels of a picture."""
    inputs = keras.Input((*SIZE, 3))
    x = keras.layers.Flatten()(inputs[:, ::56, ::56])
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs, outputs, name=way)
    model.compile("sgd", "categorical_crossentropy")
    return model


def fit(batches, *, number, epochs):
    """Return the pictures per second of each epoch of a training by `fit`."""
    measure = Epochs(number)
    network().fit(batches, epochs=epochs, verbose=0, callbacks=[measure])
    return measure.rates


def run(flow, *, on_device=False):
    """Return the pictures per second of each epoch, fed as by `keras_cnn.training.run`."""
    from keras_cnn.images import pixels
    from keras_cnn.images.tf_data import endless, untuned
    from keras_cnn.training import seeding
    from keras_cnn.training.fitting import Feeds, prepared_in_graph

    read = pixels.eight_bit(flow, on_device=on_device)
    measure, model = Epochs(flow.samples), network("device" if on_device else "run")
    with prepared_in_graph(model, Feeds(read.batches, read.batches, [read, read], "")):
        model.fit(untuned(Ready("uint8")), verbose=0)  # traces the step
        begin = functools.partial(seeding.begin, read.batches, seed=1)
        with endless(read.batches, begin) as data:
            options = {"steps_per_epoch": len(read.batches), "epochs": 4, "verbose": 0}
            model.fit(data, callbacks=[measure], **options)
    return measure.rates


def rate(batches):
    """Return the pictures per second of one epoch."""
    start = time.perf_counter()
    count = sum(len(x) for x in epoch(batches))
    return count / (time.perf_counter() - start)


def epoch(batches):
    """Yield the pictures of one epoch, batch by batch."""
    if hasattr(batches, "on_epoch_end"):
        for index in range(len(batches)):
            yield batches[index][0]
        batches.on_epoch_end()
    else:
        for x, _ in batches:
            yield x


def legacy(folder, work):
    """Return batches of Keras' legacy class."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    return _flow(ImageDataGenerator, folder, work)


def ours(folder, work):
    """Return batches of this package's class."""
    from keras_cnn import ImageDataGenerator

    return _flow(ImageDataGenerator, folder, work)


def _flow(generator, folder, work):
    augmentation = BOOK if work == "augment" else {}
    generator = generator(rescale=1 / 255, **augmentation)
    return generator.flow_from_directory(folder, target_size=SIZE, batch_size=BATCH, seed=1)


def layers(folder, work):
    """Return batches of `image_dataset_from_directory` and layers, which Keras recommends."""
    import keras
    import tensorflow as tf

    dataset = keras.utils.image_dataset_from_directory(
        folder, label_mode="categorical", image_size=SIZE, batch_size=BATCH, verbose=False
    )
    steps = [keras.layers.Rescaling(1 / 255)]
    if work == "augment":
        options = {"fill_mode": "nearest"}
        steps += [
            keras.layers.RandomShear(0.009, 0.009, **options),
            keras.layers.RandomRotation(30 / 360, **options),
            keras.layers.RandomTranslation(0.2, 0.2, **options),
            keras.layers.RandomZoom(0.2, 0.2, **options),
            keras.layers.RandomFlip("horizontal"),
        ]

    def augment(x, y):
        for step in steps:
            x = step(x, training=True)
        return x, y

    return dataset.map(augment, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def torchvision(folder, work):
    """Return batches of torchvision's transforms, which processes make."""
    is_augmented = work == "augment"
    return torchvision_loader.batches(folder, size=SIZE, batch=BATCH, is_augmented=is_augmented)


CONTENDERS = {"legacy": legacy, "layers": layers, "torchvision": torchvision, "ours": ours}


def print_rates(rates):
    """Print the pictures per second, and the ratios with their goals."""
    print()
    for (work, name, way), values in rates.items():
        print(f"{work:10}{name:14}{way:16}{statistics.median(values):8.0f} pictures/s")
    print()
    for work, way, other, goal in GOALS:
        pairs = zip(rates[work, "ours", way], rates[work, other, "fit"], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs]
        spread = f"{statistics.median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]"
        print(f"{work}, {way} : {other}, fit = {spread} (goal {goal})")


def print_costs(folder):
    """Print and return each contender's memory and the share of time that training waits."""
    costs, note = {}, f"(a step takes {STEP} s; memory without that of torchvision's processes)"
    print(f"\n{'augment':24}{'peak memory':>14}{'waiting':>14}   {note}")
    for name in CONTENDERS:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_cost, args=(name, folder, sender))
        process.start()
        sender.close()
        try:
            grown, waiting = receiver.recv()
            print(f"{name:24}{grown / 2**20:11.0f} MB{waiting:14.0%}")
            costs[name] = {"bytes": grown, "waiting": waiting}
        except EOFError:
            print(f"{name:24}{'not installed':>14}")
        process.join()
    return costs


def _cost(name, folder, sender):
    """Send the memory that a contender's batches take, and the share of time spent waiting."""
    try:
        batches = CONTENDERS[name](folder, "augment")
    except ImportError:
        return
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = memory("VmRSS")
    pictures = epoch(batches)
    waited = total = 0
    for _ in range(25):
        start = time.perf_counter()
        if next(pictures, None) is None:
            break
        ready = time.perf_counter()
        time.sleep(STEP)
        waited, total = waited + ready - start, total + time.perf_counter() - start
    sender.send((memory("VmHWM") - before, waited / total))


def memory(name):
    """Return a memory size in bytes by its name in /proc; getrusage includes the parent's peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


if __name__ == "__main__":
    main()
