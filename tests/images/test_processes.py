"""Iterators and generators that are forked, pickled and copied into other processes.

Tests with processes run a script with a time limit, since the failure that they guard against is a
hang.
"""

import copy
import os
import pickle
import runpy
import subprocess
import sys
import textwrap

import forks
import numpy as np
import pytest
from PIL import Image

from keras_cnn import ImageDataGenerator

FORK = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
START = """
    import multiprocessing, sys, threading
    import keras, numpy as np
    from keras_cnn import ImageDataGenerator

    def flow(**options):
        generator = ImageDataGenerator(rescale=1 / 255, rotation_range=90, workers=2)
        x = np.arange(40, dtype=np.uint8)[:, None, None, None] + np.zeros((40, 8, 8, 3), np.uint8)
        return generator.flow(x, np.arange(40), batch_size=4, **options)

    def share(of_both):  # calls from two workers wait for each other, so that both have work
        global both
        both = of_both
"""


def _write(tmp_path, code):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(START) + textwrap.dedent(code))
    return script


def _run(tmp_path, code):
    """Run a script and return its output; fail if it takes longer than two minutes."""
    script, output, errors = _write(tmp_path, code), tmp_path / "stdout", tmp_path / "stderr"
    child = forks.context().Process(target=_run_script, args=(script, output, errors))
    child.start()
    child.join(120)
    exitcode = child.exitcode
    child.kill()
    assert exitcode == 0, errors.read_text()[-3000:]
    return output.read_text()


def _run_script(script, *streams):
    for number, path in enumerate(streams, start=1):
        with open(path, "w") as file:
            os.dup2(file.fileno(), number)
    runpy.run_path(str(script), run_name="__main__")


@FORK
@pytest.mark.parametrize(("method", "workers", "epochs"), [("fork", 2, 2), ("spawn", 1, 1)])
def test_fit_ends_with_worker_processes(tmp_path, method, workers, epochs):
    # An epoch starts new workers, and those of "spawn" import Keras.
    script = _write(
        tmp_path,
        f"""
        if __name__ == "__main__":
            multiprocessing.set_start_method("{method}")
            train, validation = flow(seed=1), flow(shuffle=False)
            for batches in (train, validation):
                batches.workers, batches.use_multiprocessing = {workers}, True
            model = keras.Sequential(
                [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
            )
            model.compile("sgd", loss="mse")
            model.fit(train, validation_data=validation, epochs={epochs}, verbose=0)
            print("ended")
        """,
    )
    command = [sys.executable, "-W", "ignore", str(script)]  # whose end is that of a user's script
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0 and "ended" in run.stdout, run.stderr[-3000:]


@FORK
def test_worker_processes_read_every_picture_once_and_draw_differently(tmp_path):
    code = """
        def read(number):
            both.wait(60)
            x, y = batches[number]
            return sorted(y.tolist()), x.std(axis=(1, 2, 3)).round(5).tolist()

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            x = np.random.default_rng(0).integers(0, 255, (1, 8, 8, 3), np.uint8)
            generator = ImageDataGenerator(rotation_range=90)
            for seed in (None, 1):
                batches = generator.flow(
                    np.repeat(x, 40, axis=0), np.arange(40), batch_size=4, seed=seed
                )
                batches[0]  # starts threads and makes batches ahead
                for _ in range(2):
                    batches.on_epoch_end()
                    with context.Pool(2, share, [context.Barrier(2)]) as pool:
                        epoch = pool.map(read, range(10), chunksize=1)
                    assert sorted(sum((y for y, _ in epoch), [])) == list(range(40))
                    deviations = [tuple(x) for _, x in epoch]  # differ with the angles
                    assert len(set(deviations)) == 10, deviations
                    print(deviations)
        """
    unseeded, seeded = [], []
    for _ in range(2):
        lines = _run(tmp_path, code).splitlines()
        unseeded += lines[:2]
        seeded += lines[2:]
    assert len(set(unseeded)) == 4
    assert seeded[:2] == seeded[2:] and seeded[0] != seeded[1]


@FORK
def test_a_fork_while_a_batch_is_requested_does_not_hang(tmp_path):
    output = _run(
        tmp_path,
        """
        if __name__ == "__main__":
            batches = flow(seed=1)
            expected = flow(seed=1)[0][1]
            batches._lock.acquire()  # as another thread of the parent holds it during a fork

            def child():
                np.testing.assert_array_equal(batches[0][1], expected)
                next(batches), batches.on_epoch_end(), batches.reset(), batches.seek(1)

            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join(60)
            print(process.exitcode)
            process.kill()
        """,
    )
    assert output.strip() == "0"


@FORK
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_that_share_a_generator_draw_different_angles(tmp_path, method):
    output = _run(
        tmp_path,
        f"""
        shared = ImageDataGenerator(rotation_range=90)

        def draw(generator):
            both.wait(60)
            return (generator or shared).get_random_transform((8, 8, 3))["theta"]

        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            with context.Pool(2, share, [context.Barrier(2)]) as pool:
                inherited = pool.map(draw, [None] * 8, chunksize=1)
                copied = pool.map(draw, [shared] * 8, chunksize=1)
            print(len(set(inherited)), len(set(copied)), len(set(inherited + copied)))
        """,
    )
    assert output.split() == ["8", "8", "16"]


def test_copies_of_a_generator_and_of_an_iterator_draw_on_their_own():
    generator = ImageDataGenerator(rotation_range=90, workers=2)
    copies = [pickle.loads(pickle.dumps(generator)), copy.deepcopy(generator), generator]
    assert len({each.get_random_transform((8, 8, 3))["theta"] for each in copies}) == 3
    for seed, number in ((None, 3), (5, 1)):
        batches = generator.flow(np.zeros((40, 8, 8, 3)), np.arange(40), batch_size=4, seed=seed)
        batches[0]
        copies = [pickle.loads(pickle.dumps(batches)) for _ in range(3)]
        y = [each[1][1] for each in copies]
        np.testing.assert_array_equal(y[0], y[1])  # of one epoch: the same pictures
        draws = {tuple(each._position.random_state[1].tolist()) for each in copies}
        assert len(draws) == number


@pytest.mark.parametrize("cache", [True, "auto", "disk"])
def test_a_pickled_iterator_leaves_the_pictures_of_its_cache_behind(tmp_path, cache):
    (tmp_path / "set" / "a").mkdir(parents=True)
    for index in range(4):
        picture = Image.new("RGB", (300, 300), (50 * index,) * 3)
        picture.save(tmp_path / "set" / "a" / f"{index}.png")
    cache = str(tmp_path / "cache") if cache == "disk" else cache
    batches = ImageDataGenerator(cache=cache).flow_from_directory(
        tmp_path / "set", target_size=(300, 300), shuffle=False
    )
    expected = batches[0][0]
    content = pickle.dumps(batches)
    assert len(content) < 300 * 300
    np.testing.assert_array_equal(pickle.loads(content)[0][0], expected)
