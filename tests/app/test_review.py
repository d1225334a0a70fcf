"""Suspicious pictures are kept, moved and put away; undoing every action leaves nothing behind."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from keras_cnn import InputError
from keras_cnn.app.review import KEPT, MOVED, PUT_AWAY, Review
from keras_cnn.datasets import moves
from keras_cnn.datasets.suspects import Suspect

HEAD = "rank,file,label,likely,probability,label_probability"


@pytest.fixture
def table(tmp_path):
    """The table of five suspects of `pets`; cats are dark, dogs are bright."""
    for label, grey in {"cat": 40, "dog": 200}.items():
        (tmp_path / "pets" / label).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((6, 9), grey + number, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / label / f"{number}.png")
    rows = [f"{n + 1},cat/{n}.png,cat,dog,0.9,0.1" for n in range(4)] + ["5,dog/0.png,dog,cat,1,0"]
    (tmp_path / "suspects.csv").write_text("\n".join([HEAD, *rows, ""]))
    return tmp_path / "suspects.csv"


@pytest.fixture
def review(table):
    return Review(table.with_name("pets"), table)


def tree(folder):
    """Return every file and folder with the hash of its content."""
    return {
        path.relative_to(folder).as_posix(): path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
    }


def test_the_folder_is_byte_identical_after_every_action_is_undone(review):
    before = tree(review.directory)
    review.keep()
    review.move("dog")
    review.move(None)
    review.move("cat")
    review.back()
    review.back()
    with pytest.raises(InputError, match=r"cat/2\.png is in the quarantine"):
        review.move("dog")
    review.position = 1
    review.move("cat")  # moved before: it moves on from where it is
    decisions = [state.decision for state in review.states()]
    assert decisions == [KEPT, MOVED, PUT_AWAY, KEPT, None]
    assert review.states()[1].file == "cat/1_2.png"
    assert (review.directory / ".quarantine/cat/2.png").is_file()
    for position in (1, 3, 2, 1, 0):
        review.undo()
        assert review.position == position
    assert tree(review.directory) == before
    with pytest.raises(InputError, match="nothing to undo"):
        review.undo()


def test_another_review_goes_on_where_the_last_stopped_and_undoes_its_actions(review, table):
    before = tree(review.directory)
    review.move("dog")
    review.keep()
    other = Review(review.directory, table)
    assert other.position == 2 and other.states()[0].label == "dog"
    other.undo()
    other.undo()
    assert other.position == 0 and tree(review.directory) == before


def test_the_moves_of_the_command_are_not_taken_back_by_a_key(review):
    planned = [
        moves.Move(
            f"cat/{n}.png", f"dog/{n}_2.png", moves.digest(review.directory / f"cat/{n}.png")
        )
        for n in (1, 2)
    ]
    moves.apply(review.directory, planned)
    with pytest.raises(InputError, match="moved 2 pictures at once: .*--undo"):
        review.undo()
    assert review.states()[1].decision == MOVED


def test_a_picture_that_was_removed_meanwhile_is_a_sentence_and_the_review_goes_on(review):
    (review.directory / "cat/0.png").unlink()
    with pytest.raises(InputError, match=r"cat/0\.png is gone"):
        review.picture()
    with pytest.raises(InputError, match=r"cat/0\.png is gone"):
        review.move("dog")
    review.keep()
    assert review.position == 1 and not moves.sessions(review.directory)


@pytest.mark.parametrize("name", ["../outside.png", "cat/link.png", "linked/0.png"])
def test_no_file_outside_the_folder_is_shown(review, table, name):
    outside = review.directory.parent / "outside.png"
    Image.new("L", (4, 4)).save(outside)
    (review.directory / "cat" / "link.png").symlink_to(outside)
    (review.directory / "linked").symlink_to(review.directory / "cat")
    table.write_text(f"{HEAD}\n1,{name},cat,dog,0.9,0.1\n2,cat/0.png,cat,dog,0.9,0.1\n")
    other = Review(review.directory, table)
    assert other.position == name.startswith("..")  # such a file is not there at all
    other.position = 0
    with pytest.raises(InputError, match="symbolic link|is gone"):
        other.picture()


def test_a_journal_that_leads_out_of_the_folder_is_damaged(review):
    record = {"source": "../a.png", "target": "cat/0.png", "digest": "", "made": []}
    lines = [{"begin": 1}, record, {"end": 1}]
    (review.directory / moves.JOURNAL).write_text("\n".join(map(json.dumps, lines)) + "\n")
    with pytest.raises(InputError, match="line 2, is damaged"):
        review.undo()


def test_a_large_picture_is_sent_small_and_upright(review):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    path = review.directory / "cat" / "0.png"
    Image.new("RGB", (4000, 1000)).save(path, exif=exif)
    height, width, _ = review.picture().shape
    assert (height, width) == (1024, 256)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("file,label\ncat/0.png,cat\n", "add likely"),
        (HEAD + "\n", "lists no picture: search again"),
        (HEAD + "\n1,cat/0.png,cat,dog,much,0.1\n", "line 2: probabilities must be numbers"),
        (HEAD + "\n1,cat/0.png,cat,dog,1.5,0.1\n", "numbers from 0 to 1"),
        (HEAD + "\n1,cat/0.png,cat,dog,0.9,-0.1\n", "numbers from 0 to 1"),
        (HEAD + "\n1,cow/0.png,cow,dog,0.9,0.1\n", "none of the pictures"),
    ],
)
def test_a_table_that_cannot_be_used_is_a_sentence(review, table, content, sentence):
    table.write_text(content)
    with pytest.raises(InputError, match=sentence):
        Review(review.directory, table)


def test_the_table_keeps_its_order_and_lists_a_picture_once(review, table):
    rows = ["1,dog/0.png,dog,cat,0.9,0.1", "2,cat/0.png,cat,dog,0.7,0.3"]
    table.write_text("\n".join([HEAD, *rows, rows[0], ""]))
    expected = [Suspect("dog/0.png", "cat", 0.9, 0.1), Suspect("cat/0.png", "dog", 0.7, 0.3)]
    assert Review(review.directory, table).suspects == expected


def test_names_in_the_encoding_of_chinese_excel_are_found(review, table):
    (review.directory / "猫").mkdir()
    Image.new("L", (4, 4)).save(review.directory / "猫" / "熊.png")
    table.write_text(f"{HEAD}\n1,猫/熊.png,猫,dog,0.9,0.1\n", encoding="gb18030")
    assert Review(review.directory, table).states()[0].label == "猫"
