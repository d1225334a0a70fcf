"""Each text of the studio has its Chinese."""

import ast
import json
import re
from pathlib import Path

import pytest

from keras_cnn import app
from keras_cnn.app import page
from keras_cnn.app.texts import preferred, translator

FOLDER = Path(app.__file__).parent
CHINESE = json.loads((FOLDER / "chinese.json").read_text(encoding="utf-8"))


def _texts():
    """Return the English texts of all calls `text(...)`, and those that a constant holds."""
    found = {name for _, name, _ in page.TABS}
    for path in FOLDER.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in ("text", "_text", "mark"):
                arguments = [each.value for each in node.args if isinstance(each, ast.Constant)]
                assert len(arguments) == 1 or not node.args[0:1] or _is_name(node.args[0]), (
                    f"{path.name}:{node.lineno}: write the text itself"
                )
                found.update(arguments)
    return found


def _name(function):
    return getattr(function, "id", getattr(function, "attr", ""))


def _is_name(node):
    return isinstance(node, ast.Name | ast.Subscript | ast.Attribute)


def test_every_text_has_its_chinese_and_no_chinese_is_left_over():
    assert _texts() == set(CHINESE)


@pytest.mark.parametrize("english", sorted(CHINESE))
def test_both_languages_have_the_same_values(english):
    values = re.findall(r"{(\w+)", english)
    assert sorted(values) == sorted(re.findall(r"{(\w+)", CHINESE[english]))
    assert translator("zh")(english, **dict.fromkeys(values, 1)) != english


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
