"""What the iterators do beyond the legacy ones: work ahead, cache, split, skip, feed Keras."""

import multiprocessing
import os
import random
import threading
import time
import tracemalloc
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy
from PIL import Image

from keras_cnn import ImageDataGenerator, InputError
from keras_cnn.images import cache, files

SMALL = {"target_size": (16, 16), "batch_size": 4}


@pytest.fixture
def marks(tmp_path):
    """Two classes of 12 and 8 pictures; every picture has a grey level of its own."""
    folder = tmp_path / "marks"
    for name, number, first in (("dark", 12, 0), ("light", 8, 120)):
        (folder / name).mkdir(parents=True)
        for index in range(number):
            grey = Image.new("RGB", (20, 24), (first + 4 * index,) * 3)
            grey.save(folder / name / f"{index:02}.png")
    return folder


@pytest.fixture
def reads(monkeypatch):
    """The paths of all files read, in order."""
    paths = []
    read = files.read
    monkeypatch.setattr(files, "read", lambda path, **how: paths.append(path) or read(path, **how))
    return paths


def _wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def _greys(batch):
    return batch[:, 0, 0, 0]


def test_iterators_are_what_keras_takes_and_scripts_know(marks):
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


def test_the_next_batches_are_made_before_they_are_asked_for_and_no_more(marks, reads):
    flow = ImageDataGenerator(prefetch=2).flow_from_directory(marks, **SMALL)
    assert not reads
    next(flow)
    _wait_for(lambda: len(reads) == 12)
    time.sleep(0.1)
    assert len(reads) == 12  # this batch and two more
    next(flow)
    _wait_for(lambda: len(reads) == 16)


def test_the_order_in_which_fit_asks_is_foreseen(marks, reads):
    flow = ImageDataGenerator(cache=False).flow_from_directory(marks, **SMALL)
    for _ in range(3):
        flow.on_epoch_begin()
        order = list(range(len(flow)))
        random.shuffle(order)  # as Keras does
        reads.clear()
        for number in order:
            flow[number]
        flow.on_epoch_end()
        assert len(reads) == flow.samples  # no wrong guess


def test_pictures_are_made_on_threads_as_many_as_asked_for(marks):
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


def test_training_goes_as_with_the_legacy_class(marks):
    losses = []
    for generator in (Legacy(rescale=1 / 255), ImageDataGenerator(rescale=1 / 255)):
        flow = generator.flow_from_directory(marks, **SMALL, seed=3)
        losses.append(_model().fit(flow, epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


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
def test_later_epochs_never_decode(marks, tmp_path, reads, where):
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
        assert _greys(flow[0])[1] == 4
        Image.new("RGB", (20, 24), (255, 255, 255)).save(marks / "dark" / "01.png")
        assert _greys(flow[0])[1] == 255
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
    results.put(np.concatenate([_greys(flow[number]) for number in range(len(flow))]))


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
    for found in greys:
        np.testing.assert_array_equal(found, [*range(0, 48, 4), *range(120, 152, 4)])


def test_an_automatic_cache_keeps_to_a_quarter_of_free_memory(marks, reads, monkeypatch):
    monkeypatch.setattr(cache, "free_memory", lambda: 4 * 7 * 16 * 16 * 3)
    flow = ImageDataGenerator(prefetch=0).flow_from_directory(marks, **SMALL, shuffle=False)
    for _ in range(2):
        reads.clear()
        for number in range(len(flow)):
            flow[number]
    assert len(reads) == 20 - 7


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
    # The batch in hand, the one just left, two ahead, and a few pictures in the making.
    assert peak < 5 * batch + kept


def _spoil(marks):
    (marks / "dark" / "03.png").write_bytes(b"no picture")
    (marks / "light" / "07.png").write_bytes((marks / "light" / "07.png").read_bytes()[:-30])
    return {"03.png", "07.png"}


def test_a_bad_file_stops_with_its_name_and_the_reason(marks):
    _spoil(marks)
    flow = ImageDataGenerator().flow_from_directory(marks, **SMALL, shuffle=False)
    with pytest.raises(InputError, match=r"03\.png.*it is no picture.*on_error"):
        next(flow)
    x, _ = next(flow)  # the batch after it is whole
    np.testing.assert_array_equal(_greys(x), [16, 20, 24, 28])


@pytest.mark.parametrize("source", ["directory", "dataframe"])
def test_skipping_bad_files_never_shifts_labels(marks, source):
    bad = _spoil(marks)
    generator = ImageDataGenerator(on_error="skip")
    options = {**SMALL, "shuffle": False, "class_mode": "sparse"}
    with pytest.warns(UserWarning, match="2 files are left out") as caught:
        if source == "directory":
            flow = generator.flow_from_directory(marks, **options)
        else:
            paths = sorted(marks.glob("*/*.png"))
            table = pd.DataFrame({"filename": paths, "class": [p.parent.name for p in paths]})
            flow = generator.flow_from_dataframe(table, **options)
    assert all(name in str(caught[0].message) for name in bad)
    assert flow.samples == 18 and not any(path.endswith(tuple(bad)) for path in flow.filepaths[:4])
    for _ in range(len(flow)):
        x, y = next(flow)
        np.testing.assert_array_equal(_greys(x) >= 120, y)


@pytest.mark.parametrize("source", ["directory", "dataframe"])
def test_a_stratified_split_is_fixed_whatever_the_seed(marks, source):
    generator = ImageDataGenerator(validation_split=0.25, stratified_split=True)
    paths = sorted(marks.glob("*/*.png"))
    table = pd.DataFrame({"filename": paths, "class": [path.parent.name for path in paths]})

    def part(subset, seed):
        if source == "directory":
            return generator.flow_from_directory(marks, subset=subset, seed=seed)
        return generator.flow_from_dataframe(table, subset=subset, seed=seed)

    train, validation = part("training", 1), part("validation", 2)
    assert np.bincount(validation.classes).tolist() == [3, 2]
    assert not set(train.filenames) & set(validation.filenames)
    assert train.samples + validation.samples == 20
    assert validation.filenames == part("validation", 5).filenames
    assert validation.filenames != sorted(train.filenames + validation.filenames)[:5]
    first_of_each = [f"{marks / 'dark' / f'{i:02}.png'}" for i in range(3)]
    assert set(validation.filepaths[:3]) != set(first_of_each)


def test_arrays_are_split_by_class_too():
    generator = ImageDataGenerator(validation_split=0.2, stratified_split=True)
    x, labels = np.arange(50)[:, None, None, None] * np.ones((1, 4, 4, 3)), np.arange(50) // 25
    for y in (labels, np.eye(2)[labels]):
        flows = [generator.flow(x, y, subset=subset) for subset in ("training", "validation")]
        parts = [set(_greys(flow.x)) for flow in flows]
        assert not parts[0] & parts[1] and [len(part) for part in parts] == [40, 10]
        assert sum(number < 25 for number in parts[1]) == 5


def test_uint8_arrays_are_not_blown_up():
    x = np.zeros((4, 8, 8, 3), np.uint8)
    flow = ImageDataGenerator(rescale=1 / 255).flow(x)
    assert flow.x is x and next(flow).dtype == np.float32


def test_reduced_decoding_gives_batches_of_the_same_shape(tmp_path):
    (tmp_path / "a").mkdir()
    ramp = np.linspace(0, 255, 600).astype(np.uint8)
    Image.fromarray(np.tile(ramp, (400, 1))).save(tmp_path / "a" / "ramp.jpg")
    options = {"target_size": (50, 50), "class_mode": None}
    exact, reduced = (
        next(ImageDataGenerator(reduced_decoding=how).flow_from_directory(tmp_path, **options))
        for how in (False, True)
    )
    assert reduced.shape == exact.shape and np.abs(reduced - exact).max() < 8


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"fill_mode": "mirror"}, "fill_mode.*'mirror'"),
        ({"interpolation_order": 6}, "0 to 5; received 6"),
        ({"validation_split": 1.5}, "between 0 and 1; received 1.5"),
        ({"on_error": "ignore"}, "on_error.*'ignore'"),
        ({"brightness_range": 0.5}, "two numbers; received 0.5"),
        ({"zoom_range": [1, 2, 3]}, "two of them; received"),
        ({"data_format": "nchw"}, "data_format='nchw'"),
    ],
)
def test_an_option_out_of_range_gets_a_sentence(options, sentence):
    with pytest.raises(InputError, match=sentence):
        ImageDataGenerator(**options)


