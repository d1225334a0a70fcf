"""The cases of the chapters, by name: `python -m keras_cnn.cases NAME [options]`.

The scripts lie in `cases/` of a checkout; a wheel carries a copy in `keras_cnn/shipped/cases`.
Importing this module loads neither Keras nor TensorFlow.
"""

import ast
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_cnn.errors import InputError
from keras_cnn.i18n import translated
from keras_cnn.options import script

_SHIPPED = Path(__file__).parent / "shipped" / "cases"
_CHECKOUT = Path(__file__).resolve().parents[1] / "cases"


def folder() -> Path:
    """Return the folder of the scripts."""
    return _SHIPPED if _SHIPPED.is_dir() else _CHECKOUT


def summaries() -> dict[str, str]:
    """Return the name of every case -> its first line, in alphabetical order."""
    paths = sorted(folder().glob("*.py"))
    return {path.stem: _docstring(path).split("\n", 1)[0] for path in paths}


def lines() -> str:
    """Return the list of the cases as text, in the reader's language."""
    texts = summaries()
    width = max(map(len, texts), default=0)
    return "\n".join(f"{name:<{width}}  {translated(text)}" for name, text in texts.items())


def run(name: str, *, argv: Sequence[str] = ()) -> Any:
    """Run a case: train, test and report.

    Args:
        name: Name of the case, such as "calligraphy_alexnet".
        argv: Options of the case, such as ``["--epochs", "3"]``.

    Returns:
        The contents of report.json.

    Raises:
        InputError: There is no case of this name, or an input of the case cannot be used.
        SystemExit: With code 2 for a wrong option, with code 0 after ``--help``.
    """
    path = folder() / f"{name}.py"
    if name not in summaries():
        raise InputError(f"the case must be one of {list(summaries())}; received {name!r}")
    spec = importlib.util.spec_from_file_location(name, path)
    case = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(case)
    before = sys.argv
    sys.argv = [f"keras-cnn case {name}", *argv]  # the program in argparse's line of usage
    try:
        return case.main(list(argv))
    finally:
        sys.argv = before


def main() -> None:
    """Run the case that the command line names; without a name, print the list."""
    name, *argv = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(f"usage: python -m keras_cnn.cases NAME [options]\n\n{lines()}")
    else:
        run(name, argv=argv)


def _docstring(path):
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


if __name__ == "__main__":
    script(main)
