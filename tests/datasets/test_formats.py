"""Layouts of pictures with boxes: the same set comes out of each, and goes back without loss."""

import json
from pathlib import Path

import numpy as np
import pytest
from annotated_sets import LAYOUTS, OBJECTS, picture
from PIL import Image

from keras_cnn.cli import main
from keras_cnn.datasets import annotations, conversion, formats
from keras_cnn.errors import InputError

BOXES = {  # what each layout makes of `OBJECTS`
    split: {name: sorted(objects) for name, objects in pictures.items()}
    for split, pictures in OBJECTS.items()
}


def boxes(annotated):
    return {
        split: {
            Path(entry.path).stem: sorted(
                (part.class_names[label - 1], tuple(np.round(box, 9).tolist()))
                for label, box in zip(entry.labels, entry.boxes, strict=True)
            )
            for entry in part.pictures
        }
        for split, part in annotated.splits.items()
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_the_same_set(tmp_path, layout):
    LAYOUTS[layout](tmp_path)
    annotated = annotations.read_set(tmp_path)
    assert boxes(annotated) == BOXES
    assert set(annotated.class_names) == {"cat", "dog"}
    for part in annotated.splits.values():
        assert annotations.check(part)[1] == {}
    assert annotated.layout in {entry.name for entry in formats.FORMATS}
    assert f"read as {annotated.layout}: 2 in train, 1 in val" in annotated.sentence


def test_every_reader_has_a_layout_in_these_tests(tmp_path):
    read = set()
    for layout, write in LAYOUTS.items():
        write(tmp_path / layout)
        read.add(annotations.read_set(tmp_path / layout).layout)
    assert read == {entry.name for entry in formats.FORMATS}


@pytest.mark.parametrize("to", ["voc", "coco", "yolo"])
@pytest.mark.parametrize("layout", ["voc", "roboflow", "darknet", "cvat"])
def test_a_converted_set_is_the_same(tmp_path, layout, to):
    LAYOUTS[layout](tmp_path / "set")
    assert main(["convert", str(tmp_path / "set"), "--to", to, "--out", str(tmp_path / "new")]) == 0
    assert boxes(annotations.read_set(tmp_path / "new")) == BOXES


@pytest.mark.parametrize("to", ["voc", "coco", "yolo"])
def test_an_undivided_set_stays_undivided_and_equal_names_apart(tmp_path, to):
    for number, place in enumerate(("x", "y")):
        red = Image.new("RGB", (60, 40), (200 * number, 0, 0))
        red.save(_made(tmp_path / "set" / place) / "a.jpg")
    (tmp_path / "set" / "all.csv").write_text("x/a.jpg,1,2,30,20,cat\ny/a.jpg,3.5,4,50,30,猫\n")
    conversion.convert(tmp_path / "set", tmp_path / "new", to=to)
    annotated = annotations.read_set(tmp_path / "new")
    assert boxes(annotated) == {
        "all": {"a": [("cat", (1, 2, 30, 20))], "a_2": [("猫", (3.5, 4, 50, 30))]}
    }
    for entry in annotated.splits["all"].pictures:  # each has its own pixels
        with Image.open(entry.path) as image:
            assert (image.getpixel((0, 0))[0] > 100) == entry.path.endswith("a_2.jpg")


def _made(folder):
    folder.mkdir(parents=True)
    return folder


def test_the_marks_difficult_and_crowd_survive_in_voc_and_coco(tmp_path, capsys):
    picture(tmp_path / "set" / "train" / "a.jpg")
    flags = ({"iscrowd": 1}, {"difficult": 1}, {})
    entries = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 20, 20]} | flag for flag in flags]
    content = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": entries}
    content["categories"] = [{"id": 1, "name": "cat"}]
    (tmp_path / "set" / "train.json").write_text(json.dumps(content))
    for to in ("voc", "coco"):
        conversion.convert(tmp_path / "set", tmp_path / to, to=to)
        (entry,) = annotations.read(tmp_path / to, split="train").pictures
        assert entry.crowds.tolist() == [True, False, False]
        assert entry.difficult.tolist() == [True, True, False]
    words = ["convert", str(tmp_path / "set"), "--to", "yolo", "--out", str(tmp_path / "yolo")]
    assert main(words) == 0
    assert "'difficult' and 'crowd' of 2 objects; they are lost" in capsys.readouterr().out