@pytest.mark.parametrize(
    ("flow", "sentence"),
    [
        ({"color_mode": "cmyk"}, "color_mode.*'cmyk'"),
        ({"interpolation": "area"}, "interpolation.*'area'"),
        ({"class_mode": "raw"}, "class_mode='raw'"),
        ({"subset": "test"}, "subset='test'"),
        ({"subset": "validation"}, "validation_split=0.0"),
    ],
)
def test_an_unknown_option_of_a_folder_gets_a_sentence(marks, flow, sentence):
    with pytest.raises(InputError, match=sentence):
        ImageDataGenerator().flow_from_directory(marks, **flow)


@pytest.mark.parametrize(
    ("flow", "sentence"),
    [
        ({"y_col": "label"}, r"\['filename', 'class', 'number'\]; received 'label'"),
        ({"x_col": "number"}, "x_col='number' must hold file names"),
        ({"y_col": "number"}, r"y_col='number'.*astype\(str\)"),
        ({"class_mode": "binary", "classes": ["dark"]}, r"two classes; found \['dark'\]"),
        ({"class_mode": "multi_output"}, "a list of columns"),
        ({"weight_col": "class"}, "weight_col='class' must hold numbers"),
        ({"directory": "nowhere"}, "directory='nowhere'"),
    ],
)
def test_a_table_that_does_not_suit_gets_a_sentence(marks, flow, sentence):
    table = pd.DataFrame(
        {"filename": ["dark/00.png", "light/01.png"], "class": ["dark", "light"], "number": [1, 2]}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match=sentence):
            ImageDataGenerator().flow_from_dataframe(table, **{"directory": str(marks)} | flow)


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (np.ones((3, 8, 8)), None, r"x.shape=\(3, 8, 8\)"),
        (np.ones((3, 8, 8, 3)), np.ones(2), r"same length; received \[3, 2\]"),
    ],
)
def test_arrays_that_do_not_suit_get_a_sentence(x, y, sentence):
    with pytest.raises(InputError, match=sentence):
        ImageDataGenerator().flow(x, y)


def test_rows_without_a_file_are_left_out_with_a_warning(marks):
    table = pd.DataFrame({"filename": ["dark/00.png", "dark/99.png"], "class": ["dark", "light"]})
    with pytest.warns(UserWarning, match="1 of 2 rows are left out"):
        flow = ImageDataGenerator().flow_from_dataframe(table, str(marks))
    assert flow.filenames == ["dark/00.png"]


def test_normalisation_without_fit_warns():
    generator = ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match="no effect before .fit"):
        generator.standardize(np.ones((4, 4, 3), np.float32))


def test_options_that_imply_others_say_so():
    with pytest.warns(UserWarning, match="zca_whitening=True sets featurewise_center=True"):
        assert ImageDataGenerator(zca_whitening=True).featurewise_center
