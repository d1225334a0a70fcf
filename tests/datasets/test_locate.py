"""Sets are found in their folders, and small sets are read into arrays."""

import gzip
import importlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from download_server import idx, npz, write_picture

from keras_cnn import datasets
from keras_cnn.errors import InputError


def test_the_environment_names_the_root(place):
    assert datasets.root() == place


def test_without_environment_the_root_is_data_here_or_in_the_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_CNN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert datasets.root() == Path(datasets.__file__).parents[2] / "data"
    (tmp_path / "data").mkdir()
    assert datasets.root().resolve() == tmp_path / "data"


def test_from_a_wheel_data_lies_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_CNN_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module("keras_cnn.datasets.locate")
    monkeypatch.setattr(module, "_CHECKOUT", tmp_path / "site-packages")
    assert datasets.root() == tmp_path / "home" / "keras_cnn" / "data"
    assert "site-packages" not in module.way_out("birds")
    assert datasets.locate("calligraphy", data=tmp_path).path == tmp_path
    from keras_cnn.cli import doctor

    assert str(datasets.root()) in doctor.examine()["folders"]["data"]


def test_a_wheel_carries_the_calligraphy_sample(place, tmp_path, monkeypatch):
    write_picture(tmp_path / "shipped/calligraphy/train/kaishu/0.png")
    module = importlib.import_module("keras_cnn.datasets.locate")
    monkeypatch.setattr(module, "_SHIPPED", tmp_path / "shipped")
    location = datasets.locate("calligraphy")
    assert location.is_sample and location.path == tmp_path / "shipped/calligraphy"


def test_the_users_folder_comes_before_all_others(place, tmp_path):
    (place / "flowers").mkdir()
    mine = tmp_path / "my flowers 花"
    mine.mkdir()
    assert datasets.locate("flowers", data=mine) == datasets.Location(mine)


def test_a_missing_users_folder_is_refused_in_one_sentence(place):
    with pytest.raises(InputError, match=r"--data .*'nowhere'.*leave --data out") as caught:
        datasets.locate("flowers", data="nowhere")
    assert "\n" not in str(caught.value)


def test_the_real_set_comes_before_the_sample(place):
    (place / "flowers").mkdir()
    location = datasets.locate("flowers")
    assert location == datasets.Location(place / "flowers")


def test_keras_own_npz_at_the_root_is_found(place):
    (place / "mnist.npz").touch()
    assert datasets.locate("mnist").path == place / "mnist.npz"


def test_the_note_of_a_sample_says_how_to_get_the_real_set(place, tmp_path):
    location = datasets.locate("flowers")
    assert location.is_sample
    assert location.path == tmp_path / "checkout/data/samples/flowers"
    assert "sample" in location.note and str(place / "flowers") in location.note
    assert "\n" not in location.note


def test_a_missing_set_is_refused_with_both_folders(place, tmp_path):
    with pytest.raises(InputError) as caught:
        datasets.locate("bicycles")
    assert str(place / "bicycles") in str(caught.value)
    assert str(tmp_path / "checkout/data/samples/bicycles") in str(caught.value)


def test_a_wrong_folder_in_the_environment_does_not_fall_back_to_the_sample(place, monkeypatch):
    monkeypatch.setenv("KERAS_CNN_DATA", str(place / "typo"))
    with pytest.raises(InputError, match="KERAS_CNN_DATA must name an existing folder"):
        datasets.locate("flowers")


def test_the_table_lists_paths_and_class_names_of_one_split(tmp_path):
    for name in ("train/rose/b.png", "train/rose/a.png", "train/aster/c.png", "test/rose/d.png"):
        write_picture(tmp_path / name)
    write_picture(tmp_path / "train/.ipynb_checkpoints/a.png")
    assert datasets.splits(tmp_path) == ("train", "test")
    table = datasets.table(tmp_path, "train")
    assert list(table.columns) == ["path", "label"]
    assert list(table.label) == ["aster", "rose", "rose"]
    assert list(table.path) == [
        str(tmp_path / "train" / name) for name in ("aster/c.png", "rose/a.png", "rose/b.png")
    ]


def test_a_folder_of_classes_without_splits_is_listed_whole(tmp_path):
    for name in ("rose/a.png", "aster/c.png"):
        write_picture(tmp_path / name)
    assert datasets.splits(tmp_path) == ()
    assert list(datasets.table(tmp_path).label) == ["aster", "rose"]