def test_pycocotools_reads_the_same_boxes_from_a_converted_set(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    LAYOUTS["voc"](tmp_path / "set")
    conversion.convert(tmp_path / "set", tmp_path / "new", to="coco")
    for split, pictures in OBJECTS.items():
        index = coco.COCO(str(tmp_path / "new" / f"{split}.json"))
        names = {number: entry["name"] for number, entry in index.cats.items()}
        for number, image in index.imgs.items():
            found = index.loadAnns(index.getAnnIds(imgIds=[number]))
            expected = pictures[Path(image["file_name"]).stem]
            assert [(names[entry["category_id"]], entry["bbox"]) for entry in found] == [
                (name, [x1, y1, x2 - x1, y2 - y1]) for name, (x1, y1, x2, y2) in expected
            ]


def test_a_conversion_writes_no_half_set_and_into_no_old_folder(tmp_path):
    LAYOUTS["voc"](tmp_path / "set")
    with pytest.raises(InputError, match="must name a new folder"):
        conversion.convert(tmp_path / "set", tmp_path / "set", to="coco")
    path = tmp_path / "set" / "Annotations" / "a.xml"
    path.write_text(path.read_text().replace("<xmax>30<", "<xmax>300<"))
    with pytest.raises(InputError, match="reaches outside"):
        conversion.convert(tmp_path / "set", tmp_path / "new", to="coco")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["set"]


def test_no_layout_is_answered_by_the_table_of_all(tmp_path):
    picture(tmp_path / "a.jpg")
    with pytest.raises(InputError) as raised:
        annotations.read(tmp_path, split="train")
    for entry in formats.FORMATS:
        assert entry.name in str(raised.value) and entry.layout in str(raised.value)


def test_the_page_on_data_lists_every_layout():
    page = Path(__file__).resolve().parents[2] / "data" / "README.md"
    for entry in formats.FORMATS:
        assert f"| {entry.name} | {entry.layout} |" in page.read_text(encoding="utf-8")


def _yolo(folder, line, *, yaml="train: images\nnames: [cat, dog]\n"):
    picture(folder / "images" / "a.jpg")
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text(line, "utf-8-sig")
    (folder / "data.yaml").write_text(yaml, "utf-8")
    return annotations.read(folder, split="train")


@pytest.mark.parametrize(
    "place", [("images", "labels"), ("images/train", "labels/train"), ("train", "train"), ("", "")]
)
def test_yolo_without_names_of_classes_is_told_where_to_write_them(tmp_path, place, capsys):
    pictures, labels = (tmp_path / name for name in place)
    picture(pictures / "a.jpg")
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "a.txt").write_text("1 .5 .5 .5 .5\n")
    rule = "a YOLO set must name its classes; .*a.txt, and no names: write them into .*classes.txt"
    with pytest.raises(InputError, match=rule):
        annotations.read_set(tmp_path)
    assert main(["check", str(tmp_path)]) == 1
    assert "must name its classes" in capsys.readouterr().out
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (part,) = annotations.read_set(tmp_path).splits.values()
    assert part.pictures[0].boxes.tolist() == [[15, 10, 45, 30]]
    (tmp_path / "classes.txt").unlink()
    (labels / "a.txt").write_text("a cat on a mat\n")  # of a set with a sentence per picture
    assert annotations.read_set(tmp_path).splits == {}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("labels/classes.txt", ("images", "labels")),  # as labelImg writes it
        ("labels/train/classes.txt", ("images/train", "labels/train")),
        ("train/labels/classes.txt", ("train/images", "train/labels")),
        ("train/_darknet.labels", ("train", "train")),  # as Roboflow writes it
        ("my.names", ("", "")),
    ],
)
def test_names_of_yolo_classes_may_lie_beside_the_label_files(tmp_path, name, place):
    pictures, labels = (tmp_path / part for part in place)
    picture(pictures / "a.jpg")
    labels.mkdir(parents=True, exist_ok=True)
    (labels / "a.txt").write_text("1 .5 .5 .5 .5\n")
    (tmp_path / name).write_text("cat\ndog\n")
    (part,) = annotations.read_set(tmp_path).splits.values()
    assert part.class_names == ("cat", "dog") and part.pictures[0].labels.tolist() == [2]
    assert [len(part.pictures), part.notes] == [1, ()]


