"""Batches of the iterators: threads, order, cache, memory."""

import gc
import multiprocessing
import os
import random
import threading
import time
import tracemalloc
import weakref

import keras
import numpy as np
import pytest
from grey_pictures import SMALL, greys
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy
from PIL import Image

from keras_cnn import ImageDataGenerator, InputError
from keras_cnn.images import cache, files, tf_data
from keras_cnn.training.seeding import Seek
from keras_cnn.training.sharding import Feed, Share


@pytest.fixture
def reads(monkeypatch, tmp_path):
    """The paths of this test's files that are read, in order; an earlier flow may still read."""
    paths = []
    read = files.read

    def noted(path, **how):
        if str(path).startswith(str(tmp_path)):
            paths.append(path)
        return read(path, **how)

    monkeypatch.setattr(files, "read", noted)
    return paths


def _wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_iterators_are_datasets_of_keras_with_the_legacy_attributes(marks):
    flow = ImageDataGenerator().flow_from_directory(marks, **SMALL, shuffle=False)
    assert isinstance(flow, keras.utils.PyDataset)
    assert (len(flow), flow.samples, flow.n, flow.num_classes) == (5, 20, 20, 2)
    assert flow.class_indices == {"dark": 0, "light": 1}
    assert flow.classes.tolist() == flow.labels.tolist() == [0] * 12 + [1] * 8
    assert flow.filenames[12] == os.path.join("light", "00.png")
    assert flow.filepaths[12] == str(marks / "light" / "00.png")
    assert flow.image_shape == (16, 16, 3)
    assert (flow.batch_size, flow.target_size, flow.shuffle) == (4, (16, 16), False)
    x, y = flow.next()
    assert x.shape == (4, 16, 16, 3) and x.dtype == np.float32 and y.shape == (4, 2)


def test_only_the_next_batches_are_made_ahead(marks, reads):
    flow = ImageDataGenerator(prefetch=2).flow_from_directory(marks, **SMALL)
    assert not reads
    next(flow)
    _wait_for(lambda: len(reads) == 12)
    time.sleep(0.1)
    assert len(reads) == 12  # this batch and two more
    next(flow)
    _wait_for(lambda: len(reads) == 16)


def test_the_order_of_an_epoch_of_a_training_is_known_ahead(marks, reads):
    flow = ImageDataGenerator(cache=False).flow_from_directory(marks, **SMALL, seed=0)
    feed = Feed(flow, samples=flow.n, share=Share(), training=True)
    seek = Seek(feed, seed=0, notify=False)
    for epoch in range(3):
        seek.on_epoch_begin(epoch)
        reads.clear()
        for number in range(len(feed)):
            feed[number]
            made_ahead = min(len(feed), number + 3) * flow.batch_size
            _wait_for(lambda: len(reads) >= made_ahead)  # noqa: B023
        assert len(reads) == flow.samples  # no wrong guess


def test_the_order_into_which_fit_shuffles_an_epoch_is_known_ahead(marks, reads):
    flow = ImageDataGenerator(cache=False).flow_from_directory(marks, **SMALL)
    for _ in range(4):
        flow.on_epoch_begin()
        order = list(range(len(flow)))
        random.shuffle(order)
        reads.clear()
        for done, number in enumerate(order, start=1):
            flow[number]
            made_ahead = min(len(flow), done + 2) * flow.batch_size
            _wait_for(lambda: len(reads) >= made_ahead)  # noqa: B023
        assert len(reads) == flow.samples  # no wrong guess
        flow.on_epoch_end()


def test_fit_finds_most_batches_begun(marks, monkeypatch):
    flow = ImageDataGenerator().flow_from_directory(marks, **SMALL)
    deliver, begun = type(flow)._deliver, []

    def watched(flow, request):
        begun.append(any(batch.request == request for batch in flow._ahead))
        return deliver(flow, request)

    monkeypatch.setattr(type(flow), "_deliver", watched)
    _model().fit(flow, epochs=3, verbose=0)
    # Each epoch begins with a batch that is not begun; TensorFlow reads two before the first.
    assert begun.count(False) <= 3 + 2 and len(begun) >= 3 * len(flow)


