"""What `import keras_cnn` offers: names for users, for editors, and the old ones."""

import ast
import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import keras_cnn
from keras_cnn import renamed


def _names_for_editors():
    """Name -> module, as the block under TYPE_CHECKING imports them."""
    (block,) = (
        node
        for node in ast.parse(Path(keras_cnn.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    )
    return {name.name: node.module for node in block.body for name in node.names}


def test_editors_see_the_names_that_python_loads():
    modules = {name: "keras_cnn" for name in keras_cnn._MODULES}
    names = {name: f"keras_cnn.{module}" for name, module in keras_cnn._NAMES.items()}
    assert _names_for_editors() == modules | names
    assert set(keras_cnn.__all__) == {"__version__", *modules, *names}


@pytest.mark.parametrize("name", keras_cnn.__all__)
def test_every_name_can_be_had(name):
    assert getattr(keras_cnn, name) is not None and name in dir(keras_cnn)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'AlexNet'"):
        keras_cnn.AlexNet  # noqa: B018


@pytest.mark.parametrize("old", renamed.MODULES)
def test_the_old_name_of_a_module_works_and_names_the_new_one(old, monkeypatch):
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(FutureWarning, match=f"{old} is now {renamed.MODULES[old]}"):
        module = importlib.import_module(old)
    new = importlib.import_module(renamed.MODULES[old])
    assert module is new and new.__spec__.name == new.__name__ == renamed.MODULES[old]
    with warnings.catch_warnings(action="error"):
        assert importlib.import_module(old) is new  # the second import is silent


def test_lines_of_older_notebooks_still_run():
    lines = """
import keras_cnn
from keras_cnn.samples import shapes
from keras_cnn.detection.voc import Picture
keras_cnn.rates.judge
keras_cnn.export.export
"""
    run = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for old in ("samples", "detection.voc", "rates"):
        assert run.stderr.count(f"keras_cnn.{old} is now") == 1


def test_an_export_by_its_old_name_warns():
    with pytest.warns(FutureWarning, match="is now keras_cnn.export"):
        with pytest.raises(keras_cnn.InputError, match="format must be one of"):
            keras_cnn.export.export("no run", format="none")
