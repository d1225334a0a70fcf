"""``check`` and training agree on sets with boxes: neither accepts what the other refuses."""

import json
import re

import numpy as np
import pytest
from annotated_sets import LAYOUTS
from PIL import Image

from keras_cnn.cli import main
from keras_cnn.datasets.check import check
from keras_cnn.detection import DetectionRecipe, detection_splits
from keras_cnn.errors import InputError

SEEDS = 12  # random faults of each layout
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
        {"categories": [{"id": 1, "name": "Cat"}]},
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


BROKEN = {  # change of a generated set -> whether training must refuse it
    "none": False,
    "background": False,
    "rounding": False,
    "twice": False,
    "empty val class": False,
    "no area": True,
    "outside": True,
    "unknown class": True,
    "blank class": True,
    "missing picture": True,
    "damaged picture": True,
    "other size": True,
    "case": True,
}


def _generated(folder, rng, change):
    """A set in COCO's layout with random boxes, and one change of it."""
    classes = ["cat", "dog", "cow"]
    for split, count in {"train": 4, "val": 2}.items():
        content = {"images": [], "annotations": []}
        content["categories"] = [{"id": k, "name": name} for k, name in enumerate(classes)]
        for number in range(count):
            name = f"{split}{number}.png"
            _picture(folder / split / name, seed=int(rng.integers(1 << 30)))
            image = {"id": number, "file_name": name, "width": 60, "height": 40}
            content["images"].append(image)
            for _ in range(rng.integers(1, 4)):
                (x, y), (w, h) = rng.uniform(0, 30, 2), rng.uniform(2, 10, 2)
                entry = {"image_id": number, "category_id": int(rng.integers(3))}
                content["annotations"].append(entry | {"bbox": [x, y, w, h], "iscrowd": 0})
        _apply(change, content, folder / split, rng)
        (folder / f"{split}.json").write_text(json.dumps(content))


def _apply(change, content, folder, rng):
    entry = content["annotations"][rng.integers(len(content["annotations"]))]
    image = content["images"][rng.integers(len(content["images"]))]
    match change:
        case "background":
            _picture(folder / "more.png", seed=int(rng.integers(1 << 30)))
            content["images"].append({"id": 99, "file_name": "more.png"})
        case "rounding":
            entry["bbox"][2] = 60.9 - entry["bbox"][0]
        case "twice":
            its = [e for e in content["annotations"] if e["image_id"] == image["id"]]
            content["images"].append(image | {"id": 99})
            content["annotations"] += [e | {"image_id": 99} for e in its]
        case "empty val class":
            content["categories"].append({"id": 7, "name": "owl"})
        case "no area":
            entry["bbox"][3] = 0
        case "outside":
            entry["bbox"][0] = 70
        case "unknown class":
            entry["category_id"] = 8
        case "blank class":
            content["categories"].append({"id": 8, "name": " "})
            entry["category_id"] = 8
        case "missing picture":
            (folder / image["file_name"]).unlink()
        case "damaged picture":
            (folder / image["file_name"]).write_bytes(b"P")
        case "other size":
            content["images"] = [i | {"width": 30, "height": 80} for i in content["images"]]
        case "case":
            content["categories"].append({"id": 8, "name": "CAT"})
            entry["category_id"] = 8


@pytest.mark.parametrize("change", BROKEN)
def test_check_says_no_faults_exactly_where_training_accepts(tmp_path, change):
    for seed in range(4):
        folder = tmp_path / str(seed)
        _generated(folder, np.random.default_rng(seed), change)
        faults = [fault for fault in _faults(folder) if "leak" not in fault.kind]
        assert bool(faults) == _refused(folder) == BROKEN[change], (seed, faults)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_judged_alike(tmp_path, layout):
    LAYOUTS[layout](tmp_path)
    for seed, path in enumerate(sorted(tmp_path.rglob("*.[jJ][pP][gG]"))):
        _picture(path, seed=seed)
    assert not _faults(tmp_path) and not _refused(tmp_path)


def _edited(text, rng):
    """The text with a word taken out, doubled, exchanged or changed."""
    words = re.split(r"(\W)", text)
    k, j = rng.integers(len(words), size=2)
    match rng.integers(4):
        case 0:
            words[k] = ""
        case 1:
            words[k] *= 2
        case 2:
            words[k], words[j] = words[j], words[k]
        case 3:
            words[k] = ("0", "-1", "nan", "900", "cat", "Dog", "", '"', "图", "<", "{", "0.5")[
                j % 12
            ]
    return "".join(words)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_check_and_training_agree_on_a_set_of_each_layout_with_a_random_fault(tmp_path, layout):
    LAYOUTS[layout](tmp_path)
    for seed, path in enumerate(sorted(tmp_path.rglob("*.[jJ][pP][gG]"))):
        _picture(path, seed=seed)
    texts = [path for path in tmp_path.rglob("*.*") if path.suffix.lower() != ".jpg"]
    accepted = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        path = sorted(texts)[rng.integers(len(texts))]
        text = path.read_text("utf-8")
        path.write_text(_edited(text, rng), "utf-8")
        try:
            result = check(tmp_path)
            faults = [finding for finding in result.findings if finding.is_fault]
        except InputError:
            result, faults = None, []
        is_accepted = result is not None and result.layout != "" and not faults
        assert is_accepted != _refused(tmp_path), (seed, path.read_text("utf-8"), faults)
        accepted += is_accepted
        path.write_text(text, "utf-8")
    assert accepted < SEEDS


def test_an_undivided_set_is_trained_and_checked_alike(tmp_path, capsys):
    for number in range(12):
        _picture(tmp_path / f"{number}.png", seed=number)
        (tmp_path / f"{number}.xml").write_text(XML.replace("cat", ("cat", "dog")[number % 2]))
    _picture(tmp_path / "copy.png", seed=0)
    (tmp_path / "copy.xml").write_text(XML)
    assert not _faults(tmp_path)
    splits = detection_splits(DetectionRecipe(name="x", dataset="x", data=tmp_path))
    assert sum(splits.sizes.values()) == 13 and min(splits.sizes.values()) >= 2
    assert "The set was divided by class" in capsys.readouterr().out
    for part in (splits.train, splits.validation, splits.test):
        assert {label for entry in part.pictures for label in entry.labels} == {1, 2}
        names = {path.rpartition("/")[2] for path in part.filepaths}
        assert len(names & {"0.png", "copy.png"}) != 1
    for path in tmp_path.glob("[1-9]*.png"):
        path.unlink()
        path.with_suffix(".xml").unlink()
    assert [fault.kind for fault in _faults(tmp_path)] == ["too few"] and _refused(tmp_path)