@pytest.mark.parametrize("order", [(3, 1, 4, 2, 0), (4, 3, 2, 1, 0), (1, 2, 3, 4, 0)])
def test_no_work_is_wasted_where_fit_shuffles_the_numbers_of_batches(marks, reads, order):
    flow = ImageDataGenerator(cache=False).flow_from_directory(marks, **SMALL)
    for _ in range(3):
        random.seed(0)  # `fit` would begin with batch 2
        flow.on_epoch_begin()
        reads.clear()
        for number in order:
            flow[number]
        flow.on_epoch_end()
        assert len(reads) == flow.samples


def test_batches_requested_in_order_are_made_ahead_in_every_pass(marks, reads):
    flow = ImageDataGenerator(cache=False, prefetch=2).flow_from_directory(marks, **SMALL)
    for _ in range(2):  # without telling the iterator that an epoch has ended
        reads.clear()
        for number in range(len(flow)):
            flow[number]
            _wait_for(lambda: len(reads) == min(20, 4 * number + 12))  # noqa: B023


def test_no_batch_depends_on_the_global_random_state_or_changes_it(marks):
    batches = []
    for seed in range(3):
        random.seed(seed), np.random.seed(seed)
        flow = ImageDataGenerator(rotation_range=9).flow_from_directory(marks, **SMALL, seed=1)
        before = random.getstate(), np.random.get_state()[1].tolist()
        flow.on_epoch_begin()
        read = [flow[number] for number in (2, 0, 3)]
        flow.on_epoch_end()
        flow.seek(2)
        batches.append([x for x, _ in [*read, flow[0], next(flow)]])
        assert before == (random.getstate(), np.random.get_state()[1].tolist())
    np.testing.assert_array_equal(batches[0], batches[1])
    np.testing.assert_array_equal(batches[0], batches[2])


def test_a_copy_for_a_training_leaves_the_iterator_as_it_was(marks):
    flow, same = (
        ImageDataGenerator(rotation_range=90).flow_from_directory(marks, **SMALL, seed=1)
        for _ in range(2)
    )
    copies = flow.with_seed(5), flow.with_rows(lambda size: np.arange(2))
    for iterator in copies:
        iterator.seek(3, order=[4, 3, 2, 1, 0])
        list(map(iterator.__getitem__, range(5)))
        iterator.on_epoch_end()
    assert [len(iterator[0][0]) for iterator in copies] == [4, 2]
    for _ in range(6):
        np.testing.assert_array_equal(next(flow)[0], next(same)[0])
    assert (flow.seed, flow.total_batches_seen) == (1, 6)


def test_pictures_are_made_on_as_many_threads_as_workers(marks):
    seen = set()

    def note(x):
        seen.add(threading.current_thread().name)
        time.sleep(0.01)
        return x

    flow = ImageDataGenerator(preprocessing_function=note, workers=3, prefetch=0)
    list(map(flow.flow_from_directory(marks, **SMALL, shuffle=False).__getitem__, range(5)))
    assert len(seen) == 3 and threading.current_thread().name not in seen


def test_any_number_of_threads_makes_the_same_batches(marks):
    batches = []
    for workers, prefetch in ((1, 0), (1, 3), (5, 1)):
        generator = ImageDataGenerator(rotation_range=90, workers=workers, prefetch=prefetch)
        flow = generator.flow_from_directory(marks, **SMALL, seed=1)
        batches.append(np.concatenate([next(flow)[0] for _ in range(7)]))
    np.testing.assert_array_equal(batches[0], batches[1])
    np.testing.assert_array_equal(batches[0], batches[2])