@pytest.mark.parametrize(
    ("place", "split"),
    [("Images {}", "all"), ("Images/train {}/train", "train"), ("train/Images train/{}", "train")],
)
@pytest.mark.parametrize("yaml", [False, True])
def test_folders_of_yolo_may_have_capitals(tmp_path, place, split, yaml):
    pictures, labels = (tmp_path / name for name in place.format("Labels").split())
    picture(pictures / "a.jpg")
    labels.mkdir(parents=True)
    (labels / "a.txt").write_text("1 .5 .5 .5 .5\n")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    if yaml and split == "train":
        entry = str(pictures.relative_to(tmp_path)).removesuffix("/Images")
        (tmp_path / "data.yaml").write_text(f"train: {entry}\nnames: [cat, dog]\n")
        picture(tmp_path / "train" / "masks" / "a.jpg")  # of no label file
    (entry,) = annotations.read(tmp_path, split=split).pictures
    assert entry.labels.tolist() == [2]


def test_lists_of_yolo_classes_that_differ_by_split_are_refused(tmp_path):
    for split, names in (("train", "cat\ndog\n"), ("val", "dog\ncat\n")):
        picture(tmp_path / "images" / split / "a.jpg")
        (tmp_path / "labels" / split).mkdir(parents=True)
        (tmp_path / "labels" / split / "a.txt").write_text("1 .5 .5 .5 .5\n")
        (tmp_path / "labels" / split / "classes.txt").write_text(names)
    with pytest.raises(InputError, match="one list of classes; .*train.*val.* differ"):
        annotations.read_set(tmp_path)


def test_a_segment_of_yolo_counts_as_its_box(tmp_path):
    part = _yolo(tmp_path, "1.0 0.5 0.25 0.75 0.5 0.5 0.75\n0 .5 .5 .5 .5\n")
    assert part.pictures[0].boxes.tolist() == [[30, 10, 45, 30], [15, 10, 45, 30]]
    assert part.pictures[0].labels.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2 .5 .5 .5 .5", "must be below the number of classes, 2; .*a.txt, line 1 has 2"),
        ("-1 .5 .5 .5 .5", "must be below the number of classes"),
        ("cat .5 .5 .5 .5", "must be below the number of classes, 2; .* has cat"),
        ("0 .5 .5 .5", "line 1 has 4 numbers: correct it"),
        ("0 .5 .5 .5 .5 .9", "line 1 has 6 numbers"),
        ("0 .5 .5 .5 wide", "must have a number in every place; it has 'wide'"),
    ],
)
def test_faults_of_yolo_are_named_in_words(tmp_path, line, reason):
    with pytest.raises(InputError, match=reason):
        _yolo(tmp_path, line)


@pytest.mark.parametrize(
    ("yaml", "reason"),
    [
        ("train: images\nnames: [cat\n", "data.yaml is not YAML, or damaged"),
        ("train: images\nnames: {1: cat}\n", "data.yaml must have names as a list"),
        ("train: images\nnames: {0: cat, b: dog}\n", "data.yaml must have names as a list"),
        ("train: images\nnames: 3\n", "data.yaml must have names as a list"),
        ("train: gone\nnames: [cat]\n", "gone must hold the pictures of a split, and does not"),
    ],
)
def test_faults_of_data_yaml_are_named_in_words(tmp_path, yaml, reason):
    with pytest.raises(InputError, match=reason):
        _yolo(tmp_path, "0 .5 .5 .5 .5", yaml=yaml)


