"""Each text of the studio has its Chinese."""

import ast
import json
import re
from pathlib import Path

import pytest

from keras_cnn import app
from keras_cnn.app import page
from keras_cnn.app.texts import preferred

FOLDER = Path(app.__file__).parent
CHINESE = json.loads((FOLDER / "chinese.json").read_text(encoding="utf-8"))


def _literals(folder):
    """Yield the name of the called function, or None, and each text in the code of a folder."""
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                yield name, node.args[0].value
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield None, node.value


def test_every_text_has_its_chinese():
    texts = {value for name, value in _literals(FOLDER) if name in ("text", "_text")}
    texts |= {name for _, name, _ in page.TABS}
    assert texts - set(CHINESE) == set()


def test_no_chinese_is_left_over():
    assert set(CHINESE) - {value for _, value in _literals(FOLDER.parent)} == set()


@pytest.mark.parametrize("english", sorted(CHINESE))
def test_both_languages_have_the_same_values(english):
    values = re.findall(r"{(\w+)}", english)
    assert sorted(values) == sorted(re.findall(r"{(\w+)}", CHINESE[english]))
    assert CHINESE[english] != english


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.5", "en"),
        ("de", "en"),
        ("zh-TW;q=oops", "en"),
        (None, "en"),
    ],
)
def test_the_browser_chooses_the_language(header, language):
    assert preferred(header) == language
