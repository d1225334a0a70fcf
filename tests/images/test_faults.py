"""Bad files, bad options and `validation_split`."""

import warnings

import numpy as np
import pandas as pd
import pytest
from grey_pictures import SMALL, greys
from PIL import Image

from keras_cnn import ImageDataGenerator, InputError
from keras_cnn.images.subsets import subset_indices


def _damage_two_files(marks):
    (marks / "dark" / "03.png").write_bytes(b"no picture")
    (marks / "light" / "07.png").write_bytes((marks / "light" / "07.png").read_bytes()[:-30])
    return {"03.png", "07.png"}


def test_a_bad_file_raises_an_error_with_its_name_and_the_reason(marks):
    _damage_two_files(marks)
    flow = ImageDataGenerator().flow_from_directory(marks, **SMALL, shuffle=False)
    with pytest.raises(InputError, match=r"03\.png.*it is no picture.*on_error"):
        next(flow)
    x, _ = next(flow)  # the next batch is complete
    np.testing.assert_array_equal(greys(x), [16, 20, 24, 28])


@pytest.mark.parametrize("source", ["directory", "dataframe"])
def test_skipping_bad_files_never_shifts_labels(marks, source):
    bad = _damage_two_files(marks)
    generator = ImageDataGenerator(on_error="skip")
    options = {**SMALL, "shuffle": False, "class_mode": "sparse"}
    with pytest.warns(UserWarning, match="2 files are left out") as warned:
        if source == "directory":
            flow = generator.flow_from_directory(marks, **options)
        else:
            paths = sorted(marks.glob("*/*.png"))
            table = pd.DataFrame({"filename": paths, "class": [p.parent.name for p in paths]})
            flow = generator.flow_from_dataframe(table, **options)
    assert all(name in str(warned[0].message) for name in bad)
    assert flow.samples == 18 and not any(path.endswith(tuple(bad)) for path in flow.filepaths[:4])
    for _ in range(len(flow)):
        x, y = next(flow)
        np.testing.assert_array_equal(greys(x) >= 120, y)


@pytest.mark.parametrize("source", ["directory", "dataframe"])
def test_a_stratified_split_does_not_depend_on_the_seed(marks, source):
    generator = ImageDataGenerator(validation_split=0.25, stratified_split=True)
    # Relative names: the random draw depends on the names. A temporary folder has another name in
    # every run, and one name in 220 would draw the first pictures.
    paths = sorted(path.relative_to(marks).as_posix() for path in marks.glob("*/*.png"))
    table = pd.DataFrame({"filename": paths, "class": [path.split("/")[0] for path in paths]})

    def flow(subset, seed):
        if source == "directory":
            return generator.flow_from_directory(marks, subset=subset, seed=seed)
        return generator.flow_from_dataframe(table, marks, subset=subset, seed=seed)

    train, validation = flow("training", 1), flow("validation", 2)
    assert np.bincount(validation.classes).tolist() == [3, 2]
    assert not set(train.filenames) & set(validation.filenames)
    assert train.samples + validation.samples == 20
    assert validation.filenames == flow("validation", 5).filenames
    assert validation.filenames != sorted(train.filenames + validation.filenames)[:5]
    first_of_each = [f"{marks / 'dark' / f'{i:02}.png'}" for i in range(3)]
    assert set(validation.filepaths[:3]) != set(first_of_each)


def test_a_stratified_split_takes_names_that_are_not_utf8():
    groups = np.repeat([0, 1], 8)
    options = {"subset": "validation", "validation_split": 0.25}
    indices = subset_indices(groups, key="\udcb9\udcb7/0.png", **options)
    assert np.bincount(groups[indices]).tolist() == [2, 2]
    np.testing.assert_array_equal(
        subset_indices(groups, key="狗/0.png", **options), [2, 3, 10, 13]
    )  # names in UTF-8 draw what they always drew


def test_a_stratified_split_of_arrays_splits_each_class():
    generator = ImageDataGenerator(validation_split=0.2, stratified_split=True)
    x, labels = np.arange(50)[:, None, None, None] * np.ones((1, 4, 4, 3)), np.arange(50) // 25
    for y in (labels, np.eye(2)[labels]):
        flows = [generator.flow(x, y, subset=subset) for subset in ("training", "validation")]
        training, validation = (set(greys(flow.x)) for flow in flows)
        assert not training & validation and (len(training), len(validation)) == (40, 10)
        assert sum(number < 25 for number in validation) == 5


def test_uint8_arrays_stay_uint8_in_memory():
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
        ({"background": "whyte"}, "background must be the name of a colour.*'whyte'"),
        ({"background": 255}, "background.*received 255"),
        ({"rotation_range": float("inf")}, "rotation_range must be finite; received inf"),
        ({"zoom_range": (0.5, float("nan"))}, "zoom_range must be finite; received .0.5, nan"),
    ],
)
def test_an_option_outside_its_range_is_refused_in_one_sentence(options, sentence):
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
def test_an_unknown_option_of_a_folder_is_refused_in_one_sentence(marks, flow, sentence):
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
def test_a_table_with_wrong_columns_is_refused_in_one_sentence(marks, flow, sentence):
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
def test_arrays_of_wrong_shape_are_refused_in_one_sentence(x, y, sentence):
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


def test_an_option_that_sets_another_warns():
    with pytest.warns(UserWarning, match="zca_whitening=True sets featurewise_center=True"):
        assert ImageDataGenerator(zca_whitening=True).featurewise_center
