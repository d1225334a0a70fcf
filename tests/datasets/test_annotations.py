"""Annotations: each layout is read as written."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from annotated_sets import picture, voc_folder

from keras_cnn.datasets import annotations
from keras_cnn.detection import DetectionRecipe, detection_splits
from keras_cnn.errors import InputError
from keras_cnn.images import files


def test_a_voc_folder_is_read_as_written(tmp_path):
    objects = [("猫", (1, 2, 30, 20), False), ("ball", (5, 5, 60, 40), True)]
    part = annotations.read(voc_folder(tmp_path, objects), split="train")
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
    assert annotations.read(tmp_path, split="train").pictures[0].path == str(
        images / f"first.{ending}"
    )


def test_an_object_whose_difficulty_is_left_empty_is_not_difficult(tmp_path):
    path = voc_folder(tmp_path, [("cat", (1, 2, 30, 20), True)]) / "Annotations" / "first.xml"
    path.write_text(path.read_text().replace("<difficult>1</difficult>", "<difficult/>"))
    assert annotations.read(tmp_path, split="train").pictures[0].difficult.tolist() == [False]


def _encoded(folder, encoding, *, declared=None):
    """A VOC folder whose XML file declares its encoding, or another encoding."""
    path = voc_folder(folder, [("猫è", (1, 2, 30, 20), False)]) / "Annotations" / "first.xml"
    text = f"<?xml version='1.0' encoding='{declared or encoding}'?>{path.read_text('utf-8')}"
    path.write_bytes(text.encode(encoding))
    return folder


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16", "utf-8", "utf-8-sig"])
def test_an_annotation_is_read_in_the_encoding_it_declares(tmp_path, encoding):
    part = annotations.read(_encoded(tmp_path, encoding), split="train")
    assert part.class_names == ("猫è",)


@pytest.mark.parametrize("declared", ["utf-16", "UTF-16LE"])
def test_an_annotation_that_only_claims_to_be_utf_16_is_read_as_utf_8(tmp_path, declared):
    part = annotations.read(_encoded(tmp_path, "utf-8", declared=declared), split="train")
    assert part.class_names == ("猫è",)


@pytest.mark.parametrize("declared", ["ascii", "no-such", "hex", "utf-8"])
def test_an_annotation_that_is_not_in_its_encoding_is_named_with_it(tmp_path, declared):
    _encoded(tmp_path, "gbk", declared=declared)
    with pytest.raises(InputError, match=f"first.xml: .*{declared}.*save it as UTF-8"):
        annotations.read(tmp_path, split="train")


def test_a_bomb_of_entities_is_no_annotation(tmp_path):
    path = _encoded(tmp_path, "gbk") / "Annotations" / "first.xml"
    entities = "".join(f"<!ENTITY e{n + 1} '{f'&e{n};' * 10}'>" for n in range(6))
    bomb = f"<!DOCTYPE a [<!ENTITY e0 '{100 * 'a'}'>{entities}]><a>&e6;</a>"
    for head in ("", "<?xml version='1.0' encoding='gbk'?>"):
        path.write_text(head + bomb)
        with pytest.raises(InputError, match="is not a VOC annotation"):
            annotations.read(tmp_path, split="train")


def test_lists_may_start_with_a_byte_order_mark_and_must_be_unicode(tmp_path):
    folder = voc_folder(tmp_path / "voc", [("cat", (1, 2, 30, 20), False)])
    listing = folder / "ImageSets" / "Main" / "train.txt"
    listing.write_text("first\n", "utf-8-sig")
    assert len(annotations.read(folder, split="train").pictures) == 1
    picture(tmp_path / "lines" / "a.jpg")
    (tmp_path / "lines" / "train.txt").write_text("a.jpg 1,2,30,20,0\n", "utf-8-sig")
    (tmp_path / "lines" / "classes.txt").write_text("猫\n", "utf-8-sig")
    assert annotations.read(tmp_path / "lines", split="train").class_names == ("猫",)
    (tmp_path / "lines" / "classes.txt").write_text("狗\n", "utf-16")  # it begins with its mark
    assert annotations.read(tmp_path / "lines", split="train").class_names == ("狗",)
    (tmp_path / "lines" / "classes.txt").write_text("狗\n", "gbk")
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
    part = annotations.read(folder, split="train")
    assert [Path(entry.path).stem for entry in part.pictures] == ["my cat", "my cat 1", "first"]
    assert [Path(place).stem for place, _ in part.notes] == ["my cat", "my cat"]
    listing.write_text("first 2\n")
    with pytest.raises(InputError, match="names .*first 2.jpg, which does not exist"):
        annotations.read(folder, split="train")


def test_the_chapters_lines_are_read_with_spaces_in_the_path(tmp_path):
    for name in ("a 1", "b"):
        picture(tmp_path / "my pictures" / f"{name}.jpg")
    (tmp_path / "classes.txt").write_text("ball\ncat\n")
    lines = tmp_path / "train.txt"
    lines.write_text("my pictures/a 1.jpg 1,2,30,20,1 5,5,60,40,0\n\nmy pictures/b.jpg\n")
    part = annotations.read(tmp_path, split="train")
    assert [len(entry.boxes) for entry in part.pictures] == [2, 0]
    assert part.pictures[0].boxes.tolist() == [[1, 2, 30, 20], [5, 5, 60, 40]]
    assert part.pictures[0].labels.tolist() == [2, 1]
    lines.write_text("my pictures/a 1.jpg 1,2,30,20,1 5,5,oops\n")
    with pytest.raises(InputError, match="line 1 has '5,5,oops'"):
        annotations.read(tmp_path, split="train")
    lines.write_text("my pictures/a 1.jpg 1,2,30,20,2\n")
    with pytest.raises(InputError, match="must be below the number of classes, 2"):
        annotations.read(tmp_path, split="train")


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
    (tmp_path / "train.json").write_text(json.dumps(data))
    part = annotations.read(tmp_path, split="train")
    assert part.class_names == ("ball", "cat")
    assert part.pictures[0].boxes.tolist() == [[1, 2, 11, 22], [0, 0, 60, 40]]
    assert part.pictures[0].labels.tolist() == [2, 1]
    assert part.pictures[0].difficult.tolist() == [False, True]
    assert part.pictures[0].crowds.tolist() == [False, True]
    (tmp_path / "train.json").write_text("{}")
    with pytest.raises(InputError, match="not in COCO's layout"):
        annotations.read(tmp_path, split="train")


def test_missing_files_and_classes_are_named(tmp_path):
    folder = voc_folder(tmp_path, [("cat", (0, 0, 60, 40), False)])
    with pytest.raises(InputError, match="has no list test of .*VOC it has .'train'.: add it"):
        annotations.read(folder, split="test")
    with pytest.raises(InputError, match="must be one of .'dog'.*first.xml has 'cat'"):
        annotations.read(folder, split="train", class_names=["dog"])
    (folder / "Annotations" / "first.xml").write_text("<annotation><object></object>")
    with pytest.raises(InputError, match="first.xml is not a VOC annotation"):
        annotations.read(folder, split="train")
    (folder / "JPEGImages" / "first.jpg").unlink()
    with pytest.raises(InputError, match="names .*first.jpg, which does not exist"):
        annotations.read(folder, split="train")


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
    with pytest.raises(InputError, match="the list train of .* lists no picture: add some"):
        detection_splits(recipe)


def test_the_degenerate_boxes_of_the_real_blood_cells_are_found():
    folder = Path(os.environ.get("KERAS_CNN_DATA", "absent")) / "bccd"
    if not folder.is_dir():
        pytest.skip("KERAS_CNN_DATA names no folder with bccd")
    parts = {split: annotations.read(folder, split=split) for split in ("train", "val", "test")}
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
    with pytest.raises(InputError, match="has no list val of pictures; as lines of text it has"):
        annotations.read(tmp_path / "lines", split="val")
    with pytest.raises(InputError, match="must be one of .'dog'.; .* has 'cat'"):
        annotations.read(tmp_path / "coco", split="train", class_names=["dog"])
