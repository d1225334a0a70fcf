"""Corrections of labels: pictures move to other class folders, and back, and none is ever lost."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keras_cnn.cli import main
from keras_cnn.datasets import corrections, moves
from keras_cnn.errors import InputError
from keras_cnn.i18n import translated, using

GBK_PANDA = os.fsdecode("熊猫".encode("gbk"))  # as unzipped from an archive of Chinese Windows


def write(folder, files):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode("utf-8", "surrogateescape"))


@pytest.fixture
def folder(tmp_path):
    """Return class folders in two splits; the files hold their own names."""
    folder = tmp_path / "宠物 pets"
    names = ["cat/1.jpg", "cat/2.jpg", "cat/film/3.jpg", "dog/1.jpg", "dog/4.jpg"]
    write(folder, [f"train/{name}" for name in names] + ["test/cat/9.jpg", "test/dog/8.jpg"])
    return folder


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a table of corrections."""

    def make(*rows, head="file,label", encoding="utf-8"):
        path = tmp_path / "corrections.csv"
        path.write_bytes("\n".join([head, *rows, ""]).encode(encoding, "surrogateescape"))
        return path

    return make


def state(folder):
    """Return every file and folder with the hash of its content."""
    return {
        path.relative_to(folder).as_posix(): path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
    }


def correct(folder, table):
    planned = corrections.read(folder, table)
    moves.apply(folder, planned)
    return {move.source: move.target for move in planned}


def test_pictures_move_into_the_folder_of_their_label_and_undo_restores_every_byte(folder, table):
    before = state(folder)
    file = table(
        "train/cat/2.jpg,dog",
        "train/cat/film/3.jpg,dog",
        "train/dog/4.jpg,dog",
        "test/dog/8.jpg,cat",
    )
    assert correct(folder, file) == {
        "train/cat/2.jpg": "train/dog/2.jpg",
        "train/cat/film/3.jpg": "train/dog/film/3.jpg",
        "test/dog/8.jpg": "test/cat/8.jpg",
    }
    after = state(folder)
    assert after["train/dog/film/3.jpg"] == before["train/cat/film/3.jpg"]
    assert moves.undo(folder) == 3 and state(folder) == before


def test_a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten(folder, table):
    write(folder, ["train/dog/1_2.jpg", "train/bird/1.jpg"])
    before = state(folder)
    file = table("train/cat/1.jpg,dog", "train/bird/1.jpg,dog", "train/dog/1.jpg,cat")
    assert correct(folder, file) == {
        "train/cat/1.jpg": "train/dog/1_3.jpg",
        "train/bird/1.jpg": "train/dog/1_4.jpg",
        "train/dog/1.jpg": "train/cat/1_2.jpg",
    }
    contents = sorted(filter(None, before.values()))
    left = {name: digest for name, digest in state(folder).items() if moves.JOURNAL not in name}
    assert sorted(filter(None, left.values())) == contents
    moves.undo(folder)
    assert state(folder) == before


def test_quarantine_hides_a_picture_from_training(folder, table):
    assert correct(folder, table("train/cat/1.jpg,quarantine")) == {
        "train/cat/1.jpg": ".quarantine/train/cat/1.jpg"
    }
    (folder / "train/cat/1.jpg").write_bytes(b"another picture of this name")
    with pytest.raises(InputError, match="both .* exist: move away the one that is new"):
        moves.undo(folder)
    write(folder, ["train/quarantine/0.jpg"])
    assert list(correct(folder, table("train/cat/1.jpg,quarantine")).values()) == [
        "train/quarantine/1.jpg"  # a class of this name comes first
    ]


def test_a_class_that_a_split_lacks_gets_its_folder_there_and_undo_removes_it(folder, table):
    (folder / "train" / "bird").mkdir()  # a new class: its empty folder
    before = state(folder)
    assert correct(folder, table("test/cat/9.jpg,bird")) == {"test/cat/9.jpg": "test/bird/9.jpg"}
    moves.undo(folder)
    assert state(folder) == before


