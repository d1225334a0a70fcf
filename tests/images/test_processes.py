"""Iterators and generators that are forked, pickled and copied into other processes.

Each test runs a script with a time limit, since the failure that it guards against is a hang.
"""

import subprocess
import sys
import textwrap

import pytest

FORK = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
START = """
    import multiprocessing, sys, threading, time
    import keras, numpy as np
    from keras_cnn import ImageDataGenerator

    def flow(**options):
        generator = ImageDataGenerator(rescale=1 / 255, rotation_range=90, workers=2)
        x = np.arange(40, dtype=np.uint8)[:, None, None, None] + np.zeros((40, 8, 8, 3), np.uint8)
        return generator.flow(x, np.arange(40), batch_size=4, **options)

    def angles(generator, number=1):
        draw = lambda: generator.get_random_transform((8, 8, 3))["theta"]
        return [draw() for _ in range(number)]
"""


def _run(tmp_path, code):
    """Run a script and return its output; fail if it takes longer than two minutes."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(START) + textwrap.dedent(code))
    command = [sys.executable, "-W", "ignore", str(script)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


@FORK
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_fit_ends_with_worker_processes(tmp_path, method):
    output = _run(
        tmp_path,
        f"""
        if __name__ == "__main__":
            multiprocessing.set_start_method("{method}")
            train, validation = flow(seed=1), flow(shuffle=False)
            for batches in (train, validation):
                batches.workers, batches.use_multiprocessing = 2, True
            model = keras.Sequential(
                [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
            )
            model.compile("sgd", loss="mse")
            model.fit(train, validation_data=validation, epochs=2, verbose=0)
            print("ended")
        """,
    )
    assert "ended" in output


@FORK
@pytest.mark.parametrize("seed", [None, 1])
def test_worker_processes_read_every_picture_once_and_draw_differently(tmp_path, seed):
    code = f"""
        def read(number):
            x, y = batches[number]
            time.sleep(0.2)  # so that both workers have something to do
            return sorted(y.tolist()), x.std(axis=(1, 2, 3)).round(5).tolist()

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            x = np.random.default_rng(0).integers(0, 255, (1, 8, 8, 3), np.uint8)
            generator = ImageDataGenerator(rotation_range=90)
            batches = generator.flow(
                np.repeat(x, 40, axis=0), np.arange(40), batch_size=4, seed={seed}
            )
            batches[0]  # starts threads and makes batches ahead
            for _ in range(2):
                batches.on_epoch_end()
                with context.Pool(2) as pool:
                    epoch = pool.map(read, range(10), chunksize=1)
                assert sorted(sum((y for y, _ in epoch), [])) == list(range(40))
                deviations = [tuple(x) for _, x in epoch]  # differ with the angles
                assert len(set(deviations)) == 10, deviations
                print(deviations)
        """
    output = _run(tmp_path, code)
    first, second = output.splitlines()
    assert first != second
    again = _run(tmp_path, code)
    assert (output == again) == (seed is not None)


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
            time.sleep(0.2)
            return angles(generator or shared)[0]

        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            with context.Pool(4) as pool:
                inherited = pool.map(draw, [None] * 8, chunksize=1)
                copied = pool.map(draw, [shared] * 8, chunksize=1)
            print(len(set(inherited)), len(set(copied)), len(set(inherited + copied)))
        """,
    )
    assert output.split() == ["8", "8", "16"]


def test_copies_of_a_generator_and_of_an_iterator_draw_on_their_own(tmp_path):
    output = _run(
        tmp_path,
        """
        import copy, pickle

        generator = ImageDataGenerator(rotation_range=90)
        copies = [pickle.loads(pickle.dumps(generator)), copy.deepcopy(generator), generator]
        print(len({angles(copied)[0] for copied in copies}))
        for seed in (None, 5):
            batches = flow(seed=seed)
            batches[0]
            copies = [pickle.loads(pickle.dumps(batches)) for _ in range(3)]
            x = np.stack([copied[1][1] for copied in copies])
            np.testing.assert_array_equal(x[0], x[1])  # of one epoch: the same pictures
            draws = [copied._position.random_state[1].tolist() for copied in copies]
            print(len(set(map(tuple, draws))))
        """,
    )
    assert output.split() == ["3", "3", "1"]


def test_a_pickled_iterator_leaves_the_pictures_of_its_cache_behind(tmp_path):
    output = _run(
        tmp_path,
        f"""
        import pathlib, pickle
        from PIL import Image

        folder = pathlib.Path({str(tmp_path)!r})
        for index in range(4):
            (folder / "set" / "a").mkdir(parents=True, exist_ok=True)
            picture = Image.new("RGB", (300, 300), (50 * index,) * 3)
            picture.save(folder / "set" / "a" / f"{{index}}.png")
        for cache in (True, "auto", str(folder / "cache")):
            batches = ImageDataGenerator(cache=cache).flow_from_directory(
                folder / "set", target_size=(300, 300), shuffle=False
            )
            expected = batches[0][0]
            content = pickle.dumps(batches)
            print(len(content) < 300 * 300)
            np.testing.assert_array_equal(pickle.loads(content)[0][0], expected)
        """,
    )
    assert output.count("True") == 3
