"""Annotations: each layout is read as written, and errors name the file and the object."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cnn.datasets import annotations
from keras_cnn.detection import DetectionRecipe, detection_splits
from keras_cnn.errors import InputError
from keras_cnn.images import files

OBJECT = (
    "<object><name>{name}</name>{extra}<bndbox><xmin>{0}</xmin><ymin>{1}</ymin>"
    "<xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)


def picture(path, *, size=(60, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def voc_folder(folder, objects, *, split="train"):
    """A VOC folder with one picture "first" of 60x40 and these objects."""
    for part in ("Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    picture(folder / "JPEGImages" / "first.jpg")
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("first\n")
    text = "".join(
        OBJECT.format(*box, name=name, extra=f"<difficult>{int(hard)}</difficult>")
        for name, box, hard in objects
    )
    (folder / "Annotations" / "first.xml").write_text(f"<annotation>{text}</annotation>")
    return folder


def test_a_voc_folder_is_read_as_written(tmp_path):
    objects = [("猫", (1, 2, 30, 20), False), ("ball", (5, 5, 60, 40), True)]
    part = annotations.read_voc(voc_folder(tmp_path, objects), split="train")
    assert part.class_names == ("ball", "猫")
    (first,) = part.pictures
    assert first.boxes.tolist() == [[1, 2, 30, 20], [5, 5, 60, 40]]
    assert first.labels.tolist() == [2, 1]
    assert first.difficult.tolist() == [False, True]
    assert Path(first.path).name == "first.jpg"


@pytest.mark.parametrize("ending", [*files.FORMATS, "JPG", "BMP"])
def test_a_listed_picture_may_have_any_format_that_is_read(tmp_path, ending):
    images = voc_folder(tmp_path, [("cat", (1, 2, 30, 20), False)]) / "JPEGImages"
    (images / "first.jpg").unlink()
    picture(images / f"first.{ending}")
    assert annotations.read_voc(tmp_path, split="train").pictures[0].path == str(
        images / f"first.{ending}"
    )


def test_an_object_whose_difficulty_is_left_empty_is_not_difficult(tmp_path):
    path = voc_folder(tmp_path, [("cat", (1, 2, 30, 20), True)]) / "Annotations" / "first.xml"
    path.write_text(path.read_text().replace("<difficult>1</difficult>", "<difficult/>"))
    assert annotations.read_voc(tmp_path, split="train").pictures[0].difficult.tolist() == [False]


def _encoded(folder, encoding, *, declared=None):
    """A VOC folder whose XML file declares its encoding, or another encoding."""
    path = voc_folder(folder, [("猫è", (1, 2, 30, 20), False)]) / "Annotations" / "first.xml"
    text = f"<?xml version='1.0' encoding='{declared or encoding}'?>{path.read_text('utf-8')}"
    path.write_bytes(text.encode(encoding))
    return folder


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16", "utf-8", "utf-8-sig"])
def test_an_annotation_is_read_in_the_encoding_it_declares(tmp_path, encoding):
    part = annotations.read_voc(_encoded(tmp_path, encoding), split="train")
    assert part.class_names == ("猫è",)


@pytest.mark.parametrize("declared", ["utf-16", "UTF-16LE"])
def test_an_annotation_that_only_claims_to_be_utf_16_is_read_as_utf_8(tmp_path, declared):
    part = annotations.read_voc(_encoded(tmp_path, "utf-8", declared=declared), split="train")
    assert part.class_names == ("猫è",)


@pytest.mark.parametrize("declared", ["ascii", "no-such", "hex", "utf-8"])
def test_an_annotation_that_is_not_in_its_encoding_is_named_with_it(tmp_path, declared):
    _encoded(tmp_path, "gbk", declared=declared)
    with pytest.raises(InputError, match=f"first.xml: .*{declared}.*save it as UTF-8"):
        annotations.read_voc(tmp_path, split="train")


def test_a_bomb_of_entities_is_no_annotation(tmp_path):
    path = _encoded(tmp_path, "gbk") / "Annotations" / "first.xml"
    entities = "".join(f"<!ENTITY e{n + 1} '{f'&e{n};' * 10}'>" for n in range(6))
    bomb = f"<!DOCTYPE a [<!ENTITY e0 '{100 * 'a'}'>{entities}]><a>&e6;</a>"
    for head in ("", "<?xml version='1.0' encoding='gbk'?>"):
        path.write_text(head + bomb)
        with pytest.raises(InputError, match="is not a VOC annotation"):
            annotations.read_voc(tmp_path, split="train")


def test_lists_may_start_with_a_byte_order_mark_and_must_be_utf_8(tmp_path):
    folder = voc_folder(tmp_path / "voc", [("cat", (1, 2, 30, 20), False)])
    listing = folder / "ImageSets" / "Main" / "train.txt"
    listing.write_text("first\n", "utf-8-sig")
    assert len(annotations.read(folder, split="train").pictures) == 1
    picture(tmp_path / "lines" / "a.jpg")
    (tmp_path / "lines" / "train.txt").write_text("a.jpg 1,2,30,20,0\n", "utf-8-sig")
    (tmp_path / "lines" / "classes.txt").write_text("猫\n", "utf-8-sig")
    assert annotations.read(tmp_path / "lines", split="train").class_names == ("猫",)
    for encoding in ("gbk", "utf-16"):
        (tmp_path / "lines" / "classes.txt").write_text("狗\n", encoding)
        with pytest.raises(InputError, match="classes.txt: .*utf-8.*save it as UTF-8"):
            annotations.read(tmp_path / "lines", split="train")


def test_a_listed_name_may_hold_spaces_and_end_in_a_flag(tmp_path):
    folder = voc_folder(tmp_path, [("cat", (1, 2, 30, 20), False)])
    listing = folder / "ImageSets" / "Main" / "train.txt"
    text = (folder / "Annotations" / "first.xml").read_text()
    for name in ("my cat", "my cat 1"):
        picture(folder / "JPEGImages" / f"{name}.jpg")
        (folder / "Annotations" / f"{name}.xml").write_text(text)
    listing.write_text("my cat\nmy cat  1\nmy cat 1\nmy cat 0\nfirst\t-1\n")
    names = [
        Path(entry.path).stem for entry in annotations.read_voc(folder, split="train").pictures
    ]
    assert names == ["my cat", "my cat", "my cat 1", "my cat", "first"]
    listing.write_text("first 2\n")
    with pytest.raises(InputError, match="names .*first 2.jpg, which does not exist"):
        annotations.read_voc(folder, split="train")


def test_the_chapters_lines_are_read_with_spaces_in_the_path(tmp_path):
    picture(tmp_path / "my pictures" / "a 1.jpg")
    lines = tmp_path / "train.txt"
    lines.write_text("my pictures/a 1.jpg 1,2,30,20,1 5,5,60,40,0\n\nmy pictures/a 1.jpg\n")
    part = annotations.read_lines(lines, class_names=["ball", "cat"])
    assert [len(entry.boxes) for entry in part.pictures] == [2, 0]
    assert part.pictures[0].boxes.tolist() == [[1, 2, 30, 20], [5, 5, 60, 40]]
    assert part.pictures[0].labels.tolist() == [2, 1]
    lines.write_text("my pictures/a 1.jpg 1,2,30,20,1 5,5,oops\n")
    with pytest.raises(InputError, match="line 1 has '5,5,oops'"):
        annotations.read_lines(lines, class_names=["ball", "cat"])
    lines.write_text("my pictures/a 1.jpg 1,2,30,20,2\n")
    with pytest.raises(InputError, match="must be below the number of classes, 2"):
        annotations.read_lines(lines, class_names=["ball", "cat"])


def test_coco_boxes_become_corners_and_crowds_difficult(tmp_path):
    picture(tmp_path / "images" / "a.png")
    data = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "categories": [{"id": 9, "name": "cat"}, {"id": 3, "name": "ball"}],
        "annotations": [
            {"image_id": 7, "category_id": 9, "bbox": [1, 2, 10, 20], "iscrowd": 0},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 60, 40], "iscrowd": 1},
        ],
    }
    (tmp_path / "all.json").write_text(json.dumps(data))
    part = annotations.read_coco(tmp_path / "all.json", images=tmp_path / "images")
    assert part.class_names == ("ball", "cat")
    assert part.pictures[0].boxes.tolist() == [[1, 2, 11, 22], [0, 0, 60, 40]]
    assert part.pictures[0].labels.tolist() == [2, 1]
    assert part.pictures[0].difficult.tolist() == [False, True]
    (tmp_path / "all.json").write_text("{}")
    with pytest.raises(InputError, match="not in COCO's layout"):
        annotations.read_coco(tmp_path / "all.json", images=tmp_path / "images")


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


def test_missing_files_and_classes_are_named(tmp_path):
    folder = voc_folder(tmp_path, [("cat", (0, 0, 60, 40), False)])
    with pytest.raises(InputError, match="test.txt does not exist"):
        annotations.read_voc(folder, split="test")
    with pytest.raises(InputError, match="must be one of .'dog'.*first.xml has 'cat'"):
        annotations.read_voc(folder, split="train", class_names=["dog"])
    (folder / "Annotations" / "first.xml").write_text("<annotation><object></object>")
    with pytest.raises(InputError, match="first.xml is not a VOC annotation"):
        annotations.read_voc(folder, split="train")
    (folder / "JPEGImages" / "first.jpg").unlink()
    with pytest.raises(InputError, match="names .*first.jpg, which does not exist"):
        annotations.read_voc(folder, split="train")


@pytest.mark.parametrize("layout", ["voc", "lines", "coco"])
def test_a_split_without_classes_or_pictures_is_named_by_its_list(tmp_path, layout):
    content = {"images": [{"id": 7, "file_name": "a.jpg"}], "categories": [], "annotations": []}
    if layout == "voc":
        voc_folder(tmp_path, [])
        listing, empty = "ImageSets/Main/train.txt", "\n"
    elif layout == "lines":
        (tmp_path / "train.txt").write_text("a.jpg\n")
        (tmp_path / "classes.txt").touch()
        listing, empty = "train.txt", ""
    else:
        (tmp_path / "train.json").write_text(json.dumps(content))
        listing, empty = "train.json", json.dumps(content | {"images": []})
    picture(tmp_path / "a.jpg")
    recipe = DetectionRecipe(name="x", dataset="x", data=tmp_path)
    with pytest.raises(InputError, match="the list train of .* has no object to find: add objects"):
        detection_splits(recipe)
    (tmp_path / listing).write_text(empty)
    with pytest.raises(InputError, match=f"{listing} lists no picture: add some"):
        detection_splits(recipe)


def test_the_degenerate_boxes_of_the_real_blood_cells_are_found():
    folder = Path(os.environ.get("KERAS_CNN_DATA", "absent")) / "bccd"
    if not folder.is_dir():
        pytest.skip("KERAS_CNN_DATA names no folder with bccd")
    parts = {split: annotations.read_voc(folder, split=split) for split in ("train", "val", "test")}
    assert [len(part.pictures) for part in parts.values()] == [205, 87, 72]
    assert parts["train"].class_names == ("Platelets", "RBC", "WBC")
    found = [annotations.check(part, skip_bad_boxes=True) for part in parts.values()]
    bad = {Path(place.split(",")[0]).stem for _, bad in found for place in bad}
    assert bad == {"BloodImage_00338", "BloodImage_00343"}
    boxes = np.concatenate([entry.boxes for part, _ in found for entry in part.pictures])
    assert len(boxes) == 4888 - 2


def test_the_layout_of_a_folder_is_recognised(tmp_path):
    voc_folder(tmp_path / "voc", [("cat", (1, 2, 30, 20), False)])
    picture(tmp_path / "lines" / "a.jpg")
    (tmp_path / "lines" / "train.txt").write_text("a.jpg 1,2,30,20,0\n")
    (tmp_path / "lines" / "classes.txt").write_text("cat\n")
    picture(tmp_path / "coco" / "train" / "a.jpg")
    content = {
        "images": [{"id": 7, "file_name": "a.jpg"}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 29, 18]}],
    }
    (tmp_path / "coco" / "train.json").write_text(json.dumps(content))
    for layout in ("voc", "lines", "coco"):
        part = annotations.read(tmp_path / layout, split="train")
        assert part.class_names == ("cat",), layout
        assert part.pictures[0].boxes.tolist() == [[1, 2, 30, 20]], layout
        assert annotations.has(tmp_path / layout, "train") and not annotations.has(
            tmp_path / layout, "test"
        )
    with pytest.raises(InputError, match="ImageSets/Main.*val.json of COCO.*val.txt"):
        annotations.read(tmp_path / "lines", split="val")
    with pytest.raises(InputError, match="the same classes"):
        annotations.read(tmp_path / "coco", split="train", class_names=["dog"])
