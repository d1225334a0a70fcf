"""Files of answers, drawings and quarantines; names that are not UTF-8; standard streams."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_cnn import InputError
from keras_cnn.cli import arguments, detect, main, output

ROWS = [{"path": "a.png", "class": "cat"}, {"path": "图\udce9.png", "class": "dog"}]


def test_answers_are_appended_after_the_last_complete_line(tmp_path):
    path = tmp_path / "answers.csv"
    output.append_rows(ROWS, path=path)
    content = path.read_bytes()
    path.write_bytes(content[:-3])  # killed while the last line was being written
    assert output.finished(path) == {"a.png"}
    output.append_rows(ROWS[1:], path=path)
    assert path.read_bytes() == content
    assert output.finished(path) == {row["path"] for row in ROWS}


@pytest.mark.parametrize("content", [b"path,label\nx.png,cat\ny.png,dog", b"notes\nof mine"])
def test_a_table_of_the_user_is_not_changed(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match="has the columns|is another file"):
        output.finished(path)
        output.append_rows(ROWS, path=path)
    assert path.read_bytes() == content


def test_a_drawing_overwrites_no_picture(tmp_path):
    class Detections:
        def draw(self):
            return np.zeros((4, 4, 3), np.uint8)

    (tmp_path / "a.png").write_text("mine")
    detect._draw(Detections(), tmp_path, "elsewhere/a.png")
    assert (tmp_path / "a.png").read_text() == "mine" and (tmp_path / "a_2.png").exists()


def test_the_quarantine_overwrites_only_a_list_of_pictures(stripes, tmp_path, capsys):
    (stripes / "train" / "lying" / "bad.png").touch()
    (tmp_path / "notes.txt").write_text("my own notes\n")
    path = tmp_path / "list.txt"
    for name, code in {"notes.txt": 2, "list.txt": 1, "none/list.txt": 2}.items():
        assert main(["check", str(stripes), "--quarantine", str(tmp_path / name)]) == code
    assert "notes.txt is another file: name a new one" in capsys.readouterr().err
    assert (tmp_path / "notes.txt").read_text() == "my own notes\n"
    assert main(["check", str(stripes), "--quarantine", str(path)]) == 1  # a list of its own
    assert path.read_text() == f"{stripes}/train/lying/bad.png\n"


def test_check_writes_no_file_unless_asked(stripes, tmp_path, monkeypatch, capsys):
    (stripes / "train" / "lying" / "bad.png").touch()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert main(["check", str(stripes)]) == 1
    assert "left out: 1, --quarantine FILE lists them" in capsys.readouterr().out
    assert not list(Path().iterdir())
    assert main(["check", str(stripes), "--quarantine", "list.txt"]) == 1
    assert "left out: 1, listed in list.txt" in capsys.readouterr().out


def test_all_faults_are_printed_if_the_quarantine_cannot_be_written(stripes, tmp_path, capsys):
    (stripes / "train" / "lying" / "bad.png").touch()
    main(["check", str(stripes), "--quarantine", str(tmp_path / "none" / "list.txt")])
    assert "bad.png the file is empty" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is Unicode")
def test_a_name_that_is_not_utf_8_is_quarantined(stripes, tmp_path):
    (stripes / "train" / "lying" / os.fsdecode(b"\xb2\xe2.png")).touch()
    path = tmp_path / "list.txt"
    assert main(["check", str(stripes), "--quarantine", str(path)]) == 1
    assert path.read_bytes().endswith(b"/train/lying/\xb2\xe2.png\n")


def test_a_list_on_stdin_may_have_a_byte_order_mark_and_not_be_utf_8(monkeypatch):
    content = io.BytesIO("\ufeff图.png\n".encode() + b"\xb2\xe2.png\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content, encoding="utf-8"))
    assert list(arguments.pictures(["-"])[0]) == ["图.png", os.fsdecode(b"\xb2\xe2.png")]


def test_a_closed_stdin_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="stdin, which is closed"):
        arguments.pictures(["-"])


def test_a_closed_stdout_stops_no_command(monkeypatch):
    from keras_cnn.options import prepare_output

    monkeypatch.setattr(sys, "stdout", None)
    prepare_output()
    print("nobody hears")
    sys.stdout.close()


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_check_follows_linked_class_folders_as_training_does(stripes, tmp_path):
    from keras_cnn.datasets.check import check

    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("lying", "upright"):
        (linked / name).symlink_to(stripes / "train" / name)
    (stripes / "train" / "lying" / "loop").symlink_to(stripes / "train")
    Path(stripes / "train" / "lying" / "bad.png").touch()
    result = check(linked)
    assert result.counts == {"": {"lying": 20, "upright": 20}}
    assert [finding.path for finding in result.findings] == ["lying/bad.png"]


def test_pictures_in_formats_that_are_not_read_are_reported(stripes, monkeypatch, capsys):
    monkeypatch.chdir(stripes / "test")
    Path("lying", "phone.heic").touch()
    paths, total = arguments.pictures(["lying"])
    assert len(list(paths)) == total == 8
    assert "tiff: phone.heic (1 in all)" in capsys.readouterr().err