def test_the_folder_of_another_machine_is_looked_up_by_its_name(tmp_path):
    text = "path: C:\\Users\\me\\sets\\pets\ntrain: images\nnames: [cat, dog]\n"
    (tmp_path / "pets").mkdir()
    _yolo(tmp_path / "pets", "1 .5 .5 .5 .5")
    (tmp_path / "data.yaml").write_text(text)
    part = annotations.read(tmp_path, split="train")
    assert part.pictures[0].labels.tolist() == [2]


def test_a_yolo_picture_that_exif_turns_is_measured_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    _yolo(tmp_path / "set", "0 .5 .5 1 1\n")
    Image.new("RGB", (60, 40)).save(tmp_path / "set" / "images" / "a.jpg", exif=exif)
    part = annotations.read(tmp_path / "set", split="train")
    assert part.pictures[0].boxes.tolist() == [[0, 0, 40, 60]]


@pytest.mark.parametrize(
    ("points", "kind", "box"),
    [
        ([[5, 6], [30, 6], [10, 36]], "polygon", [5, 6, 30, 36]),
        ([[20, 20], [20, 26]], "circle", [14, 14, 26, 26]),
    ],
)
def test_shapes_of_labelme_count_as_the_boxes_around_them(tmp_path, points, kind, box):
    picture(tmp_path / "a.jpg")
    shape = {"label": "cat", "points": points, "shape_type": kind}
    (tmp_path / "a.json").write_text(json.dumps({"shapes": [shape], "imagePath": "a.jpg"}))
    assert annotations.read(tmp_path, split="all").pictures[0].boxes.tolist() == [box]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({}, "a.json, object 1 must have a label"),
        ({"label": "cat", "points": [[1, 2]]}, "object 1 must have two or more points"),
        ({"label": "cat", "points": "far"}, "object 1 must have two or more points"),
        ({"label": "", "points": [[1, 2], [3, 4]]}, "object 1 has no class.*--rename =NAME"),
    ],
)
def test_faults_of_labelme_are_named_in_words(tmp_path, shape, reason):
    picture(tmp_path / "a.jpg")
    (tmp_path / "a.json").write_text(json.dumps({"shapes": [shape], "imagePath": "a.jpg"}))
    with pytest.raises(InputError, match=reason):
        annotations.read(tmp_path, split="all")


def test_shapes_of_labelme_that_are_no_objects_are_left_out_and_difficult_ones_marked(tmp_path):
    picture(tmp_path / "a.jpg")
    corners = {"points": [[5, 6], [30, 36]], "shape_type": "rectangle"}
    shapes = [
        {"label": "__ignore__", "points": [[1, 2]], "shape_type": "point"},
        {"label": "_background_"} | corners,
        {"label": "cat", "flags": {"difficult": True}} | corners,
        {"label": "dog", "difficult": True, "flags": {}} | corners,  # as X-AnyLabeling has it
        {"label": "__cat__", "difficult": False, "flags": None} | corners,
    ]
    (tmp_path / "a.json").write_text(json.dumps({"shapes": shapes, "imagePath": "a.jpg"}))
    part = annotations.read(tmp_path, split="all")
    assert part.class_names == ("__cat__", "cat", "dog")
    assert part.pictures[0].labels.tolist() == [2, 3, 1]
    assert part.pictures[0].difficult.tolist() == [True, True, False]


