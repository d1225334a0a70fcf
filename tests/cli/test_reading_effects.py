"""Options of how annotations are read change what each command does."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from keras_cnn import detection
from keras_cnn.cli import main
from keras_cnn.datasets.synthetic import draw as synthetic


def test_options_of_reading_change_what_is_trained(tmp_path):
    synthetic.shapes.write(tmp_path / "set", split_sizes={"train": 12})
    listed = tmp_path / "listed.txt"
    first = sorted((tmp_path / "set" / "JPEGImages").iterdir())[0]
    listed.write_text(f"{first}\n")
    base = detection.DetectionRecipe(name="x", dataset="x", data=tmp_path / "set")
    names = detection.detection_splits(base).class_names
    changes = {"validation_split": 0.3, "leave_out": listed, "rename": [f"{names[0]}=first"]}
    changes["group_by"] = "([0-9])$"
    changes["classes"] = ",".join(reversed(names))
    hashes = {str(detection.detection_splits(base).fingerprints)}
    for name, value in changes.items():
        changed = dataclasses.replace(base, **{name: value})
        hashes.add(str(detection.detection_splits(changed).fingerprints))
    assert len(hashes) == 1 + len(changes)


@pytest.fixture
def boxed(tmp_path):
    """An undivided set whose pictures were halved, with a list of one picture."""
    folder = tmp_path / "boxed"
    folder.mkdir()
    lines = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 6, 3), np.uint8)
        picture = Image.fromarray(pixels).resize((60, 40), Image.Resampling.NEAREST)
        picture.save(folder / f"{number // 6}_{number}.png")
        lines += f"{number // 6}_{number}.png,120,80,{('cat', 'dog')[number % 2]},4,6,60,50\n"
    (folder / "boxes.csv").write_text(lines)
    (tmp_path / "listed.txt").write_text(str(folder / "1_11.png"))
    return folder


CHANGES = {  # of what check and convert read of the set `boxed`, whose boxes are fixed
    "rename": ["--rename", "cat=dog"],
    "classes": ["--classes", "dog,cat,owl"],
    "without": ["--without", "listed.txt"],
}


def test_options_of_reading_change_what_check_says(boxed, capsys, monkeypatch):
    monkeypatch.chdir(boxed.parent)

    def checked(*options):
        code = main(["check", "boxed", "--json", *options])
        return code, json.loads(capsys.readouterr().out)

    code, raw = checked()
    assert code == 1 and raw["faults"] == 12  # of boxes on another size
    code, first = checked("--fix-boxes")
    assert code == 0 and first["objects"]["all"]["objects"]["cat"]["number"] == 6
    for name, options in CHANGES.items():
        code, changed = checked("--fix-boxes", *options)
        assert code == 0 and changed != first, name
    assert {"kind": "no objects", "path": "all"}.items() <= checked(*CHANGES["classes"])[1][
        "findings"
    ][-1].items()
    code, grouped = checked("--fix-boxes", "--group-by", "^([0-9])_")
    assert code == 1 and grouped["findings"][0]["kind"] == "too few"  # 2 groups for 3 splits
    for pattern in ("[0-9]", "(x)", "("):
        assert main(["check", "boxed", "--fix-boxes", "--group-by", pattern]) == 2
        assert "--group-by" in capsys.readouterr().err
    assert main(["check", "boxed", "--classes", "cat"]) == 1
    assert "has 'dog': correct it, or name all classes by --classes" in capsys.readouterr().out
    assert main(["check", "boxed", "--classes", "cat,Cat"]) == 2


def test_options_of_reading_change_what_convert_writes(boxed, capsys, monkeypatch):
    monkeypatch.chdir(boxed.parent)
    content = set()
    for name, options in {"first": [], **CHANGES}.items():
        words = ["convert", "boxed", "--to", "coco", "--out", name, "--fix-boxes", *options]
        assert main(words) == 0
        content.add((boxed.parent / name / "_annotations.coco.json").read_text())
    assert len(content) == 1 + len(CHANGES)
    words = ["convert", "boxed", "--to", "coco", "--out", "new"]
    assert main(words) == 2 and "--fix-boxes" in capsys.readouterr().err
    assert main([*words, "--skip-bad-boxes"]) == 0


@pytest.mark.parametrize(
    "option", [["--rename", "a=b"], ["--classes", "a"], ["--fix-boxes"], ["--group-by", "(a)"]]
)
def test_options_of_boxes_are_refused_where_there_are_none(option, stripes, run, capsys):
    assert main(["check", str(stripes), *option]) == 2
    assert f"{option[0]} is for pictures with boxes" in capsys.readouterr().err
    if option[0] in ("--rename", "--fix-boxes"):
        assert main(["evaluate", str(run), str(stripes), *option]) == 2
        assert f"{option[0]} needs a detector" in capsys.readouterr().err


def test_listed_pictures_are_left_out_of_evaluate_and_check(stripes, run, tmp_path, capsys):
    listed = tmp_path / "listed.txt"
    listed.write_text("test/lying/pen_u0000.png\n\n")  # relative to the set's folder

    def pictures(*words):
        assert main([*words, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        if words[0] == "check":
            return sum(answer["counts"]["test"].values())
        return sum(row["support"] for row in answer["test"]["classes"])

    for words in (["evaluate", str(run), str(stripes)], ["check", str(stripes)]):
        assert pictures(*words) == 16
        assert pictures(*words, "--without", str(listed)) == 15
    listed.write_text("gone.png\n")
    assert main(["evaluate", str(run), str(stripes), "--without", str(listed)]) == 2
    assert "which does not exist" in capsys.readouterr().err
