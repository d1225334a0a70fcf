"""`case` finds the scripts of a checkout or a wheel, and hands them their options."""

import sys

import pytest

from keras_cnn import cases
from keras_cnn.cli import main

SCRIPT = '''"""Print the options.

More text.
"""
from keras_cnn import InputError

def main(argv=None):
    if argv == ["--fail"]:
        raise InputError("no pictures")
    print("options:", argv)
'''


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Make the folder of cases that a wheel carries, with one case."""
    (tmp_path / "echo.py").write_text(SCRIPT)
    monkeypatch.setattr(cases, "_SHIPPED", tmp_path)


def test_without_a_name_the_cases_are_listed_with_their_first_lines(shipped, capsys):
    assert main(["case"]) == 0
    assert capsys.readouterr().out == "echo  Print the options.\n"


def test_a_checkout_offers_the_scripts_of_its_folder():
    assert {"calligraphy_alexnet", "voc_ssd300"} < set(cases.summaries())
    assert cases.folder().parent.joinpath("setup.cfg").is_file()


def test_options_after_the_name_are_those_of_the_case(shipped, capsys):
    before = sys.argv
    assert main(["case", "echo", "--epochs", "3", "--help"]) == 0
    assert capsys.readouterr().out == "options: ['--epochs', '3', '--help']\n"
    assert sys.argv is before


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nothing"], "error: the case must be one of ['echo']; received 'nothing'\n"),
        (["../echo"], "error: the case must be one of ['echo']; received '../echo'\n"),
        (["echo", "--fail"], "error: no pictures\n"),
    ],
)
def test_a_wrong_name_or_input_is_one_sentence(argv, message, shipped, capsys):
    assert main(["case", *argv]) == 2
    assert capsys.readouterr().err == message


def test_the_module_runs_a_case_too(shipped, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["cases.py", "echo", "--epochs", "3"])
    cases.main()
    monkeypatch.setattr(sys, "argv", ["cases.py"])
    cases.main()
    shown = capsys.readouterr().out
    assert "options: ['--epochs', '3']" in shown and "echo  Print the options." in shown
