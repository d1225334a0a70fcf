"""Which folders are splits and classes: `check`, training and `evaluate` decide alike."""

import inspect
import os
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_cnn import datasets
from keras_cnn.datasets import folders
from keras_cnn.datasets.check import check
from keras_cnn.errors import InputError
from keras_cnn.images import ImageDataGenerator, files
from keras_cnn.recipe import Recipe
from keras_cnn.splits import classification_splits

GBK_PANDA = os.fsdecode("熊猫".encode("gbk"))  # as unzipped from an archive of Chinese Windows


def write(folder, *, number=4, seed=0):
    """Write pictures of smooth noise, none of which looks like another."""
    folder.mkdir(parents=True, exist_ok=True)
    place = os.fsencode(os.path.join(*folder.parts[-2:]))  # the same in every run of the tests
    for index in range(number):
        rng = np.random.default_rng([seed, index, *place])
        picture = cv2.resize(
            rng.integers(0, 256, (6, 6, 3), np.uint8), (24, 24), interpolation=cv2.INTER_CUBIC
        )
        (folder / f"{index}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())


def training(folder, **choices):
    recipe = Recipe(
        name="mine", dataset="mine", data=folder, image_size=24, batch_size=4, **choices
    )
    return classification_splits(recipe, ImageDataGenerator())


def kinds(folder):
    return [(finding.kind, finding.path) for finding in check(folder).findings]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("train", "test"), ("train", "test")),
        (("train", "valid", "test"), ("train", "validation", "test")),
        (("Training", "Testing"), ("train", "test")),
        (("Train", "Validation", "Test"), ("train", "validation", "test")),
        (("TRAIN", "dev"), ("train", "validation")),
    ],
)
def test_split_folders_may_have_the_usual_names_in_any_case(tmp_path, names, expected):
    for name in names:
        for label in ("cat", "dog"):
            write(tmp_path / name / label, number=6)
    assert datasets.splits(tmp_path) == expected
    splits = training(tmp_path)
    assert splits.class_names == ["cat", "dog"]
    if len(expected) == 3:
        assert {len(targets) for targets in splits.targets.values()} == {12}
    assert set(check(tmp_path).counts) == set(names)
    assert check(tmp_path).findings == ()


def test_a_class_called_train_is_a_class(tmp_path):
    for name in ("bus", "car", "train", "truck"):
        write(tmp_path / name, number=8)
    assert datasets.splits(tmp_path) == ()
    assert training(tmp_path).class_names == ["bus", "car", "train", "truck"]
    assert check(tmp_path).counts == {"": dict.fromkeys(("bus", "car", "train", "truck"), 8)}
    assert check(tmp_path).findings == ()


def test_a_test_folder_without_class_folders_is_left_out_and_reported(tmp_path, capsys):
    for label in ("cat", "dog"):
        write(tmp_path / "train" / label, number=12)
    write(tmp_path / "test")
    splits = training(tmp_path)
    assert "test (is neither a split nor in one)" in capsys.readouterr().out
    assert any("test" in note for note in splits.facts["notes"])
    assert sum(map(len, splits.targets.values())) == 24
    assert kinds(tmp_path) == [("not used", "test")]


def test_a_second_folder_of_a_split_is_reported(tmp_path):
    for name in ("train", "val", "valid", "test"):
        for label in ("cat", "dog"):
            write(tmp_path / name / label)
    assert kinds(tmp_path) == [("not used", "valid")]
    assert "valid (is a second folder" in folders.read_layout(tmp_path).note()


def test_a_stray_picture_does_not_turn_splits_into_classes(tmp_path):
    for name in ("train", "test"):
        for label in ("cat", "dog"):
            write(tmp_path / name / label)
        write(tmp_path / name, number=1)
    assert datasets.splits(tmp_path) == ("train", "test")
    assert kinds(tmp_path) == [("no picture", "test/0.png"), ("no picture", "train/0.png")]


@pytest.mark.parametrize("output", ["report.json", "model.keras", "checkpoint/state_0001.json"])
def test_the_results_of_a_training_are_no_class(tmp_path, output):
    for label in ("cat", "dog"):
        write(tmp_path / label, number=8)
    write(tmp_path / "runs" / "pets_alexnet")
    write(tmp_path / "my results")
    for folder in ("runs/pets_alexnet", "my results"):
        path = tmp_path / folder / output
        path.parent.mkdir(exist_ok=True)
        path.touch()
    splits = training(tmp_path)
    assert splits.class_names == ["cat", "dog"]
    assert "runs (holds results of a training)" in splits.facts["notes"][0]
    assert kinds(tmp_path) == [("output", "my results"), ("output", "runs")]


