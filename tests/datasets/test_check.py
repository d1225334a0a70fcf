"""`check` reports each planted fault, and nothing else."""

import json

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from keras_cnn import InputError
from keras_cnn.cli import main
from keras_cnn.datasets.check import check
from keras_cnn.datasets.reading import Reading, without


def _picture(seed, *, size=(160, 120)):
    """Smooth noise, like a photograph: a hash must not depend on single pixels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def pets(tmp_path):
    """Three splits, two classes, four pictures each, without any fault."""
    seed = 0
    for split in ("train", "val", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for number in range(4):
                _picture(seed).save(tmp_path / "pets" / split / name / f"{number}.png")
                seed += 1
    return tmp_path / "pets"


def _kinds_and_paths(folder):
    return [(finding.kind, finding.path) for finding in check(folder).findings]


def test_a_good_folder_has_no_findings(pets):
    result = check(pets)
    assert result.findings == () and result.quarantine == []
    assert result.counts == {split: {"cat": 4, "dog": 4} for split in ("train", "val", "test")}
    assert result.sizes == {name: (160, 120) for name in ("smallest", "median", "largest")}


def _truncate(folder):
    path = folder / "train" / "cat" / "0.png"
    path.write_bytes(path.read_bytes()[:-200])


def _copy(path, other):
    other.write_bytes(path.read_bytes())


def _save_anew(folder):
    """Put a smaller and darker JPEG of a test picture into train."""
    with Image.open(folder / "test" / "cat" / "2.png") as image:
        darker = ImageEnhance.Brightness(image.convert("RGB")).enhance(0.8).resize((120, 90))
    darker.save(folder / "train" / "cat" / "again.jpg", quality=80)


def _gif(folder):
    frames = [_picture(seed).convert("P") for seed in (80, 81, 82)]
    path = folder / "val" / "dog" / "moves.png"
    frames[0].save(path, format="GIF", save_all=True, append_images=frames[1:])


FAULTS = {  # name -> function that plants the fault, and the expected findings
    "truncated": (_truncate, [("unreadable", "train/cat/0.png")]),
    "zero bytes": (
        lambda f: (f / "train" / "cat" / "0.png").write_bytes(b""),
        [("unreadable", "train/cat/0.png")],
    ),
    "no picture": (
        lambda f: (f / "train" / "cat" / "0.png").write_text("<html>404</html>"),
        [("unreadable", "train/cat/0.png")],
    ),
    "one pixel": (
        lambda f: Image.new("RGB", (1, 1)).save(f / "train" / "cat" / "0.png"),
        [("unreadable", "train/cat/0.png")],
    ),
    "leak": (
        lambda f: _copy(f / "test" / "dog" / "1.png", f / "train" / "dog" / "copy.png"),
        [("leak", "train/dog/copy.png")],
    ),
    "near leak": (_save_anew, [("near leak", "train/cat/again.jpg")]),
    "two labels": (
        lambda f: _copy(f / "train" / "dog" / "1.png", f / "train" / "cat" / "copy.png"),
        [("two labels", "train/dog/1.png")],
    ),
    "duplicate": (
        lambda f: _copy(f / "val" / "dog" / "1.png", f / "val" / "dog" / "copy.png"),
        [("duplicate", "val/dog/copy.png")],
    ),
    "wrong extension and animation": (
        _gif,
        [("wrong extension", "val/dog/moves.png"), ("animation", "val/dog/moves.png")],
    ),
    "colours": (
        lambda f: _picture(90).convert("CMYK").save(f / "val" / "dog" / "print.jpg"),
        [("colours", "val/dog/print.jpg")],
    ),
    "16 bits": (
        lambda f: Image.fromarray(
            np.random.default_rng(5).integers(0, 65536, (30, 40)).astype(np.uint16)
        ).save(f / "val" / "dog" / "deep.png"),
        [("16 bits", "val/dog/deep.png")],
    ),
    "32 bits": (
        lambda f: Image.fromarray(np.eye(40, dtype=np.float32)).save(f / "val" / "dog" / "f.tif"),
        [("32 bits", "val/dog/f.tif")],
    ),
    "hidden folder": (
        lambda f: (f / "train" / ".ipynb_checkpoints").mkdir(),
        [("hidden", "train/.ipynb_checkpoints")],
    ),
    "another ending": (
        lambda f: (f / "train" / "cat" / "notes.txt").write_text("x"),
        [("no picture", "train/cat/notes.txt")],
    ),
    "empty class": (
        lambda f: (f / "train" / "bird").mkdir(),
        [("empty class", "train/bird")],
    ),
    "class missing": (
        lambda f: (f / "test" / "dog").rename(f / "test" / "wolf"),
        [
            ("class missing", "test/dog"),
            ("class missing", "train/wolf"),
            ("class missing", "val/wolf"),
        ],
    ),
    "imbalance": (
        lambda f: [_picture(100 + n).save(f / "train" / "cat" / f"more{n}.png") for n in range(36)],
        [("imbalance", "train/dog")],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(pets, fault):
    plant, expected = FAULTS[fault]
    plant(pets)
    assert _kinds_and_paths(pets) == expected


def test_class_folders_without_splits_are_checked_too(pets):
    _truncate(pets)
    result = check(pets / "train")
    assert result.counts == {"": {"cat": 3, "dog": 4}}
    assert result.quarantine == ["cat/0.png"]


def test_boxes_without_area_are_found(tmp_path):
    folder = tmp_path / "boxes"
    (folder / "train").mkdir(parents=True)
    _picture(0).save(folder / "train" / "a.png")
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 160, "height": 120}],
        "categories": [{"id": 1, "name": "pen"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 0, 5], "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 5], "iscrowd": 0},
        ],
    }
    (folder / "train.json").write_text(json.dumps(coco))
    too_few, finding = check(folder).findings
    assert finding.kind == "bad box" and "no area" in finding.reason
    assert too_few.kind == "too few" and "2 or more pictures" in too_few.reason


def test_a_damaged_picture_with_boxes_and_a_picture_of_two_splits_are_reported(tmp_path):
    xml = (
        "<annotation><filename>{0}.png</filename><object><name>pen</name><bndbox><xmin>1</xmin>"
        "<ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
    )
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (tmp_path / name).mkdir(parents=True)
    for number, name in enumerate("abc"):
        (tmp_path / "Annotations" / f"{name}.xml").write_text(xml.format(name))
        _picture(number).save(tmp_path / "JPEGImages" / f"{name}.png")
    (tmp_path / "JPEGImages" / "b.png").write_bytes(b"")
    (tmp_path / "ImageSets" / "Main" / "train.txt").write_text("a\nb\n")
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("a\nc\n")
    result = check(tmp_path)
    assert [(finding.kind, finding.path) for finding in result.findings] == [
        ("unreadable", "JPEGImages/b.png"),
        ("leak", "JPEGImages/a.png"),
    ]
    assert "is listed in" in result.findings[1].reason
    assert result.quarantine == ["JPEGImages/b.png"]  # a.png is one file, listed twice


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_folder_without_pictures_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="folder|pictures"):
        check(tmp_path / name)


def test_the_command_lists_what_to_leave_out_and_deletes_nothing(pets, tmp_path, capsys):
    _save_anew(pets)
    before = sorted(pets.rglob("*"))
    quarantine = tmp_path / "out.txt"
    assert main(["check", str(pets), "--quarantine", str(quarantine)]) == 1
    printed = capsys.readouterr().out
    assert "train: 9 pictures: cat 5, dog 4" in printed and "FAULT: near leak: 1" in printed
    assert quarantine.read_text() == f"{pets}/train/cat/again.jpg\n"
    assert sorted(pets.rglob("*")) == before
    assert main(["check", str(pets), "--quarantine", str(quarantine), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["faults"] == 1 and result["quarantine"] == ["train/cat/again.jpg"]


def test_pictures_of_a_list_are_not_checked(pets, tmp_path):
    bad = pets / "train" / "cat" / "bad.jpg"
    bad.touch()
    listed = tmp_path / "quarantine.txt"
    listed.write_text(f"{bad}\n", encoding="utf-8")
    assert [finding.path for finding in check(pets).findings if finding.is_fault]
    reading = Reading(without=without(listed, folder=pets))
    assert not [f for f in check(pets, reading=reading).findings if f.is_fault]
