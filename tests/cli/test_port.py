"""``keras-cnn port``: a diff by default; ``--write`` keeps the old script."""

import importlib.util
import json

import pytest

from keras_cnn.cli import main
from keras_cnn.i18n import translated, using
from keras_cnn.port import removed

libcst = pytest.importorskip("libcst")
OLD = "from keras.layers.core import Dense  # 层\nDense(output_dim=4)\n"


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "old.py"
    path.write_text(OLD, encoding="utf-8")
    return path


def test_the_default_prints_a_diff_and_writes_nothing(script, capsys):
    assert main(["port", str(script)]) == 0
    answer = capsys.readouterr().out
    assert "\n-Dense(output_dim=4)\n" in answer and "\n+Dense(units=4)\n" in answer
    assert script.read_text(encoding="utf-8") == OLD and len(list(script.parent.iterdir())) == 1


def test_write_changes_the_script_and_keeps_the_old_one_over_two_runs(script):
    for _ in range(2):
        assert main(["port", str(script), "--write"]) == 0
    assert "units=4" in script.read_text(encoding="utf-8")
    assert (script.parent / "old.py.orig").read_text(encoding="utf-8") == OLD


def test_windows_line_ends_stay(script):
    script.write_bytes(OLD.replace("\n", "\r\n").encode())
    main(["port", str(script), "--write"])
    assert script.read_bytes().count(b"\r\n") == 2


def test_what_is_not_mended_is_listed_and_the_exit_code_is_1(script, capsys):
    script.write_text("import keras\nkeras.layers.MaxoutDense(4)\n")
    assert main(["port", str(script)]) == 1
    assert f"{script}:2: MaxoutDense" in capsys.readouterr().out


def test_python_2_and_a_missing_file_are_one_sentence(script, capsys):
    script.write_text("import keras\nprint 'x'\n")
    assert main(["port", str(script)]) == 2 and main(["port", "gone.py"]) == 2
    errors = capsys.readouterr().err
    assert f"{script}:2: this is Python 2" in errors and "gone.py must be a script" in errors
    assert "Traceback" not in errors


def test_without_libcst_the_command_says_what_to_install(script, capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["port", str(script)]) == 2
    assert "pip install 'keras-cnn[port]'" in capsys.readouterr().err


def test_a_notebook_keeps_its_magics_markdown_and_outputs(tmp_path):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["lr=1"]},
        {"cell_type": "code", "metadata": {}, "outputs": [{"a": 1}], "execution_count": 3,
         "source": ["%matplotlib inline\n", "!pip install x \\\n", "  y\n", "import keras"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
         "source": ["%%bash\n", "keras.optimizers.SGD(lr=1)"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
         "source": ["def f(:\n", "  pass"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
         "source": ["s = keras.optimizers.SGD(lr=1)\n", "s?"]},
    ]  # fmt: skip
    path = tmp_path / "a.ipynb"
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    path.write_text(json.dumps(notebook, indent=1) + "\n")
    assert main(["port", str(path), "--write"]) == 1  # the fourth cell is no Python
    cells[-1]["source"][0] = "s = keras.optimizers.SGD(learning_rate=1)\n"
    assert path.read_text() == json.dumps(notebook, indent=1) + "\n"


def test_reasons_are_chinese_for_a_chinese_reader(script, capsys):
    script.write_text(
        "import keras\nkeras.layers.MaxoutDense(4)\nkeras.backend.set_learning_phase(0)\n"
    )
    with using("zh"):
        assert main(["port", str(script)]) == 1
    answer = capsys.readouterr().out
    assert "MaxoutDense: Keras 3 没有这种层" in answer
    assert f"{script}:3: 已去掉 set_learning_phase" in answer


def test_every_reason_is_in_the_catalogue():
    with using("zh"):
        assert [reason for reason in removed.REMOVED.values() if translated(reason) == reason] == []