def test_class_folders_without_splits_and_names_that_are_not_utf_8_are_corrected(tmp_path, table):
    folder = tmp_path / "set"
    write(folder, [f"{GBK_PANDA}/{GBK_PANDA}.jpg", "dog/1.jpg"])
    before = state(folder)
    file = table(f"{GBK_PANDA}/{GBK_PANDA}.jpg,dog", "dog/1.jpg,熊猫")
    assert sorted(correct(folder, file).values()) == [f"dog/{GBK_PANDA}.jpg", f"{GBK_PANDA}/1.jpg"]
    moves.undo(folder)
    assert state(folder) == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_of_spreadsheets_are_read(tmp_path, table, encoding, delimiter):
    folder = tmp_path / "set"
    write(folder, ["猫/1.jpg", "狗/2.jpg"])
    row = delimiter.join(["1", "猫\\1.jpg", "狗"])
    file = table(row, head=delimiter.join(["rank", "File", "Label"]), encoding=encoding)
    assert correct(folder, file) == {"猫/1.jpg": "狗/1.jpg"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["train/cat/7.jpg,dog"], "line 3: there is no picture 'train/cat/7.jpg'"),
        (
            ["train/cat/2.jpg,cow"],
            "line 3: the label must be quarantine or one of cat, dog, linked; rec",
        ),
        (
            ["train/cat/2.jpg,dgo"],
            "received 'dgo': did you mean dog[?]",
        ),
        (["train/cat/2.jpg,"], "the label is empty: write a class or quarantine"),
        (["train/cat/2.jpg"], "the label is empty"),
        (["../x.jpg,dog"], "'../x.jpg', which leads out of it"),
        (["train/../../x.jpg,dog"], "which leads out of it"),
        (["/etc/passwd,dog"], "'/etc/passwd', which leads out of it"),
        (["C:\\x.jpg,dog"], "which leads out of it"),
        (["train/cat/2.jpg,dog", "train/cat/./2.jpg,dog"], "stands in two lines.*line 3"),
        (["train,dog"], "'train' is no picture in a class folder"),
        (["train/cat/link.jpg,dog"], "link.jpg is a symbolic link"),
        (["train/linked/1.jpg,dog"], "is a symbolic link or lies behind one"),
        (['train/cat/2.jpg,"dog'], "line 3: .*correct its quotes"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_nothing_moves(
    folder, table, tmp_path, rows, message
):
    write(tmp_path / "elsewhere", ["1.jpg"])
    (folder / "train/cat/link.jpg").symlink_to(tmp_path / "elsewhere/1.jpg")
    (folder / "train/linked").symlink_to(tmp_path / "elsewhere")
    before = state(folder)
    with pytest.raises(InputError, match=message):
        corrections.read(folder, table("train/cat/1.jpg,dog", *rows))
    assert state(folder) == before


def test_a_table_without_the_columns_an_absent_one_and_a_set_without_classes_are_refused(
    folder, table, tmp_path
):
    with pytest.raises(InputError, match="must have the columns file and label; it has .*add lab"):
        corrections.read(folder, table(head="file,class"))
    with pytest.raises(InputError, match="cannot read .*absent.csv: no such file"):
        corrections.read(folder, tmp_path / "absent.csv")
    write(tmp_path / "food", ["scores.csv", "1.jpg"])
    with pytest.raises(InputError, match="no pictures in class folders.*correct labels in a table"):
        corrections.read(tmp_path / "food", table("1.jpg,dog"))


def test_a_folder_that_cannot_be_written_is_refused_before_the_first_move(
    folder, table, monkeypatch
):
    def why_not(path):
        return "Permission denied" if path.name == "dog" else None

    monkeypatch.setattr(corrections.filesystem, "why_not_writable", why_not)
    with pytest.raises(InputError, match="dog cannot be written .Permission denied"):
        corrections.read(folder, table("train/cat/1.jpg,quarantine", "train/cat/2.jpg,dog"))


def test_two_disks_are_refused(folder, table, monkeypatch):
    stat = Path.stat

    def on_two_disks(path, **options):
        result = list(stat(path, **options))
        return os.stat_result(result[:2] + [int(path.name == "dog")] + result[3:])

    planned = corrections.read(folder, table("train/cat/2.jpg,dog"))
    monkeypatch.setattr(Path, "stat", on_two_disks)
    with pytest.raises(InputError, match="within one disk only"):
        corrections._check_folders(folder, planned)


@pytest.mark.parametrize("writes", range(9))  # begin, four moves with a folder made, end
def test_a_full_disk_takes_all_moves_back(folder, table, monkeypatch, writes):
    moves.apply(folder, corrections.read(folder, table("test/cat/9.jpg,dog")))  # an earlier one
    before = state(folder)
    file = table(
        "train/cat/1.jpg,dog",
        "train/cat/2.jpg,quarantine",
        "train/cat/film/3.jpg,dog",
        "train/dog/4.jpg,cat",
    )
    planned = corrections.read(folder, file)
    sync, left = os.fsync, iter(range(writes))

    def fsync(number):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(number)

    monkeypatch.setattr(moves.os, "fsync", fsync)
    if writes < 6:
        with pytest.raises(InputError, match="no picture was moved: No space left on device at"):
            moves.apply(folder, planned)
        assert state(folder) == before
    else:
        moves.apply(folder, planned)
        assert moves.undo(folder) == 4 and state(folder) == before
    assert moves.undo(folder) == 1 and "test/cat/9.jpg" in state(folder)


KILLED = """
import os, sys
from keras_cnn.cli import main
from keras_cnn.datasets import corrections, moves
count, name, after = int(sys.argv[3]), sys.argv[4], sys.argv[5] == "after"
function, calls = getattr(os, name), iter(range(count))
def call(*arguments):
    last = next(calls, None) is None
    if last and not after:
        os._exit(9)
    function(*arguments)
    if last:
        os._exit(9)
planned = corrections.read(sys.argv[1], sys.argv[2]) if sys.argv[2] else None
setattr(moves.os, name, call)
moves.apply(sys.argv[1], planned) if planned else moves.undo(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("count", "name", "when"),
    [(0, "fsync", "before"), (1, "fsync", "after"), (0, "rename", "after"), (1, "rename", "after")],
)
def test_undo_restores_every_byte_after_a_kill_between_two_moves(folder, table, count, name, when):
    before = state(folder)
    file = table("train/cat/1.jpg,dog", "train/cat/film/3.jpg,dog", "train/dog/4.jpg,cat")
    words = [sys.executable, "-c", KILLED, str(folder), str(file), str(count), name, when]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(words, env=environment).returncode == 9
    assert state(folder) != before
    with pytest.raises(InputError, match="were interrupted: undo them first"):
        corrections.read(folder, file)
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    # An undo that is killed, too, is completed by the next.
    if name == "rename" and count:
        words[3:] = [str(folder), "", "0", name, when]
        assert subprocess.run(words, env=environment).returncode == 9
    for place in (folder, copy):
        moves.undo(place)
        assert state(place) == before


def test_a_line_of_the_journal_that_was_cut_off_is_no_move(folder, table):
    before = state(folder)
    correct(folder, table("train/cat/1.jpg,dog"))
    whole = state(folder)
    with open(folder / moves.JOURNAL, "ab") as journal:
        journal.write(b'{"begin": 3')
    correct(folder, table("train/cat/2.jpg,dog"))
    moves.undo(folder)
    assert state(folder) == whole
    moves.undo(folder)
    assert state(folder) == before


def test_undo_refuses_what_was_changed_since_and_moves_nothing(folder, table):
    with pytest.raises(InputError, match="there is nothing to undo in"):
        moves.undo(folder)
    correct(folder, table("train/cat/1.jpg,dog", "train/cat/2.jpg,dog"))
    (folder / "train/dog/1_2.jpg").write_bytes(b"edited")
    before = state(folder)
    with pytest.raises(InputError, match="train/dog/1_2.jpg was changed since: restore it"):
        moves.undo(folder)
    (folder / "train/dog/1_2.jpg").unlink()
    with pytest.raises(InputError, match="train/dog/1_2.jpg is gone: bring it back"):
        moves.undo(folder)
    assert set(before) - set(state(folder)) == {"train/dog/1_2.jpg"}
    (folder / moves.JOURNAL).write_text("{}\n")
    with pytest.raises(InputError, match="line 1, is damaged"):
        moves.undo(folder)


def test_a_file_that_another_program_makes_in_between_is_not_overwritten(folder, table):
    planned = corrections.read(folder, table("train/cat/2.jpg,dog", "train/cat/film/3.jpg,dog"))
    write(folder, ["train/dog/film/3.jpg"])
    before = state(folder)
    with pytest.raises(InputError, match="no picture was moved: File exists at train/cat/film/3"):
        moves.apply(folder, planned)
    assert state(folder) == before


def test_undo_names_the_picture_whose_label_was_confirmed(folder, capsys):
    moves.keep(folder, "train/cat/1.jpg")
    assert main(["clean", str(folder), "--undo"]) == 0
    assert capsys.readouterr().out == "the label of train/cat/1.jpg is no longer confirmed\n"
    assert not (folder / moves.JOURNAL).exists()


def test_a_wrong_label_is_refused_in_chinese_to_the_last_word(folder, table):
    with pytest.raises(InputError) as raised:
        corrections.read(folder, table("train/cat/2.jpg,dgo"))
    with using("zh"):
        assert "收到的是 'dgo'：您是否想写 dog？" in translated(str(raised.value))
