"""Iterators of old scripts, and their hooks, give the batches of Keras' legacy classes."""

import itertools

import numpy as np
import pandas as pd
import pytest
from grey_pictures import SMALL
from keras.src.legacy.preprocessing import image as theirs

from keras_cnn import ImageDataGenerator, InputError
from keras_cnn import legacy as ours

pytestmark = [
    # Warnings of the legacy class.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
AUGMENTATION = {"rotation_range": 20, "width_shift_range": 0.2, "horizontal_flip": True}


def _assert_equal_batches(mine, other):
    for array, expected in zip(_arrays(mine), _arrays(other), strict=True):
        np.testing.assert_allclose(array, expected, atol=0.01)


def _arrays(batch):
    return [part for item in batch for part in _arrays(item)] if _is_nested(batch) else [batch]


def _is_nested(batch):
    return isinstance(batch, (tuple, list))


class _Plain:
    pass


def _both(marks, mixin=_Plain, *, name="DirectoryIterator", augmentation=AUGMENTATION, **options):
    """Return the same flow of a subclass of ours and of a subclass of the legacy class."""
    flows = []
    for module in (ours, theirs):
        kind = type("Flow", (mixin, getattr(module, name)), {})
        generator = module.ImageDataGenerator(**augmentation)
        flows.append(kind(str(marks), generator, **SMALL | {"seed": 3} | options))
    return flows


def _table(marks):
    names = sorted(path.relative_to(marks).as_posix() for path in marks.glob("*/*.png"))
    return pd.DataFrame({"filename": names, "class": [name.split("/")[0] for name in names]})


def test_the_iterators_of_a_generator_are_of_the_classes_that_scripts_ask_for(marks):
    generator = ImageDataGenerator()
    x = np.zeros((4, 8, 8, 3))
    flows = {
        "DirectoryIterator": generator.flow_from_directory(marks, **SMALL),
        "DataFrameIterator": generator.flow_from_dataframe(_table(marks), marks, **SMALL),
        "NumpyArrayIterator": generator.flow(x),
    }
    for name, flow in flows.items():
        assert isinstance(flow, getattr(ours, name)) and isinstance(flow, ours.Iterator)
        from_files = name != "NumpyArrayIterator"
        assert isinstance(flow, ours.BatchFromFilesMixin) == from_files


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_constructors_take_the_legacy_arguments(marks, shuffle):
    x = np.random.default_rng(0).uniform(0, 255, (10, 12, 12, 3)).astype("float32")
    flows = []
    for module in (ours, theirs):
        generator = module.ImageDataGenerator(validation_split=0.4, **AUGMENTATION)
        size = SMALL["target_size"]
        flows.append(
            [
                module.DirectoryIterator(
                    str(marks), generator, size, "rgb", None, "sparse", 4, shuffle, 7, None, None,
                    "", "png", False, "training", "bilinear",
                ),
                module.DataFrameIterator(
                    _table(marks), str(marks), generator, "filename", "class", None, size, "rgb",
                    None, "categorical", 4, shuffle, 7,
                ),
                module.NumpyArrayIterator(x, np.arange(10), generator, 4, shuffle, None, 7),
            ]
        )  # fmt: skip
    for mine, other in zip(*flows, strict=True):
        assert (mine.n, len(mine)) == (other.n, len(other))
        for _ in range(7):
            _assert_equal_batches(next(mine), next(other))


class _Inverted:
    """Changes the batch that the class makes."""

    def _get_batches_of_transformed_samples(self, index_array):
        x, y = super()._get_batches_of_transformed_samples(index_array)
        noise = np.random.normal(0, 1, x.shape)
        return 255 - x + noise, (y, self.classes[index_array])


class _Own:
    """Makes the batch itself, by the methods of the generator."""

    def _get_batches_of_transformed_samples(self, index_array):
        batch = np.zeros((len(index_array), *self.image_shape), "float32")
        for row, index in enumerate(index_array):
            picture = np.full(self.image_shape, 10.0 * index, "float32")
            picture[:4] = 200
            picture = self.image_data_generator.random_transform(picture)
            batch[row] = self.image_data_generator.standardize(picture)
        return batch, np.array([self.classes[index] for index in index_array])


class _Balanced:
    """Draws an order of its own."""

    def _set_index_array(self):
        self.index_array = np.random.choice(self.n, self.n)


class _Locked:
    """Overrides `next` with the lock and the index generator."""

    def next(self):
        with self.lock:
            index_array = next(self.index_generator)
        return self._get_batches_of_transformed_samples(index_array)

    __next__ = next


class _Triple:
    """The same, for Keras before 2.0.9."""

    def next(self):
        with self.lock:
            index_array, current_index, current_batch_size = next(self.index_generator)
        assert len(index_array) == current_batch_size
        assert current_index % self.batch_size == 0
        return self._get_batches_of_transformed_samples(index_array)


@pytest.mark.parametrize(
    "mixin, by",
    [
        *itertools.product([_Inverted, _Own, _Balanced], ["next", "number"]),
        (_Locked, "next"),  # it has no influence on numbered batches
    ],
)
def test_an_overridden_hook_gives_the_batches_of_the_legacy_class(marks, mixin, by):
    mine, other = _both(marks, mixin, class_mode="sparse")
    for epoch in range(2):
        for number in range(len(mine)):
            if by == "next":
                _assert_equal_batches(next(mine), next(other))
                assert mine.batch_index == other.batch_index
            else:
                np.random.seed(epoch)  # what the legacy class leaves to the global state
                expected = other[number]
                np.random.seed(epoch)
                _assert_equal_batches(mine[number], expected)
            assert mine.total_batches_seen == other.total_batches_seen
        if by == "number":
            for flow in (other, mine):
                np.random.seed(epoch)
                flow.on_epoch_end()


def test_the_index_generator_can_be_unpacked_as_in_older_versions_of_keras(marks):
    mine, other = _both(marks, class_mode="sparse")
    old = type("Flow", (_Triple, ours.DirectoryIterator), {})(
        str(marks), ImageDataGenerator(**AUGMENTATION), **SMALL, seed=3, class_mode="sparse"
    )
    for _ in range(7):
        expected = next(other)
        _assert_equal_batches(next(mine), expected)
        _assert_equal_batches(next(old), expected)


def test_the_numbers_of_a_batch_are_an_array_in_every_other_use(marks):
    flow, _ = _both(marks, batch_size=3)
    indices = next(flow.index_generator)
    assert list(indices) == [number for number in indices] == indices.tolist()
    assert len(indices) == 3 and [i for i, _ in enumerate(indices)] == [0, 1, 2]
    first, second, third = indices[:3]
    assert [first, second, third] == indices.tolist()


def test_files_and_classes_can_be_replaced(marks):
    mine, other = _both(marks, class_mode="sparse", shuffle=False)
    next(mine), next(other)
    for flow in (mine, other):
        keep = [0, 2, 5, 7, 9]
        flow.filenames = [flow.filenames[index] for index in keep]
        flow.classes = flow.classes[keep]
        flow.samples = flow.n = len(keep)
        flow._filepaths = (
            [flow._filepaths[index] for index in keep] if flow is other else (flow._filepaths)
        )
        flow.reset()
        flow._set_index_array()
    assert len(mine) == len(other) == 2
    for _ in range(5):
        _assert_equal_batches(next(mine), next(other))
    for number in range(2):
        _assert_equal_batches(mine[number], other[number])


def test_the_order_can_be_assigned(marks):
    mine, other = _both(marks, class_mode="sparse")
    order = np.arange(mine.n)[::-1]
    next(mine), next(other)
    for flow in (mine, other):
        flow.index_array = order
    for number in range(len(mine)):
        _assert_equal_batches(mine[number], other[number])
    for _ in range(len(mine) - 1):
        _assert_equal_batches(next(mine), next(other))


def test_a_loop_that_counts_batches_stops_at_the_end_of_the_epoch(marks):
    flow = ImageDataGenerator().flow_from_directory(marks, **SMALL, shuffle=False)
    names = []
    for _ in flow:
        first = (flow.batch_index - 1) * flow.batch_size
        names += flow.filenames[first:][: flow.batch_size] if first >= 0 else []
        if flow.batch_index == 0:
            break
    assert names == flow.filenames[: len(names)] and flow.total_batches_seen == len(flow)


class _Words:
    """An iterator of a script's own data."""

    def __init__(self, n, **options):
        super().__init__(n, options["batch_size"], options["shuffle"], options["seed"])

    def _get_batches_of_transformed_samples(self, index_array):
        return index_array * 2.0, np.random.rand(len(index_array))


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_iterator_of_own_data_draws_as_under_the_legacy_class(shuffle):
    options = {"batch_size": 4, "shuffle": shuffle, "seed": 5}
    mine, other = (
        type("Words", (_Words, module.Iterator), {})(10, **options) for module in (ours, theirs)
    )
    for _ in range(7):
        _assert_equal_batches(next(mine), next(other))
        assert mine.batch_index == other.batch_index
    for number in range(3):
        _assert_equal_batches(mine[number], other[number])


class _Listed:
    """An iterator that lists its files itself."""

    def __init__(self, paths, generator, size):
        super().set_processing_attrs(
            generator, size, "rgb", "channels_last", None, "", "png", None, "nearest", False
        )
        self._paths = paths
        self.class_mode = "sparse"
        self.classes = np.arange(len(paths))
        self.class_indices = {str(number): number for number in self.classes}
        self.dtype = "float32"
        super().__init__(len(paths), 4, True, 2)

    @property
    def filepaths(self):
        return self._paths

    @property
    def sample_weight(self):
        return None


def test_an_iterator_of_own_files_reads_and_changes_them_as_the_legacy_mixin_does(marks):
    paths = sorted(map(str, marks.glob("*/*.png")))
    flows = []
    for module in (ours, theirs):
        kind = type("Listed", (_Listed, module.BatchFromFilesMixin, module.Iterator), {})
        generator = module.ImageDataGenerator(rescale=1 / 255, **AUGMENTATION)
        flows.append(kind(paths, generator, SMALL["target_size"]))
    mine, other = flows
    for _ in range(7):
        _assert_equal_batches(next(mine), next(other))
    with pytest.raises(InputError, match="interpolation must be one of"):
        mine.set_processing_attrs(None, (8, 8), "rgb", "channels_last", None, "", "", None, "best")


def test_an_iterator_without_the_method_that_makes_batches_says_so():
    with pytest.raises(NotImplementedError, match="Iterator must define _get_batches"):
        next(ours.Iterator(4, 2, False, None))


class _Folder(ImageDataGenerator):
    def flow_from_directory(self, directory, *args, **options):
        return super().flow_from_directory(directory, *args, **options)


def test_a_subclass_passes_fourteen_arguments_by_position(marks):
    places = ((8, 8), "rgb", None, "sparse", 4, False, 1, None, "", "png", False, None, "bilinear")
    flow = _Folder().flow_from_directory(marks, *places)
    assert flow.class_mode == "sparse" and flow.interpolation == "bilinear"


def test_options_of_older_versions_of_keras_are_told_once(marks):
    table = _table(marks).assign(number=range(len(_table(marks))))
    options = {"directory": str(marks), "shuffle": False, **SMALL}
    with pytest.warns(FutureWarning, match='is now called "raw"'):
        flow = ImageDataGenerator().flow_from_dataframe(
            table, y_col="number", class_mode="other", **options
        )
    np.testing.assert_array_equal(next(flow)[1], np.arange(len(flow[0][1])))
    for name in ("has_ext", "sort", "drop_duplicates"):
        with pytest.warns(UserWarning, match=f"{name}= has no effect"):
            ImageDataGenerator().flow_from_dataframe(table, **options, **{name: True})
    with pytest.raises(TypeError, match="no argument 'typo'"):
        ImageDataGenerator().flow_from_dataframe(table, **options, typo=1)
