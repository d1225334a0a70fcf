"""``check`` and training agree on sets with boxes: neither accepts what the other refuses."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_cnn.cli import main
from keras_cnn.datasets.check import check
from keras_cnn.detection import DetectionRecipe, detection_splits
from keras_cnn.errors import InputError

XML = (
    "<annotation><size><width>60</width><height>40</height></size><object><name>cat</name><bndbox>"
    "<xmin>5</xmin><ymin>6</ymin><xmax>30</xmax><ymax>20</ymax></bndbox></object></annotation>"
)


def _picture(path, *, seed, size=(60, 40), **options):
    """Random blocks, so that no two pictures look the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8)
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(path, **options)


@pytest.fixture
def voc(tmp_path):
    folder = tmp_path / "voc"
    for name in ("Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for seed, name in enumerate(("t1", "t2", "v1")):
        _picture(folder / "JPEGImages" / f"{name}.png", seed=seed)
        (folder / "Annotations" / f"{name}.xml").write_text(XML)
    (folder / "ImageSets" / "Main" / "train.txt").write_text("t1\nt2\n")
    (folder / "ImageSets" / "Main" / "val.txt").write_text("v1\n")
    return folder


@pytest.fixture
def coco(tmp_path):
    folder = tmp_path / "coco"
    for split, seeds in {"train": (0, 1), "val": (2,)}.items():
        content = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
        for seed in seeds:
            _picture(folder / split / f"{seed}.png", seed=seed)
            content["images"].append({"id": seed, "file_name": f"{seed}.png"})
            entry = {"image_id": seed, "category_id": 1, "bbox": [5, 6, 20, 10]}
            content["annotations"].append(entry)
        (folder / f"{split}.json").write_text(json.dumps(content))
    return folder


def _refused(folder):
    """Whether training refuses the set."""
    try:
        detection_splits(DetectionRecipe(name="x", dataset="x", data=folder))
    except InputError:
        return True
    return False


def _faults(folder):
    return [finding for finding in check(folder).findings if finding.is_fault]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("", "", None),
        ("<xmax>30<", "<xmax>60.9<", None),  # rounding
        ("<width>60<", "<width>0<", None),  # left empty
        ("<xmax>30<", "<xmax>75<", "bad box"),
        ("<xmax>30<", "<xmax>nan<", "bad box"),
        ("<xmax>30<", "<xmax>wide<", "bad annotation"),
        ("<width>60<", "<width>600<", "bad box"),
        ("annotation>", "annotations>", "bad annotation"),
        ("object>", "Object>", "bad annotation"),
        ("</annotation>", "", "bad annotation"),
        ("<name>cat<", "<name><", "bad annotation"),
        ("<name>cat<", "<name>\u4e66<", "bad annotation"),  # in GBK, without its declaration
    ],
)
@pytest.mark.parametrize("name", ["t2", "v1"])
def test_a_changed_annotation(voc, name, old, new, kind):
    content = XML.replace(old, new) if old else XML
    (voc / "Annotations" / f"{name}.xml").write_bytes(content.encode("gbk"))
    faults = _faults(voc)
    assert [fault.kind for fault in faults] == [kind] * bool(kind)
    assert all(f"{name}.xml" in fault.path for fault in faults)
    assert _refused(voc) == bool(kind)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-60]),
        lambda path: path.unlink(),
        lambda path: _picture(path, seed=9, size=(1, 1)),
        lambda path: _picture(path, seed=9, size=(30, 20)),
        lambda path: _picture(path, seed=9, exif=_turned()),
    ],
)
def test_a_changed_picture(voc, spoil):
    spoil(voc / "JPEGImages" / "t2.png")
    assert _faults(voc) and _refused(voc)


def _turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_a_split_without_objects_and_a_class_of_val_alone(voc):
    for name, text in {"t1": "<annotation/>", "t2": "<annotation/>"}.items():
        (voc / "Annotations" / f"{name}.xml").write_text(text)
    assert "has no object to find" in _faults(voc)[0].reason and _refused(voc)
    for name in ("t1", "t2"):
        (voc / "Annotations" / f"{name}.xml").write_text(XML.replace("cat", "dog"))
    (fault,) = _faults(voc)
    assert fault.path == "Annotations/v1.xml" and "must be one of ['dog']" in fault.reason
    assert _refused(voc)


@pytest.mark.parametrize(
    "change",
    [
        {"images": []},
        {"images": 2 * [{"id": 2, "file_name": "2.png"}]},
        {"annotations": []},
        {"annotations": [{"image_id": 2, "category_id": 1}]},
        {"annotations": [{"image_id": 7, "category_id": 1, "bbox": [1, 2, 9, 9]}]},
        {"categories": []},
        {"categories": [{"id": 1, "name": "dog"}]},
        {"categories": [{"id": 1, "name": "\ud800"}]},
        None,
    ],
)
def test_a_changed_coco_file(coco, change):
    assert not _faults(coco) and not _refused(coco)
    path = coco / "val.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | change) if change else path.read_text()[:-20])
    assert _faults(coco) and _refused(coco)


def test_the_command_names_every_fault_and_judges_the_other_files(voc, capsys):
    (voc / "Annotations" / "t1.xml").write_text("<html>")
    (voc / "Annotations" / "v1.xml").write_text(XML.replace(">30<", ">3<"))
    (voc / "JPEGImages" / "t2.png").write_bytes(b"")
    assert main(["check", str(voc)]) == 1
    printed = capsys.readouterr().out
    for path in ("Annotations/t1.xml", "Annotations/v1.xml, object 1 (cat)", "JPEGImages/t2.png"):
        assert path in printed
    assert "3 faults" in printed
