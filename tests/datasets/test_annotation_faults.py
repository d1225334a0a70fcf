"""Annotations that cannot be used: each fault is named with its file, none trains in silence."""

import json
from pathlib import Path

import pytest
from annotated_sets import picture, voc_folder
from PIL import Image

from keras_cnn.datasets import annotations
from keras_cnn.detection import DetectionRecipe, detection_splits
from keras_cnn.errors import InputError
from keras_cnn.images import files


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((10, 10, 10, 20), "no area"),
        ((10, 10, 20, 10), "no area"),
        ((30, 10, 20, 20), "inverted"),
        ((10, 30, 20, 20), "inverted"),
        ((-2, 0, 20, 20), "outside the picture of 60x40"),
        ((0, 0, 61.0001, 20), "0,0,61.0001,20 reaches outside the picture of 60x40"),
        ((70, 10, 80, 20), "outside"),
        (("nan", 0, 10, 20), "not four numbers"),
        ((0.1, 0.2, 0.5, 1), "within one pixel: give its edges in pixels"),
    ],
)
def test_a_bad_box_is_named_with_its_file_or_dropped(tmp_path, box, reason):
    folder = voc_folder(tmp_path, [("cat", (0, 0, 60, 40), False), ("ball", box, False)])
    part = annotations.read_voc(folder, split="train")
    with pytest.raises(InputError, match=f"1 of 2 boxes.*\n.*first.xml, object 2 .ball.*{reason}"):
        annotations.check(part)
    kept, bad = annotations.check(part, skip_bad_boxes=True)
    assert kept.pictures[0].boxes.tolist() == [[0, 0, 60, 40]]
    assert kept.pictures[0].labels.tolist() == [2] and len(bad) == 1


@pytest.mark.parametrize("size", [(60, 40), (1000, 40)])
def test_a_box_that_leaves_the_picture_by_rounding_is_clipped(tmp_path, size):
    width, height = size
    excess = max(1, 0.005 * width)
    edges = [(-1, -1, 20, 20), (5, 5, width + excess, height + 1), (5, 5, width + 1e-9, height)]
    part = annotations.read_voc(
        voc_folder(tmp_path, [("cat", box, False) for box in edges]), split="train"
    )
    picture(tmp_path / "JPEGImages" / "first.jpg", size=size)
    checked, bad = annotations.check(part)
    assert not bad
    assert checked.pictures[0].boxes.tolist() == [
        [0, 0, 20, 20],
        [5, 5, width, height],
        [5, 5, width, height],
    ]


def test_a_box_outside_by_rounding_that_keeps_no_area_is_bad(tmp_path):
    folder = voc_folder(tmp_path, [("cat", (60.2, 0, 61, 20), False), ("cat", (0, 0, 9, 9), False)])
    with pytest.raises(InputError, match="object 1 .cat.: 60,0,60,20 has no area"):
        annotations.check(annotations.read_voc(folder, split="train"))


def _with_size(folder, stated, *, exif=None):
    """State a size in the XML of a VOC folder, and turn its picture of 60x40 by EXIF."""
    xml = folder / "Annotations" / "first.xml"
    size = "<size><width>{}</width><height>{}</height></size>".format(*stated)
    xml.write_text(xml.read_text().replace("<object>", f"{size}<object>", 1))
    if exif:
        path = folder / "JPEGImages" / "first.jpg"
        Image.new("RGB", (60, 40)).save(path, exif=_orientation(exif))
    return annotations.read_voc(folder, split="train")


