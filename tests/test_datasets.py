"""Where data lie, and how they are fetched: no test touches the network."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_cnn import datasets
from keras_cnn.errors import InputError


def write_picture(path, value=128):
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, encoded = cv2.imencode(path.suffix, np.full((8, 8, 3), value, np.uint8))
    assert ok
    path.write_bytes(encoded.tobytes())


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty data folder, and a checkout whose samples hold `flowers` only."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("KERAS_CNN_DATA", str(data))
    monkeypatch.setattr(datasets, "_CHECKOUT", tmp_path / "checkout")
    write_picture(tmp_path / "checkout/data/samples/flowers/train/rose/0.png")
    return data


def test_the_environment_names_the_root(place):
    assert datasets.root() == place


def test_without_environment_the_root_is_data_here_then_data_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_CNN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert datasets.root() == Path(datasets.__file__).parents[1] / "data"
    (tmp_path / "data").mkdir()
    assert datasets.root().resolve() == tmp_path / "data"


def test_the_users_folder_goes_before_everything(place, tmp_path):
    (place / "flowers").mkdir()
    mine = tmp_path / "my flowers 花"
    mine.mkdir()
    assert datasets.locate("flowers", data=mine) == datasets.Location(mine)


def test_a_missing_users_folder_is_told_in_one_sentence(place):
    with pytest.raises(InputError, match=r"--data .*'nowhere'.*leave --data out") as caught:
        datasets.locate("flowers", data="nowhere")
    assert "\n" not in str(caught.value)


def test_the_real_set_goes_before_the_sample(place):
    (place / "flowers").mkdir()
    found = datasets.locate("flowers")
    assert found == datasets.Location(place / "flowers")


def test_keras_own_npz_at_the_root_is_found(place):
    (place / "mnist.npz").touch()
    assert datasets.locate("mnist").path == place / "mnist.npz"


def test_a_sample_says_so_and_how_to_get_the_real_set(place, tmp_path):
    found = datasets.locate("flowers")
    assert found.is_sample
    assert found.path == tmp_path / "checkout/data/samples/flowers"
    assert "sample" in found.note and str(place / "flowers") in found.note
    assert "\n" not in found.note


def test_a_set_that_is_nowhere_names_both_places(place, tmp_path):
    with pytest.raises(InputError) as caught:
        datasets.locate("bicycles")
    assert str(place / "bicycles") in str(caught.value)
    assert str(tmp_path / "checkout/data/samples/bicycles") in str(caught.value)


def test_a_typo_in_the_environment_is_no_reason_to_train_on_the_sample(place, monkeypatch):
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


def test_train_and_test_are_never_taken_for_classes(tmp_path):
    write_picture(tmp_path / "train/rose/a.png")
    with pytest.raises(InputError, match="already split"):
        datasets.table(tmp_path)


def test_a_missing_split_is_named(tmp_path):
    write_picture(tmp_path / "train/rose/a.png")
    with pytest.raises(InputError, match="test is no folder"):
        datasets.table(tmp_path, "test")