def test_train_and_test_never_become_classes(tmp_path):
    write_picture(tmp_path / "train/rose/a.png")
    with pytest.raises(InputError, match="already split"):
        datasets.table(tmp_path)


def test_a_missing_split_is_named(tmp_path):
    write_picture(tmp_path / "train/rose/a.png")
    with pytest.raises(InputError, match="test is no folder"):
        datasets.table(tmp_path, "test")


def test_without_mnist_scikit_learns_digits_are_its_sample(place):
    location = datasets.locate("mnist")
    assert location.is_sample and 'fetch("mnist")' in location.note
    (x_train, y_train), (x_test, y_test) = datasets.arrays("mnist")
    assert x_train.shape == (1347, 28, 28) and x_test.shape == (450, 28, 28)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert x_train.max() == 255
    assert np.bincount(y_test).tolist() == [45, 46, 44, 46, 45, 46, 45, 45, 43, 45]
    again = datasets.arrays("mnist")[1][0]
    np.testing.assert_array_equal(x_test, again)


def test_labels_follow_the_order_of_the_catalogues_classes(place):
    for split in ("train", "test"):
        for value, name in enumerate(datasets.CATALOGUE["fashion_mnist"].classes):
            path = place / f"fashion_mnist/{split}/{name}/0.png"
            path.parent.mkdir(parents=True)
            cv2.imencode(".png", np.full((28, 28), value, np.uint8))[1].tofile(path)
    for x, y in datasets.arrays("fashion_mnist"):
        assert x.shape == (10, 28, 28) and x.dtype == np.uint8
        np.testing.assert_array_equal(x[:, 0, 0], y)


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", npz(x_train=np.zeros(3)), npz(x_train=np.zeros(3))[:-30]],
    ids=["empty", "no zip", "without y", "cut"],
)
def test_a_file_that_is_not_mnist_is_refused(place, content):
    (place / "mnist.npz").write_bytes(content)
    with pytest.raises(InputError, match="mnist.npz does not hold mnist"):
        datasets.arrays("mnist")


GREY, LABELS = np.zeros((4, 8, 8), np.uint8), np.array([0, 1, 1, 0])
WRONG = {  # message -> arrays
    "must be grey pictures": {"x_test": np.zeros((4, 8, 8, 3), np.uint8)},
    "of float64": {"x_train": GREY / 255},
    "must be 4 labels": {"y_train": LABELS[:3]},
    "whole numbers": {"y_test": LABELS / 2},
    "from 0 on": {"y_test": LABELS - 1},
    r"labels that y_train has not: \[2\]": {"y_test": LABELS + 1},
    "one class only": {"y_train": 0 * LABELS},
    "other pictures": {"x_test": GREY[:, :6]},
}


@pytest.mark.parametrize("message", WRONG)
def test_arrays_that_do_not_fit_are_refused(place, message):
    arrays = {"x_train": GREY, "x_test": GREY, "y_train": LABELS, "y_test": LABELS}
    (place / "mnist.npz").write_bytes(npz(**arrays | WRONG[message]))
    with pytest.raises(InputError, match=f"mnist.npz does not hold mnist as arrays .*{message}"):
        datasets.arrays("mnist")


def test_a_channel_axis_of_length_one_is_dropped(place):
    arrays = {"x_train": GREY[..., None], "x_test": GREY, "y_train": LABELS[:, None]}
    (place / "mnist.npz").write_bytes(npz(**arrays, y_test=LABELS))
    (x, y), _ = datasets.arrays("mnist")
    assert x.shape == (4, 8, 8) and y.shape == (4,)


def test_folders_whose_test_lacks_a_class_are_refused(place):
    for split, names in {"train": "abc", "test": "bc"}.items():
        for name in names:
            path = place / "mnist" / split / name / "0.png"
            path.parent.mkdir(parents=True)
            cv2.imencode(".png", GREY[0])[1].tofile(path)
    with pytest.raises(InputError, match=r"\['a', 'b', 'c'\] in train and \['b', 'c'\] in test"):
        datasets.arrays("mnist")


def test_a_truncated_idx_file_is_refused(place):
    folder = place / "fashion_mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(
        gzip.compress(gzip.decompress(idx(np.zeros((3, 28, 28), np.uint8)))[:-5])
    )
    with pytest.raises(InputError, match="does not hold fashion_mnist"):
        datasets.arrays("fashion_mnist")