def test_a_class_called_runs_is_a_class(tmp_path):
    for label in ("walks", "runs"):
        write(tmp_path / label, number=8)
    assert training(tmp_path).class_names == ["runs", "walks"]


def test_folders_that_systems_write_are_no_classes(tmp_path):
    for split in ("train", "test"):
        for label in ("cat", "dog", "@eaDir", "__MACOSX", ".thumbnails"):
            write(tmp_path / split / label)
        write(tmp_path / split / "cat" / "@eaDir")
    write(tmp_path / "__MACOSX")
    assert training(tmp_path).class_names == ["cat", "dog"]
    result = check(tmp_path)
    assert result.counts == {name: {"cat": 4, "dog": 4} for name in ("train", "test")}
    assert {finding.kind for finding in result.findings} == {"hidden"}


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX only")
def test_a_class_name_in_gbk_is_the_same_class_as_in_utf_8(tmp_path):
    for split, panda in (("train", GBK_PANDA), ("test", "熊猫")):
        write(tmp_path / split / panda, number=8)
        write(tmp_path / split / os.fsdecode(b"\xff\xfe"), number=8)
    splits = training(tmp_path)
    assert splits.class_names == ["\\xff\\xfe", "熊猫"]
    for name in splits.class_names:
        name.encode()  # can be written
    assert check(tmp_path).counts["train"] == {"熊猫": 8, "\\xff\\xfe": 8}
    assert not [finding for finding in check(tmp_path).findings if finding.is_fault]


def test_composed_and_decomposed_names_are_the_same_class(tmp_path):
    for split, form in (("train", "NFC"), ("test", "NFD")):
        write(tmp_path / split / unicodedata.normalize(form, "café"))
        write(tmp_path / split / "tea")
    assert training(tmp_path).class_names == [unicodedata.normalize("NFC", "café"), "tea"]
    assert check(tmp_path).findings == ()


def test_a_class_name_may_have_255_bytes(tmp_path):
    names = ["猫" * 85, "犬" * 85]
    for name in names:
        write(tmp_path / name, number=8)
    assert training(tmp_path).class_names == sorted(names)
    assert check(tmp_path).findings == ()


NAMES = st.sampled_from(
    "train Train training val valid validation dev test Testing cat dog runs @eaDir .git".split()
)


@st.composite
def trees(draw):
    """Folders with pictures, as relative paths; a folder may be a split, a class or neither."""
    tops = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    tree = []
    for top in tops:
        inner = draw(st.lists(NAMES, max_size=3, unique=True))
        tree += [f"{top}/{name}" for name in inner]
        if not inner or draw(st.booleans()):
            tree.append(top)
    return tree


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=trees())
def test_check_and_training_see_the_same_pictures(tree, tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for folder in tree:
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "a.png").write_bytes(b"")
    try:
        tables = folders.tables(root)
    except InputError:
        return  # training refuses the folder
    result = check(root)
    listed = {f.path for f in result.findings if f.kind == "unreadable"}  # empty files, all
    trained = {os.path.relpath(path, root) for table in tables.values() for path in table["path"]}
    assert listed == trained
    labels = {split: set(table["label"]) for split, table in tables.items()}
    names = {s: path.name for s, path in folders.read_layout(root).splits.items()} or {"train": ""}
    assert {names[split]: found for split, found in labels.items()} == {
        split: set(classes) for split, classes in result.counts.items()
    }
    seen = trained | {f.path for f in result.findings}
    every = {str(p.relative_to(root)) for p in root.rglob("*.png")}
    every = {path for path in every if not any(map(files.is_hidden, path.split(os.sep)))}
    silent = {p for p in every if not any(p == s or p.startswith(f"{s}{os.sep}") for s in seen)}
    assert silent == set(), "a picture is neither used nor reported"