@pytest.mark.parametrize(
    ("stated", "exif", "reason"),
    [
        ((120, 80), None, "on 120x80 pixels, the picture has 60x40: the picture was resized"),
        ((60, 40), 6, "on 60x40 pixels, the picture has 40x60: EXIF turns the picture upright"),
        ((40, 60), None, "on 40x60 pixels, the picture has 60x40: the picture was turned"),
    ],
)
def test_boxes_on_a_picture_of_another_size_are_refused(tmp_path, stated, exif, reason):
    part = _with_size(voc_folder(tmp_path, [("cat", (1, 2, 30, 20), False)]), stated, exif=exif)
    with pytest.raises(InputError, match=f"first.xml, object 1 .cat.: is drawn {reason}"):
        annotations.check(part)
    kept, bad = annotations.check(part, skip_bad_boxes=True)
    assert kept.pictures == () and len(bad) == 1  # never background


@pytest.mark.parametrize("stated", [(60, 40), (61, 39), (0, 0), ("", ""), ("wide", 40)])
def test_a_stated_size_that_is_rounded_or_missing_is_accepted(tmp_path, stated):
    part = _with_size(voc_folder(tmp_path, [("cat", (1, 2, 30, 20), False)]), stated)
    assert annotations.check(part)[1] == {}


def test_coco_states_the_size_too(tmp_path):
    picture(tmp_path / "a.png")
    content = {
        "images": [{"id": 7, "file_name": "a.png", "width": 600, "height": 400}],
        "categories": [{"id": 9, "name": "cat"}],
        "annotations": [{"image_id": 7, "category_id": 9, "bbox": [1, 2, 10, 20]}],
    }
    (tmp_path / "train.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="image 7, object 1 .cat.: is drawn on 600x400 pixels"):
        annotations.check(annotations.read(tmp_path, split="train"))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("annotation>", "annotations>", "its root must be <annotation>; it is <annotations>"),
        ("annotation>", "html>", "its root must be <annotation>; it is <html>"),
        ("<annotation>", "<annotation xmlns='urn:x'>", "it has the namespace 'urn:x'; remove"),
        ("object>", "Object>", "must name its objects <object>; it has <Object>"),
        ("object>", "item>", "must name its objects <object>; it has <item>"),
        ("<name>cat</name>", "<name> </name>", "object 1 has no class: write it into <name>"),
        ("<name>cat</name>", "", "object 1 has no class: write it into <name>"),
        ("<xmin>1</xmin>", "", "object 1 must have a number in <xmin>; it has none"),
        ("<xmin>1</xmin>", "<xmin>left</xmin>", "must have a number in <xmin>; it has 'left'"),
    ],
)
def test_an_annotation_is_never_read_as_background(tmp_path, old, new, reason):
    path = voc_folder(tmp_path, [("cat", (1, 2, 30, 20), False)]) / "Annotations" / "first.xml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=f"first.xml.* {reason}"):
        annotations.read(tmp_path, split="train")


def test_a_picture_without_objects_is_welcome_where_others_have_some(tmp_path):
    folder = voc_folder(tmp_path, [("cat", (1, 2, 30, 20), False)])
    picture(folder / "JPEGImages" / "empty.jpg")
    (folder / "Annotations" / "empty.xml").write_text("<annotation></annotation>")
    (folder / "ImageSets" / "Main" / "train.txt").write_text("first\nempty\n")
    part = annotations.read(folder, split="train")
    assert [len(entry.boxes) for entry in part.pictures] == [1, 0]


