"""Find the examples of the documentation: commands, Python code and options."""

import contextlib
import doctest
import importlib.util
import inspect
import io
import pkgutil
import re
from pathlib import Path
from typing import NamedTuple

import keras_cnn
from keras_cnn import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "data/*.md", "docs/*.md", "notebooks/**/*.md")
    for page in ROOT.glob(pattern)
)
SCRIPTS = sorted([*ROOT.glob("cases/*.py"), *ROOT.glob("benchmarks/*.py")])
_COMMAND = re.compile(  # e.g. "KERAS_BACKEND=jax python benchmarks/training.py"
    r"(?:[A-Z_]+=\S+ )*(?:keras-cnn|python3?|pip|jupyter|(?:\S*/)?cases/\w+\.py)\s\S"
)
_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^\n|\A)((?: {4}.*\n)+)", re.MULTILINE)


class Example(NamedTuple):
    """A command or Python code."""

    text: str
    page: str
    is_block: bool  # readers copy a block as it is; a span may have placeholders


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def fenced_blocks(page):
    """Return (language, content) of every fenced block of a page."""
    return [(match[2], inspect.cleandoc(match[3])) for match in _FENCED.finditer(read(page))]


def spans(page):
    """Return the code spans of a page, each on one line."""
    prose = _FENCED.sub("", read(page))
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def commands():
    """Return every command of the pages and of the scripts' ``--help``, once each."""
    examples = {}

    def add(texts, page, *, is_block):
        for text in texts:
            examples.setdefault(text, Example(text, page, is_block))

    for page in PAGES:
        for language, content in fenced_blocks(page):
            if language == "sh":
                add(_lines(content), page, is_block=True)
        add(_indented_commands(read(page)), page, is_block=True)
        add(filter(_COMMAND.match, spans(page)), page, is_block=False)
    for path in SCRIPTS:
        add(_indented_commands(docstring(path)), path.name, is_block=False)
    return list(examples.values())


def _lines(content):
    """Return the commands of a block, without comments and joined at backslashes."""
    joined = re.sub(r"\\\n\s*", "", content)
    return [re.sub(r"\s#.*", "", line).strip() for line in joined.splitlines() if line.strip()]


def _indented_commands(text):
    blocks = [inspect.cleandoc(block) for block in _INDENTED.findall(_FENCED.sub("", text))]
    return [line for block in blocks if _COMMAND.match(block) for line in _lines(block)]


def docstring(path):
    """Return the docstring of a script, which is its ``--help``."""
    return inspect.cleandoc(path.read_text(encoding="utf-8").split('"""')[1])


def subcommands():
    """Return the parsers of ``keras-cnn`` by the names of the commands."""
    return {name: cli._command_parser(name, module) for name, (module, _) in cli.COMMANDS.items()}


def help_text(name):
    """Return ``keras-cnn NAME --help``, or ``keras-cnn --help`` for the name ""."""
    with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.suppress(SystemExit):
        cli.main([*([name] if name else []), "--help"])
    return output.getvalue()


def python_blocks():
    """Return the Python blocks of the pages, once each."""
    blocks = {}
    for page in PAGES:
        for language, content in fenced_blocks(page):
            if language == "python":
                blocks.setdefault(content, Example(content, page, is_block=True))
    return list(blocks.values())


def docstring_examples():
    """Return the ``>>>`` examples of the package's docstrings."""
    examples = []
    for module in pkgutil.walk_packages(keras_cnn.__path__, "keras_cnn."):
        source = Path(importlib.util.find_spec(module.name).origin).read_text(encoding="utf-8")
        for text in source.split('"""')[1::2]:
            lines = [example.source for example in doctest.DocTestParser().get_examples(text)]
            if lines:
                examples.append(Example("".join(lines), module.name, is_block=True))
    return examples


def load_script(path):
    """Return the module of a script."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