def _model(classes=2):
    keras.utils.set_random_seed(1)
    outputs = keras.layers.Dense(classes, activation="softmax")
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), outputs])
    model.compile(keras.optimizers.SGD(0.1), loss="categorical_crossentropy")
    return model


def test_training_has_the_losses_of_the_legacy_class(marks):
    losses = []
    for generator in (Legacy(rescale=1 / 255), ImageDataGenerator(rescale=1 / 255)):
        flow = generator.flow_from_directory(marks, **SMALL, seed=3)
        losses.append(_model().fit(flow, epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_an_untuned_dataset_trains_like_the_one_of_keras(marks):
    pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("other backends read the dataset itself")
    ends = []

    class Told(Feed):
        def on_epoch_end(self):
            ends.append(self)
            super().on_epoch_end()

    histories = []
    for how in (lambda feed: feed, tf_data.untuned):
        generator = ImageDataGenerator(rescale=1 / 255, rotation_range=30)
        flow = generator.flow_from_directory(marks, **SMALL, seed=3)
        feed = Told(flow, samples=flow.n, share=Share(), training=True)
        read = how(feed)
        seek = Seek(feed, seed=5, notify=read is not feed)
        fit = _model().fit(read, shuffle=False, epochs=3, verbose=0, callbacks=[seek])
        histories.append(fit.history["loss"])
    assert ends.count(feed) == 3
    np.testing.assert_allclose(*histories, rtol=1e-6)
    assert not read.options().autotune.enabled and read.cardinality() == len(flow)


def test_an_endless_dataset_that_is_begun_anew_reads_the_same_epochs(marks):
    pytest.importorskip("tensorflow")
    generator = ImageDataGenerator(rescale=1 / 255, rotation_range=30)
    flow, same = (generator.flow_from_directory(marks, **SMALL, seed=3) for _ in range(2))
    expected = []
    for epoch in (2, 3):
        same.seek(epoch)
        expected += [same[number][0] for number in range(len(same))]
    with tf_data.endless(flow, flow.seek, first=2) as dataset:
        old = iter(dataset)
        next(old)
        new = iter(dataset)
        read = [next(new)[0].numpy()]
        left = sum(1 for _ in old)  # those that TensorFlow had read ahead
        read += [next(new)[0].numpy() for _ in expected[1:]]
    np.testing.assert_array_equal(read, expected)
    assert left <= 3
    assert sum(1 for _ in new) <= 3  # nothing is read after the context


def test_validation_evaluation_and_prediction_run_in_the_order_of_filenames(marks):
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(marks, **SMALL, shuffle=False)
    model = _model()
    model.fit(flow, validation_data=flow, epochs=2, verbose=0)
    model.evaluate(flow, verbose=0)
    pictures = np.stack([files.read(path)[:16, :16] for path in flow.filepaths]) / 255
    expected = model.predict(pictures.astype("float32"), verbose=0)
    np.testing.assert_allclose(model.predict(flow, verbose=0), expected, rtol=1e-5)


def test_a_dataset_of_tensorflow_yields_epoch_after_epoch(marks):
    pytest.importorskip("tensorflow")
    flow = ImageDataGenerator().flow_from_directory(marks, **SMALL, seed=1)
    same = ImageDataGenerator().flow_from_directory(marks, **SMALL, seed=1)
    dataset = flow.as_tf_dataset()
    assert dataset.cardinality() == len(flow)
    for _ in range(2):
        for number, (x, y) in enumerate(dataset.as_numpy_iterator()):
            expected_x, expected_y = same[number]
            np.testing.assert_array_equal(x, expected_x)
            np.testing.assert_array_equal(y, expected_y)
        same.on_epoch_end()
    arrays = ImageDataGenerator().flow((np.ones((5, 4, 4, 3)), [np.ones(5), np.ones((5, 2))]))
    (x, first, second) = next(iter(arrays.as_tf_dataset()))
    assert (x.shape, first.shape, second.shape) == ((5, 4, 4, 3), (5,), (5, 2))


@pytest.mark.parametrize("where", ["auto", True, "disk"])
def test_later_epochs_do_not_decode(marks, tmp_path, reads, where):
    where = tmp_path / "cache" if where == "disk" else where
    options = {**SMALL, "shuffle": False}
    flow = ImageDataGenerator(cache=where, prefetch=0).flow_from_directory(marks, **options)
    first = [next(flow)[0] for _ in range(5)]
    assert len(reads) == 20
    for expected in first:
        np.testing.assert_array_equal(next(flow)[0], expected)
    assert len(reads) == 20


def test_a_changed_file_is_read_again(marks, tmp_path):
    for where in (True, tmp_path / "cache"):
        flow = ImageDataGenerator(cache=where, prefetch=0).flow_from_directory(
            marks, **SMALL, shuffle=False, class_mode=None
        )
        assert greys(flow[0])[1] == 4
        Image.new("RGB", (20, 24), (255, 255, 255)).save(marks / "dark" / "01.png")
        assert greys(flow[0])[1] == 255
        Image.new("RGB", (20, 24), (4, 4, 4)).save(marks / "dark" / "01.png")


def test_a_cache_on_disk_outlives_its_process_and_keeps_options_apart(marks, tmp_path, reads):
    generator = ImageDataGenerator(cache=tmp_path / "cache", prefetch=0)
    for options in ({}, {"color_mode": "grayscale"}, {"interpolation": "box"}, {}):
        reads.clear()
        flow = generator.flow_from_directory(marks, **SMALL, shuffle=False, **options)
        for number in range(len(flow)):
            flow[number]
    assert not reads  # the last has the options of the first
    assert len(list((tmp_path / "cache").iterdir())) == 3


def _fill_cache(folder, where, barrier, results):
    flow = ImageDataGenerator(cache=where).flow_from_directory(
        folder, **SMALL, shuffle=False, class_mode=None
    )
    barrier.wait()
    results.put(np.concatenate([greys(flow[number]) for number in range(len(flow))]))


@pytest.mark.slow
def test_processes_share_a_cache_on_disk(marks, tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(3), context.Queue()
    arguments = (marks, tmp_path / "cache", barrier, results)
    processes = [context.Process(target=_fill_cache, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    greys = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    for levels in greys:
        np.testing.assert_array_equal(levels, [*range(0, 48, 4), *range(120, 152, 4)])


def test_automatic_caches_together_take_a_quarter_of_free_memory(marks, reads, monkeypatch):
    monkeypatch.setattr(cache, "free_memory", lambda: 4 * 27 * 16 * 16 * 3)
    monkeypatch.setattr(cache, "_automatic", weakref.WeakSet())
    generator = ImageDataGenerator(prefetch=0)
    flows = [generator.flow_from_directory(marks, **SMALL, shuffle=False) for _ in range(3)]
    for flow, cached in zip(flows, (20, 7, 0), strict=True):
        for _ in range(2):
            reads.clear()
            for number in range(len(flow)):
                flow[number]
        assert len(reads) == 20 - cached
    del flow, flows
    gc.collect()
    assert not cache._automatic


def test_a_cache_that_cannot_be_written_gets_a_sentence(marks, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cache=.*name another"):
        ImageDataGenerator(cache=tmp_path / "file").flow_from_directory(marks)


def test_free_memory_is_a_plausible_number():
    assert 2**20 < cache.free_memory() < 2**50


def test_memory_stays_bounded_over_ten_epochs(marks):
    generator = ImageDataGenerator(rotation_range=10, prefetch=2)
    flow = generator.flow_from_directory(marks, target_size=(96, 96), batch_size=4)
    batch, kept = 4 * 96 * 96 * 3 * 4, 20 * 96 * 96 * 3
    next(flow)
    tracemalloc.start()
    for _ in range(10 * len(flow)):
        next(flow)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # This batch and the last, two ahead, and a few pictures that threads are working on.
    assert peak < 5 * batch + kept