def test_all_faults_of_a_split_are_named_at_once(tmp_path):
    folder = voc_folder(tmp_path, [("cat", (1, 2, 30, 20), False)])
    for name in ("second", "third"):
        picture(folder / "JPEGImages" / f"{name}.jpg")
    (folder / "Annotations" / "second.xml").write_text("<annotation>")
    (folder / "ImageSets" / "Main" / "train.txt").write_text("first\nsecond\nthird\nfourth\n")
    with pytest.raises(InputError, match="(?s)^3 annotations.*second.xml.*third.xml.*fourth.jpg"):
        annotations.read(folder, split="train")
    reported = []
    part = annotations.read(
        folder, split="train", on_error=lambda source, _: reported.append(Path(source).name)
    )
    assert reported == ["second.xml", "third.xml", "train.txt"] and len(part.pictures) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"images": None}, "has no list 'images'"),
        ({"categories": [{"id": 1}]}, "must give each of its categories an id and a name"),
        ({"categories": [{"id": 9, "name": " "}]}, "has the class name ''"),
        ({"categories": [{"id": 9, "name": "\ud800"}]}, r"has the class name '\\ud800'"),
        ({"images": [{"id": 7}]}, "must give each image an id and a file_name; see its image 1"),
        ({"images": 2 * [{"id": 7, "file_name": "a.png"}]}, "its own id; two have 7"),
        ({"annotations": [{"bbox": None}]}, "annotation 1 must have a bbox of four numbers"),
        ({"annotations": [{"bbox": [10**400, 1, 1, 1]}]}, "must have a bbox of four numbers"),
        ({"annotations": [{"bbox": [1, 2, 3, 4], "image_id": 8}]}, "must have the image_id of"),
        (
            {"annotations": [{"bbox": [1, 2, 3, 4], "image_id": 7, "category_id": [9]}]},
            "must have the category_id of",
        ),
    ],
)
def test_faults_of_coco_files_are_named_in_words(tmp_path, change, reason):
    picture(tmp_path / "a.png")
    content = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "categories": [{"id": 9, "name": "cat"}],
        "annotations": [{"image_id": 7, "category_id": 9, "bbox": [1, 2, 10, 20]}],
    }
    (tmp_path / "train.json").write_text(json.dumps(content | change))
    with pytest.raises(InputError, match=f"train.json.*{reason}"):
        annotations.read(tmp_path, split="train")


def test_composed_and_decomposed_accents_are_one_class(tmp_path):
    for split, name in {"train": "caf\u00e9", "val": "cafe\u0301"}.items():
        folder = voc_folder(tmp_path / split, [(name, (1, 2, 30, 20), False)], split=split)
        part = annotations.read(folder, split=split, class_names=["caf\u00e9"])
        assert part.class_names == ("caf\u00e9",) and part.pictures[0].labels.tolist() == [1]


def test_the_size_of_a_picture_is_read_once_however_many_boxes_it_has(tmp_path, monkeypatch):
    part = annotations.read_voc(
        voc_folder(tmp_path, 5 * [("cat", (0, 0, 9, 9), False)]), split="train"
    )
    opened, size = [], annotations.size
    monkeypatch.setattr(annotations, "size", lambda path: opened.append(path) or size(path))
    annotations.check(part)
    assert opened == [part.pictures[0].path]


def test_a_validation_split_that_is_tested_too_is_read_once(tmp_path, monkeypatch):
    voc_folder(tmp_path, [("cat", (0, 0, 9, 9), False)])
    lists = tmp_path / "ImageSets" / "Main"
    (lists / "val.txt").write_text("first\n")
    asked, read = [], annotations.read
    monkeypatch.setattr(
        annotations,
        "read",
        lambda *a, split, **k: asked.append(split) or read(*a, split=split, **k),
    )
    splits = detection_splits(DetectionRecipe(name="x", dataset="x", data=tmp_path))
    assert asked == ["train", "val"]
    assert splits.test is not splits.validation
    assert splits.test.filepaths == splits.validation.filepaths


def test_a_picture_turned_by_exif_is_measured_upright(tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "turned.jpg", exif=_orientation(6))
    assert annotations.size(tmp_path / "turned.jpg") == (40, 60)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_the_size_is_that_of_the_pixels_that_are_read(tmp_path, monkeypatch):
    path = tmp_path / "picture.jpg"
    damaged = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + 40 * b"\xff"
    for exif in (damaged, *(_orientation(turn) for turn in range(1, 9))):
        Image.new("RGB", (60, 40)).save(path, exif=exif)
        height, width, _ = files.read(path).shape
        assert annotations.size(path) == (width, height)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 40 // 3)  # Pillow refuses to open it
    height, width, _ = files.read(path).shape
    assert annotations.size(path) == (width, height)


def _orientation(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif
