"""What the commands do to files that are there already, and to names that are no UTF-8."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_cnn import InputError
from keras_cnn.cli import arguments, detect, main, output

ROWS = [{"path": "a.png", "class": "cat"}, {"path": "图\udce9.png", "class": "dog"}]


def test_answers_go_on_where_the_file_ends(tmp_path):
    path = tmp_path / "answers.csv"
    output.append_rows(ROWS, path=path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])  # killed while the last line was being written
    assert output.finished(path) == {"a.png"}
    output.append_rows(ROWS[1:], path=path)
    assert path.read_bytes() == whole
    assert output.finished(path) == {row["path"] for row in ROWS}


@pytest.mark.parametrize("content", [b"path,label\nx.png,cat\ny.png,dog", b"notes\nof mine"])
def test_a_table_of_the_user_s_stays_as_it_is(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match="has the columns|is another's"):
        output.finished(path)
        output.append_rows(ROWS, path=path)
    assert path.read_bytes() == content


def test_a_drawing_takes_no_picture_s_place(tmp_path):
    class Found:
        def draw(self):
            return np.zeros((4, 4, 3), np.uint8)

    (tmp_path / "a.png").write_text("mine")
    detect._draw(Found(), tmp_path, "elsewhere/a.png")
    assert (tmp_path / "a.png").read_text() == "mine" and (tmp_path / "a_2.png").exists()


def test_the_quarantine_takes_no_other_file_s_place(stripes, tmp_path, capsys):
    (stripes / "train" / "lying" / "bad.png").touch()
    (tmp_path / "notes.txt").write_text("my own notes\n")
    path = tmp_path / "list.txt"
    for name, code in {"notes.txt": 2, "list.txt": 1, "none/list.txt": 2}.items():
        assert main(["check", str(stripes), "--quarantine", str(tmp_path / name)]) == code
    assert "notes.txt is another file: name a new one" in capsys.readouterr().err
    assert (tmp_path / "notes.txt").read_text() == "my own notes\n"
    assert main(["check", str(stripes), "--quarantine", str(path)]) == 1  # a list of its own
    assert path.read_text() == f"{stripes}/train/lying/bad.png\n"


def test_all_faults_are_told_where_the_quarantine_cannot_be_written(stripes, tmp_path, capsys):
    (stripes / "train" / "lying" / "bad.png").touch()
    main(["check", str(stripes), "--quarantine", str(tmp_path / "none" / "list.txt")])
    assert "bad.png the file is empty" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="only there a name may be no UTF-8")
def test_a_name_that_is_no_utf_8_is_quarantined(stripes, tmp_path):
    (stripes / "train" / "lying" / os.fsdecode(b"\xb2\xe2.png")).touch()
    path = tmp_path / "list.txt"
    assert main(["check", str(stripes), "--quarantine", str(path)]) == 1
    assert path.read_bytes().endswith(b"/train/lying/\xb2\xe2.png\n")


def test_a_list_on_stdin_may_begin_with_a_mark_and_be_no_utf_8(monkeypatch):
    content = io.BytesIO("\ufeff图.png\n".encode() + b"\xb2\xe2.png\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content, encoding="utf-8"))
    assert list(arguments.pictures(["-"])[0]) == ["图.png", os.fsdecode(b"\xb2\xe2.png")]


def test_a_closed_stdin_gets_a_sentence(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="stdin, which is closed"):
        arguments.pictures(["-"])


def test_a_closed_stdout_ends_nothing(monkeypatch):
    from keras_cnn.options import prepare_output

    monkeypatch.setattr(sys, "stdout", None)
    prepare_output()
    print("nobody hears")
    sys.stdout.close()


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_linked_class_folders_are_looked_into_as_in_training(stripes, tmp_path):
    from keras_cnn.datasets.check import check

    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("lying", "upright"):
        (linked / name).symlink_to(stripes / "train" / name)
    (stripes / "train" / "lying" / "loop").symlink_to(stripes / "train")
    Path(stripes / "train" / "lying" / "bad.png").touch()
    found = check(linked)
    assert found.counts == {"": {"lying": 20, "upright": 20}}
    assert [finding.path for finding in found.findings] == ["lying/bad.png"]


def test_pictures_of_a_folder_in_formats_that_are_not_read_are_told(stripes, monkeypatch, capsys):
    monkeypatch.chdir(stripes / "test")
    Path("lying", "phone.heic").touch()
    paths, total = arguments.pictures(["lying"])
    assert len(list(paths)) == total == 8
    assert "tiff: phone.heic (1 in all)" in capsys.readouterr().err