def test_shapes_of_cvat_count_as_the_boxes_around_them(tmp_path):
    picture(tmp_path / "a.jpg")
    shapes = (
        '<polygon label="cat" points="5,6;30,6;10,36"/><ellipse label="dog" cx="20" cy="20" rx="5" '
        'ry="6"/><mask label="dog" left="1" top="2" width="3" height="4" rle="12"/><tag label="x"/>'
    )
    text = f'<annotations><image name="a.jpg">{shapes}</image></annotations>'
    (tmp_path / "annotations.xml").write_text(text)
    (entry,) = annotations.read(tmp_path, split="all").pictures
    assert entry.boxes.tolist() == [[5, 6, 30, 36], [15, 14, 25, 26], [1, 2, 4, 6]]
    (tmp_path / "annotations.xml").write_text("<annotations><track/></annotations>")
    with pytest.raises(InputError, match="CVAT for images 1.1"):
        annotations.read(tmp_path, split="all")


def test_a_table_may_have_semicolons_decimal_commas_and_names_without_endings(tmp_path):
    picture(tmp_path / "a.JPG")
    (tmp_path / "boxes.csv").write_text("image;label;x1;y1;x2;y2\na;cat;1,5;2;30;20\n", "utf-8-sig")
    (entry,) = annotations.read(tmp_path, split="all").pictures
    assert entry.boxes.tolist() == [[1.5, 2, 30, 20]]
    (tmp_path / "boxes.csv").write_text("image,label,x1,y1,x2,y2\nb.jpg,cat,1,2,30,20\n")
    with pytest.raises(InputError, match="line 2 names .*b.jpg, which does not exist"):
        annotations.read(tmp_path, split="all")


HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEADER + 'a.png,60,40,"cat,1,2,30,20\n', "boxes.csv, line 2 is damaged: unexpected end"),
        (HEADER + "a.png,60,40,cat,1,2\n", "line 2 must have 8 cells as the first line; it has 6"),
        (HEADER + "\na.png,60,40,a,cat,1,2,30,20\n", "line 3 must have 8 cells .* it has 9"),
        ("a.png,1,2,30,20,cat\na.png,1,2,30\n", "line 2 must have 6 cells .* it has 4"),
        (HEADER + "a.png,60,40,caf\xe9,1,2,30,20\n", "cannot read .*boxes.csv.*save it as UTF-8"),
        (
            HEADER + "a.png,60,40,cat,nan,2,30,20\n",
            "line 2 must have a number in xmin; it has none",
        ),
        (HEADER + 'a.png,60,40,cat,"1,200",2,"1,300",20\n', "must have a number .* it has '1,200'"),
        (HEADER + "a.png,60,40,cat,1 200,2,30,20\n", "must have a number .* it has '1 200'"),
        (HEADER + "a.png,60,40,cat,,,,\n", "must have a number in xmin; it has none"),
        (HEADER, "lists no picture"),
        ("filename,class,xmin,ymin,xmax\na.png,cat,1,2,30\n", "must have a column ymax; it has"),
    ],
)
def test_faults_of_a_table_are_named_with_their_line(tmp_path, content, reason):
    picture(tmp_path / "a.png")
    (tmp_path / "boxes.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=reason):
        annotations.read_set(tmp_path)


def test_a_table_in_utf_16_as_excel_writes_it_is_read(tmp_path):
    picture(tmp_path / "a.png")
    content = f"{HEADER}a.png,60,40,书,1,2,30,20,\n".replace(",", "\t")
    (tmp_path / "boxes.csv").write_text(content, "utf-16")
    (entry,) = annotations.read(tmp_path, split="all").pictures
    assert entry.boxes.tolist() == [[1, 2, 30, 20]]


def test_a_folder_of_classes_with_other_files_stays_one(tmp_path):
    for name in ("cat", "dog"):
        picture(tmp_path / name / "a.jpg")
    (tmp_path / "scores.csv").write_text("file,score\na.jpg,1\n")
    (tmp_path / "report.json").write_text('{"images": 3}')
    (tmp_path / "layout.xml").write_text("<html/>")
    (tmp_path / "recipe.yaml").write_text("epochs: 3\n")
    (tmp_path / "train.txt").write_bytes("café\n".encode("latin-1"))
    assert annotations.read_set(tmp_path).splits == {}
