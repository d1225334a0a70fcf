"""``keras-cnn evaluate`` of a detector, on a set of each layout."""

import contextlib
import io
import json
import re

import numpy as np
import pytest
from oracle_detector import NAMES, SCENES, Oracle, bright
from PIL import Image

from keras_cnn import card
from keras_cnn.cli import main
from keras_cnn.detection.detector import Detector


@pytest.fixture
def evaluate(tmp_path, monkeypatch, capsys):
    """Calls the command; returns its exit code, what it printed as JSON, and its error."""
    detector = Detector(Oracle(), NAMES)
    monkeypatch.setattr(card, "read", lambda path: card.Card(task="detection"))
    monkeypatch.setattr(Detector, "load", lambda path, *, unsafe: detector)
    (tmp_path / "model.keras").touch()

    def call(*options):
        folder = tmp_path / "set"
        code = main(["evaluate", str(tmp_path / "model.keras"), str(folder), "--json", *options])
        output = capsys.readouterr()
        return code, json.loads(output.out or "null"), output.err

    return call


def _draw(folder):
    folder.mkdir(parents=True)
    for number, scene in enumerate(SCENES):
        Image.fromarray(bright(*scene)).save(folder / f"{number}.png")


@pytest.fixture
def voc(tmp_path):
    folder = tmp_path / "set"
    for part in ("Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    _draw(folder / "JPEGImages")
    (folder / "ImageSets/Main/val.txt").write_text("0\n1\n2\n")
    for number, (_, _, box) in enumerate(SCENES):
        corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        tags = "".join(f"<{name}>{value}</{name}>" for name, value in corners)
        (folder / "Annotations" / f"{number}.xml").write_text(
            "<annotation><object><name>书法</name><difficult>0</difficult>"
            f"<bndbox>{tags}</bndbox></object></annotation>",
            encoding="utf-8",
        )
    return folder


def test_a_detector_is_scored_on_a_voc_folder(voc, evaluate, tmp_path):
    _, scores, _ = evaluate()
    assert scores["test"]["map"] == 1 and scores["test"]["classes"]["书法"]["objects"] == 3
    assert scores["sentence"].startswith("mAP 1.000 at IoU 0.5 on 3 pictures of val, 95 % ")
    out = tmp_path / "out"
    assert evaluate("--out", str(out))[1] == scores
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert report["test"]["map"] == 1 and report["samples"] == {"test": 3}
    assert report["sentence"].startswith("mAP 1.000") and "3 test pictures" in report["sentence"]
    names = {path.name for path in out.iterdir()}
    assert {"report.html", "detections.csv", "precision_recall.png", "detections.png"} <= names
    assert not {"samples.png", "augment.png"} & names


def test_a_bad_box_is_told_with_the_option_that_evaluate_has(voc, evaluate):
    path = voc / "Annotations" / "1.xml"
    path.write_text(path.read_text("utf-8").replace(">20<", ">120<"), "utf-8")
    code, _, errors = evaluate()
    assert code == 2 and "has no area" in errors
    assert "--skip-bad-images" in errors and "--skip-bad-boxes" not in errors
    _, scores, _ = evaluate("--skip-bad-images")
    assert scores["test"]["classes"]["书法"]["objects"] == 2 and len(scores["skipped"]) == 1


def test_classes_of_another_name_are_scored_as_renamed(voc, evaluate):
    for path in (voc / "Annotations").iterdir():
        path.write_text(path.read_text("utf-8").replace("书法", "writing"), "utf-8")
    code, _, errors = evaluate()
    assert code == 2 and "'writing'" in errors
    _, scores, _ = evaluate("--rename", "writing=书法")
    assert scores["test"]["map"] == 1 and scores["test"]["classes"]["书法"]["objects"] == 3
    _, scores, _ = evaluate("--rename", "writing=book")  # the detector finds none of this class
    assert scores["test"]["map"] == 0 and scores["test"]["classes"]["book"]["objects"] == 3


def test_boxes_on_another_size_of_their_picture_are_scored_as_fixed(voc, evaluate):
    for number, (width, height, _) in enumerate(SCENES):  # annotated before the pictures were cut
        path = voc / "Annotations" / f"{number}.xml"
        size = f"<size><width>{2 * width}</width><height>{2 * height}</height></size>"
        text = path.read_text("utf-8").replace("<annotation>", f"<annotation>{size}")
        double = re.sub(r"(?<=[nx]>)\d+", lambda edge: str(2 * int(edge[0])), text)
        path.write_text(double, "utf-8")
    code, _, errors = evaluate()
    assert code == 2 and "with --fix-boxes" in errors
    _, scores, _ = evaluate("--fix-boxes")
    assert scores["test"]["map"] == 1 and scores["test"]["map_coco"] > 0.9


def test_evaluate_goes_on_without_pictures_that_cannot_be_read(voc, evaluate):
    bad = voc / "JPEGImages" / "1.png"
    for content in (b"no picture", bad.read_bytes()[:-200]):
        bad.write_bytes(content)
        code, _, errors = evaluate()
        assert code == 2 and str(bad) in errors
        _, scores, _ = evaluate("--skip-bad-images")
        assert scores["test"]["map"] == 1 and list(scores["skipped"]) == [str(bad)]
        assert scores["sentence"].startswith("mAP 1.000 at IoU 0.5 on 2 pictures of val, 95 % ")
    for path in (voc / "JPEGImages").iterdir():
        path.write_bytes(b"no picture")
    code, _, errors = evaluate("--skip-bad-images")
    assert code == 2 and "no picture" in errors and "can be read" in errors


def test_a_detector_is_scored_on_the_layouts_it_learns_from(tmp_path, evaluate):
    folder = tmp_path / "set"
    _draw(folder)
    content = {"images": [], "categories": [], "annotations": []}
    for number, name in enumerate(NAMES):
        content["categories"].append({"id": number, "name": name})
    for number, (_, _, (x1, y1, x2, y2)) in enumerate(SCENES):
        content["images"].append({"id": number, "file_name": f"{number}.png"})
        box = {"image_id": number, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        content["annotations"].append(box)
    (folder / "val.json").write_text(json.dumps(content))
    _, scores, _ = evaluate()
    assert scores["sentence"].startswith("mAP 1.000 at IoU 0.5 on 3 pictures of val, 95 % ")
    lines = (f"{number}.png {','.join(map(str, box))},1" for number, (*_, box) in enumerate(SCENES))
    (folder / "val.json").unlink()  # a folder is read in one layout
    (folder / "test.txt").write_text("\n".join(lines))
    (folder / "classes.txt").write_text("\n".join(NAMES), "utf-8")
    _, scores, _ = evaluate()
    assert scores["sentence"].startswith("mAP 1.000 at IoU 0.5 on 3 pictures of test, 95 % ")
    # Classes are the same by name: another order of them changes nothing.
    (folder / "classes.txt").write_text("\n".join(NAMES[::-1]), "utf-8")
    text = (folder / "test.txt").read_text()
    (folder / "test.txt").write_text(re.sub(",1$", ",0", text, flags=re.MULTILINE))
    _, scores, _ = evaluate()
    assert scores["sentence"].startswith("mAP 1.000 at IoU 0.5 on 3 pictures of test, 95 % ")


def test_the_file_of_results_has_the_ids_of_the_coco_file_and_pycocotools_scores_it_alike(
    tmp_path, evaluate
):
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    folder = tmp_path / "set"
    _draw(folder)
    content = {"images": [], "annotations": []}
    content["categories"] = [{"id": 7, "name": "book"}, {"id": 40, "name": "书法"}]
    for number, (width, height, (x1, y1, x2, y2)) in enumerate(SCENES):
        size = {"width": width, "height": height}
        content["images"].append({"id": 100 - number, "file_name": f"{number}.png"} | size)
        box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
        box |= {"id": number + 1, "image_id": 100 - number, "category_id": 40}
        content["annotations"].append(box)
    (folder / "val.json").write_text(json.dumps(content), "utf-8")
    _, scores, _ = evaluate("--coco-json", str(tmp_path / "results.json"))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO(str(folder / "val.json"))
        judge = cocoeval.COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    keys = ("map_coco", "map_coco50", "map_coco75", "map_coco_medium", "map_coco_large")
    expected = judge.stats[[0, 1, 2, 4, 5]]
    assert 0.5 < expected[0] <= 1
    np.testing.assert_allclose([scores["test"][key] for key in keys], expected, atol=1e-12)


def test_pictures_of_another_layout_are_numbered_from_one_on(voc, evaluate, tmp_path):
    path = tmp_path / "results.json"
    evaluate("--coco-json", str(path))
    rows = json.loads(path.read_text("utf-8"))
    assert [row["image_id"] for row in rows] == [1, 2, 3]
    assert {row["category_id"] for row in rows} == {2}
    code, _, errors = evaluate("--coco-json", str(tmp_path / "absent" / "results.json"))
    assert code == 2 and "--coco-json must be a file in a folder that exists" in errors