def test_copies_stay_on_one_side_of_a_split_that_training_makes(tmp_path):
    for label in ("cat", "dog"):
        write(tmp_path / label, number=20)
        original = cv2.imread(str(tmp_path / label / "0.png"))
        for number in range(9):
            (tmp_path / label / f"copy{number}.png").write_bytes(
                (tmp_path / label / "0.png").read_bytes()
            )
            cv2.imwrite(str(tmp_path / label / f"near{number}.jpg"), original // 2 + number)
    originals = {"0"} | {f"{kind}{n}" for kind in ("copy", "near") for n in range(9)}
    for seed in range(5):
        splits = training(tmp_path, seed=seed, validation_split=0.2)
        for label in ("cat", "dog"):
            sides = {
                name
                for name in ("train", "validation", "test")
                for path in map(Path, getattr(splits, name).filepaths)
                if path.parent.name == label and path.stem in originals
            }
            assert len(sides) == 1
        sizes = {name: len(targets) for name, targets in splits.targets.items()}
        assert sum(sizes.values()) == 76 and min(sizes.values()) >= 8
        assert all(set(targets) == {0, 1} for targets in splits.targets.values())
    result = check(tmp_path, validation_split=0.2)
    assert not [finding for finding in result.findings if finding.is_fault]
    assert {"duplicate", "near duplicate"} == {finding.kind for finding in result.findings}


def test_without_copies_a_split_is_scikit_learns(tmp_path):
    from sklearn.model_selection import train_test_split

    for label in ("cat", "dog"):
        for split in ("train", "test"):
            write(tmp_path / split / label, number=10)
    table = datasets.table(tmp_path, "train")
    expected = train_test_split(table, test_size=0.15, stratify=table["label"], random_state=3)[
        1
    ].sort_index()
    assert training(tmp_path, seed=3).validation.filepaths == list(expected["path"])


def test_a_class_of_copies_of_one_picture_cannot_be_split_without_a_leak(tmp_path, capsys):
    write(tmp_path / "dog", number=20)
    write(tmp_path / "cat", number=1)
    for number in range(1, 20):
        (tmp_path / "cat" / f"{number}.png").write_bytes((tmp_path / "cat/0.png").read_bytes())
    assert "copies of one picture" in " ".join(training(tmp_path).facts["notes"])
    assert "leak" in {finding.kind for finding in check(tmp_path).findings}


@pytest.mark.parametrize("number", [1, 2])
def test_a_class_that_training_cannot_split_is_reported(tmp_path, number):
    write(tmp_path / "dog", number=12)
    write(tmp_path / "cat", number=number)
    with pytest.raises(InputError, match="every class needs at least 2|no picture of"):
        training(tmp_path)
    assert ("too few", "cat") in kinds(tmp_path)


def test_a_folder_that_cannot_be_read_is_reported_and_refused(tmp_path, monkeypatch):
    for label in ("cat", "dog"):
        write(tmp_path / label, number=8)
    write(tmp_path / "cat" / "more")
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(os.fspath(path)) == "more":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may read every folder
    (finding,) = (found for found in check(tmp_path).findings if found.kind == "unreadable")
    assert finding.path == "cat" and "permission denied" in finding.reason
    with pytest.raises(InputError, match="more.*cannot be read"):
        training(tmp_path)


def _damaged_gif():
    frames = [np.full((8, 8), value, np.uint8) for value in (10, 200, 90)]
    import io

    from PIL import Image

    content = io.BytesIO()
    images = [Image.fromarray(frame).convert("P") for frame in frames]
    images[0].save(content, format="GIF", save_all=True, append_images=images[1:])
    data = content.getvalue()
    return data[: len(data) - 12]


def _damaged_tiff():
    import io

    from PIL import Image

    content = io.BytesIO()
    images = [Image.new("RGB", (8, 8), (value, 0, 0)) for value in (10, 200)]
    images[0].save(content, format="TIFF", save_all=True, append_images=images[1:])
    data = bytearray(content.getvalue())
    first_directory = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[first_directory : first_directory + 2], "little")
    pointer = first_directory + 2 + 12 * entries  # to the second directory
    data[pointer : pointer + 4] = (len(data) - 3).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("damaged", [_damaged_gif, _damaged_tiff])
def test_a_file_damaged_on_a_later_page_does_not_end_the_check(tmp_path, damaged):
    for label in ("cat", "dog"):
        write(tmp_path / label, number=8)
    (tmp_path / "cat" / "pages.tif").write_bytes(damaged())
    result = check(tmp_path)
    assert ("animation", "cat/pages.tif") in [(f.kind, f.path) for f in result.findings]
    assert result.counts == {"": {"cat": 9, "dog": 8}}


def test_no_error_of_a_library_ends_the_check(tmp_path, monkeypatch):
    for label in ("cat", "dog"):
        write(tmp_path / label, number=8)

    def fail(pixels):
        raise cv2.error("assertion failed")

    monkeypatch.setattr("keras_cnn.datasets.copies.perceptual_hash", fail)
    result = check(tmp_path)
    assert {f.kind for f in result.findings} == {"unreadable"} and len(result.findings) == 16


def test_check_makes_the_split_of_the_default_recipe():
    recipe, parameters = Recipe(name="", dataset=""), inspect.signature(check).parameters
    for name in ("validation_split", "seed"):
        assert parameters[name].default == getattr(recipe, name)
