"""Annotations that cannot be used: each fault is named with its file, none trains in silence."""

import json
from pathlib import Path

import numpy as np
import pytest
from annotated_sets import OBJECT, picture, set_of_names, voc_folder
from PIL import Image, ImageOps

from keras_cnn.datasets import annotations, box_faults
from keras_cnn.datasets.reading import Reading, renames, without
from keras_cnn.detection import DetectionRecipe, boxes, detection_splits
from keras_cnn.detection.augment import Augmentation
from keras_cnn.detection.batches import Batches
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
    part = annotations.read(folder, split="train")
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
    part = annotations.read(
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


def test_shares_with_few_digits_leave_the_picture_by_rounding_too(tmp_path):
    picture(tmp_path / "images" / "a.png", size=(268, 188))
    (tmp_path / "labels").mkdir()
    # labelImg counts edges from 1. Written with six digits, the edge at -1 is one at -1.00016.
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.19468 0.25 0.4\n")
    (tmp_path / "classes.txt").write_text("cat\n")
    part, bad = annotations.check(annotations.read(tmp_path, split="all"))
    assert bad == {} and part.pictures[0].boxes[0, 1] == 0
    (tmp_path / "labels" / "a.txt").write_text("0 0.25 0.19 0.2100000001 0.4\n")
    with pytest.raises(InputError, match=r"38.86,-1.88,95.14,73.32 reaches outside"):
        annotations.check(annotations.read(tmp_path, split="all"))


def test_a_box_outside_by_rounding_that_keeps_no_area_is_bad(tmp_path):
    folder = voc_folder(tmp_path, [("cat", (60.2, 0, 61, 20), False), ("cat", (0, 0, 9, 9), False)])
    with pytest.raises(InputError, match="object 1 .cat.: 60,0,60,20 has no area"):
        annotations.check(annotations.read(folder, split="train"))


def _with_size(folder, stated, *, exif=None):
    """State a size in the XML of a VOC folder, and turn its picture of 60x40 by EXIF."""
    xml = folder / "Annotations" / "first.xml"
    size = "<size><width>{}</width><height>{}</height></size>".format(*stated)
    xml.write_text(xml.read_text().replace("<object>", f"{size}<object>", 1))
    if exif:
        path = folder / "JPEGImages" / "first.jpg"
        Image.new("RGB", (60, 40)).save(path, exif=_orientation(exif))
    return annotations.read(folder, split="train")


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
        ("<name>cat</name>", "<name> </name>", "object 1 has no class: write its name"),
        ("<name>cat</name>", "", "object 1 has no class: write its name"),
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
        ({"categories": [{"id": 9, "name": " "}]}, "object 1 has no class: .*--rename =NAME"),
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
    part = annotations.read(voc_folder(tmp_path, 5 * [("cat", (0, 0, 9, 9), False)]), split="train")
    opened, size = [], box_faults.size
    monkeypatch.setattr(box_faults, "size", lambda path: opened.append(path) or size(path))
    annotations.check(part)
    assert opened == [part.pictures[0].path]


def test_a_validation_split_that_is_tested_too_is_read_once(tmp_path, monkeypatch):
    voc_folder(tmp_path, [("cat", (0, 0, 9, 9), False)])
    lists = tmp_path / "ImageSets" / "Main"
    (lists / "val.txt").write_text("first\n")
    opened, size = [], box_faults.size
    monkeypatch.setattr(box_faults, "size", lambda path: opened.append(path) or size(path))
    splits = detection_splits(DetectionRecipe(name="x", dataset="x", data=tmp_path))
    assert opened == []  # the check of the pictures has read their sizes
    assert splits.test is not splits.validation
    assert splits.test.filepaths == splits.validation.filepaths


def test_classes_that_differ_in_case_or_blanks_are_a_fault_until_they_are_renamed(tmp_path):
    folder = set_of_names(tmp_path, ["cat", "Cat", "CAT", " cat "])
    with pytest.raises(InputError, match="(?s)^2 annotations.*--rename 'CAT=cat'|'Cat=CAT'"):
        annotations.read(folder, split="train")
    reading = Reading(rename=renames(["Cat=cat", "CAT=cat"]))
    part = annotations.read(folder, split="train", reading=reading)
    assert part.class_names == ("cat",) and len(part.pictures) == 4


def test_an_object_without_a_class_is_a_fault_until_it_is_named(tmp_path):
    folder = set_of_names(tmp_path, ["", "dog"])
    with pytest.raises(InputError, match="0.xml, object 1 has no class: .*--rename =NAME"):
        annotations.read(folder, split="train")
    part = annotations.read(folder, split="train", reading=Reading(rename=renames(["=cat"])))
    assert part.class_names == ("cat", "dog")


@pytest.mark.parametrize("text", ["cat", "cat=", "cat= "])
def test_a_rename_without_two_names_is_refused(text):
    with pytest.raises(InputError, match=f"--rename must be OLD=NEW.*received '{text}'"):
        renames([text])


def test_a_class_of_val_in_another_case_is_told_with_its_way_out(tmp_path):
    folder = set_of_names(tmp_path, ["cat"])
    (folder / "ImageSets" / "Main" / "val.txt").write_text("first\n")
    text = OBJECT.format(5, 6, 30, 20, name="Cat", extra="")
    (folder / "Annotations" / "first.xml").write_text(f"<annotation>{text}</annotation>")
    with pytest.raises(InputError, match="has 'Cat': use --rename 'Cat'='cat'"):
        annotations.read_set(folder)


def test_a_picture_listed_twice_is_a_note_and_with_other_objects_a_fault(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "classes.txt").write_text("cat\n")
    (tmp_path / "train.txt").write_text("a.jpg 1,2,30,20,0\n" * 2)
    part = annotations.read(tmp_path, split="train")
    assert len(part.pictures) == 1 and "is listed twice; it counts once" in part.notes[0][1]
    (tmp_path / "train.txt").write_text("a.jpg 1,2,30,20,0\na.jpg 5,6,30,20,0\n")
    with pytest.raises(InputError, match="line 2 lists .*a.jpg again, with other objects"):
        annotations.read(tmp_path, split="train")


@pytest.mark.parametrize("turn", [5, 6, 7, 8])
def test_boxes_on_the_stored_picture_are_turned_upright_as_pillow_turns_pixels(tmp_path, turn):
    part = _with_size(voc_folder(tmp_path, [("cat", (4, 8, 24, 16), False)]), (60, 40), exif=turn)
    pixels = np.zeros((40, 60), np.uint8)
    pixels[8:16, 4:24] = 255
    stored = Image.fromarray(pixels)
    stored.getexif()[0x0112] = turn
    rows, columns = np.nonzero(ImageOps.exif_transpose(stored))
    fixed, bad = annotations.check(part, fix_boxes=True)
    assert not bad
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert fixed.pictures[0].boxes.tolist() == [expected]


def test_boxes_on_a_picture_of_another_size_are_scaled(tmp_path):
    part = _with_size(voc_folder(tmp_path, [("cat", (30, 20, 90, 40), False)]), (120, 160))
    fixed, bad = annotations.check(part, fix_boxes=True)
    assert not bad and fixed.pictures[0].boxes.tolist() == [[15, 5, 45, 10]]


def test_a_turn_that_nothing_tells_is_not_guessed(tmp_path):
    part = _with_size(voc_folder(tmp_path, [("cat", (1, 2, 30, 20), False)]), (40, 60))
    with pytest.raises(InputError, match="the picture was turned"):
        annotations.check(part, fix_boxes=True)


def test_objects_too_small_for_the_network_are_counted_by_class(tmp_path):
    boxes = [("ant", (0, 0, 12, 12), False), ("ant", (9, 9, 60, 39), False)]
    folder = voc_folder(tmp_path, [*boxes, ("bee", (0, 0, 600, 600), False)])
    picture(folder / "JPEGImages" / "first.jpg", size=(4000, 3000))
    part, _ = annotations.check(annotations.read(folder, split="train"))
    told = annotations.small_objects(part)
    assert set(told) == {"ant"}
    assert told["ant"].startswith("2 objects are below 8 px at 300: 12 px in 4000x3000 is 0.9 px")


def test_pictures_of_a_list_are_left_out(tmp_path):
    folder = set_of_names(tmp_path / "set", ["cat", "dog", "dog"])
    listed = tmp_path / "quarantine.txt"
    listed.write_text(f"{folder}/JPEGImages/1.png\nJPEGImages/2.png\n")
    reading = Reading(without=without(listed, folder=folder))
    part = annotations.read(folder, split="train", reading=reading)
    assert [Path(entry.path).name for entry in part.pictures] == ["0.png"]
    listed.write_text("gone.png\n")
    with pytest.raises(InputError, match="has 'gone.png', which does not exist"):
        without(listed, folder=folder)


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


def _coco_with_a_crowd(folder):
    path = folder / "a.png"
    Image.new("RGB", (300, 300)).save(path)
    boxes = {0: [10, 10, 60, 60], 1: [100, 100, 180, 180]}
    entries = [
        {"image_id": 7, "category_id": 9, "bbox": box, "iscrowd": crowd}
        for crowd, box in boxes.items()
    ]
    content = {"images": [{"id": 7, "file_name": "a.png"}], "annotations": entries}
    content["categories"] = [{"id": 9, "name": "cat"}]
    (folder / "train.json").write_text(json.dumps(content))
    return annotations.read(folder, split="train").pictures


def test_priors_inside_a_crowd_are_ignored_in_training(tmp_path):
    pictures = _coco_with_a_crowd(tmp_path)
    for augmentation in (None, Augmentation(expand=None, overlaps=(), flip=0)):
        _, targets = Batches(pictures, augmentation=augmentation, batch_size=1)[0]
        ids, centres = targets[0, :, 4], boxes.priors().reshape(-1, 2, 2).mean(axis=1) * 300
        deep = ((centres > 120) & (centres < 260)).all(axis=1)
        small = (boxes.priors()[:, 2:] - boxes.priors()[:, :2]).max(axis=1) < 0.2
        assert (ids[deep & small] == -1).all() and (ids == 1).any()
        assert not (ids[(centres < 95).any(axis=1) & small] == -1).any()


def test_renamed_classes_and_moved_boxes_are_another_fingerprint(tmp_path):
    voc_folder(tmp_path, [("cat", (0, 0, 9, 9), False)])
    path = tmp_path / "Annotations" / "first.xml"
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("first\n")
    original, found = path.read_text(), []
    for old, new in (("", ""), ("cat", "dog"), (">9<", ">8<"), ("difficult>0", "difficult>1")):
        path.write_text(original.replace(old, new) if old else original)
        recipe = DetectionRecipe(name="x", dataset="x", data=tmp_path)
        found.append(detection_splits(recipe).fingerprints["train"]["hash"])
    path.write_text(original)
    assert detection_splits(recipe).fingerprints["train"]["hash"] == found[0]
    assert len(set(found)) == 4


def _orientation(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif
