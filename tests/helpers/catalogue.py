"""Collect the texts that are translated; as a script, write the catalogue and compile it.

`python tests/helpers/catalogue.py` puts new texts into `keras_cnn/locale/zh/LC_MESSAGES/
keras_cnn.po` without a translation, removes those that are gone, and writes the `.mo` beside it.
Run it after a text has changed, write the missing translations into the `.po`, and run it again.
A label of a chapter's figure gets its entry by hand, in the context "label"; it is kept as long as
a notebook has its text.
"""

import ast
import datetime
import io
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages import catalog, mofile, pofile

from keras_cnn.app.texts import CONTEXT
from keras_cnn.i18n import FIELD, LABEL, SENTENCE

ROOT = Path(__file__).parents[2]
PO = ROOT / "keras_cnn" / "locale" / "zh" / "LC_MESSAGES" / "keras_cnn.po"
MARKS = ("_", "N_", "say", "_say")
STUDIO = ("text", "_text", "mark")  # functions of `keras_cnn.app.texts`
NO_DATE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)  # a new one would be a change
NO_FACTS = (  # lines of the header
    b'"Generated-By',
    b'"Language-Team',
    b'"Last-Translator',
    b'"Report-Msgid-Bugs-To',
)
FORMAT = re.compile(r",|[,.\d]*[defg%]")  # of a number


def collect() -> catalog.Catalog:
    """Return the catalogue of all texts of the package and the cases, without translations."""
    texts = catalog.Catalog(
        locale="zh",
        project="keras_cnn",
        version="",
        header_comment="# Chinese texts of keras_cnn. Collected by tests/helpers/catalogue.py.",
        creation_date=NO_DATE,
        revision_date=NO_DATE,
        fuzzy=False,
    )
    for path in [*sorted(ROOT.glob("keras_cnn/**/*.py")), *sorted(ROOT.glob("cases/*.py"))]:
        place = path.relative_to(ROOT).as_posix()
        if "report/font/" in place:  # a script of the package's makers
            continue
        tree = ast.parse(path.read_text("utf-8"))
        described = {"cases": [tree], "cli": [n for n in tree.body if _is_command(n)]}
        docstrings = map(ast.get_docstring, described.get(path.parent.name, ()))
        paragraphs = itertools.chain.from_iterable(map(_paragraphs, docstrings))
        studio = _studio(tree) if path.parent.name == "app" else ()
        for context, text in (*_texts(tree), *studio, *paragraphs):
            texts.add(text, locations=[(place, 0)], context=context)
    labels = {message.id for message in read() if message.context == LABEL}
    for path in sorted(ROOT.glob("notebooks/**/*.ipynb")):
        for text in sorted(labels & set(_literals(path))):
            texts.add(text, locations=[(path.relative_to(ROOT).as_posix(), 0)], context=LABEL)
    return texts


def _literals(path) -> Iterator[str]:
    """Yield the texts in a notebook's code: which of them are labels, the catalogue says."""
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield from filter(None, map(template, ast.walk(ast.parse("".join(cell["source"])))))


def _texts(tree) -> Iterator[tuple[str | None, str | tuple[str, str]]]:
    """Yield (context, text); for a plural, the text is singular and plural."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
            yield from (("option", name) for name in _choices(node))
            yield from _of_help(node)
        if isinstance(node, ast.AnnAssign) and _function(node.value) == "option":
            yield "option", node.target.id.replace("_", " ")


def _studio(tree) -> Iterator[tuple[str, str]]:
    """Yield (context, text) of the studio's pages."""
    for node in ast.walk(tree):
        if _function(node) in STUDIO and node.args and isinstance(node.args[0], ast.Constant):
            yield CONTEXT, node.args[0].value


def _of_call(node):
    name = _function(node)
    if name in MARKS and node.args and (text := template(node.args[0])):
        yield SENTENCE if name != "_" and FIELD.search(text) else None, text
    if name in ("InputError", "DownloadError") and node.args and (text := template(node.args[0])):
        if re.search("[a-z]{3}", FIELD.sub("", text)):  # else there is nothing to translate
            yield SENTENCE if FIELD.search(text) else None, text
    if name == "ngettext" and isinstance(node.args[0], ast.Constant):
        yield None, (node.args[0].value, node.args[1].value)


def _of_help(node):
    """Yield the texts of an option's help, without the default that follows.

    A default of several words is part of the text; a recipe's option may have another one.
    """
    texts = [keyword.value for keyword in node.keywords if keyword.arg == "help"]
    if _function(node) == "option":
        texts += node.args[1:2]
    for text in filter(None, map(template, texts)):
        start, _, default = text.partition(" (default: ")
        whole = " " in default or "{" in default
        yield SENTENCE if FIELD.search(text) else None, text if whole else start
        if whole and default and _function(node) == "option":
            yield SENTENCE if FIELD.search(start) else None, start


def _is_command(node):
    return isinstance(node, ast.FunctionDef) and node.name == "run"


def _paragraphs(docstring):
    """Yield the paragraphs of a description as single lines; those with indented lines are kept."""
    for paragraph in docstring.split("\n\n"):
        if "\n " not in paragraph:
            yield None, " ".join(paragraph.split())


def _choices(node):
    """Yield the names of the choices of a case that are no options."""
    for keyword in node.keywords:
        is_recipe = (_function(node) or "").endswith("Recipe")
        if is_recipe and keyword.arg == "choices" and isinstance(keyword.value, ast.Dict):
            yield from (key.value.replace("_", " ") for key in keyword.value.keys)


def _function(node):
    """Return the name of the function that an expression calls, else None."""
    function = getattr(node, "func", None)
    return getattr(function, "id", getattr(function, "attr", None))


def template(node: ast.expr) -> str | None:
    """Return the text of a literal; an f-string's values become fields such as ``{number:,}``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts, names = [], {}
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(part.value)
            continue
        expression = ast.unparse(part.value)
        if expression not in names:
            name = base = _name(part.value)
            while name in names.values():
                number = int(re.search(r"\d*$", name)[0] or 1) + 1
                name = f"{base}_{number}"
            names[expression] = name
        spec = part.format_spec and "".join(
            getattr(value, "value", "?") for value in part.format_spec.values
        )
        is_number = spec and FORMAT.fullmatch(spec)
        parts.append(f"{{{names[expression]}{':' + spec if is_number else ''}}}")
    return "".join(parts)


def _name(node):
    """Return a name for the value of an expression: ``len(pictures)`` -> "pictures"."""
    match node:
        case ast.Name():
            return node.id.strip("_").lower()
        case ast.Attribute():
            return node.attr.strip("_").lower()
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return re.sub(r"\W", "_", key).lower()
        case ast.Subscript():
            return _name(node.value)
        case ast.BinOp():
            return _name(node.left)
        case ast.IfExp():
            return _name(node.test)
        case ast.Compare():
            return _name(node.left)
        case ast.Starred() | ast.UnaryOp() | ast.Await():
            return _name(getattr(node, "value", None) or node.operand)
        case ast.BoolOp():
            return _name(node.values[0])
        case ast.Call():
            values = [arg for arg in node.args if not isinstance(arg, ast.Constant)]
            inner = values[-1 if getattr(node.func, "id", "") in ("map", "filter") else 0 :]
            if inner:
                return _name(inner[0])
            return _name(getattr(node.func, "value", node.func))
        case ast.GeneratorExp() | ast.ListComp():
            return _name(node.generators[0].iter)
    return "value"


def read() -> catalog.Catalog:
    """Return the catalogue with its translations."""
    if not PO.exists():
        return catalog.Catalog(locale="zh")
    with PO.open("rb") as file:
        return pofile.read_po(file, locale="zh")


def compiled() -> bytes:
    """Return the content of the `.mo` file."""
    buffer = io.BytesIO()
    mofile.write_mo(buffer, read())
    return buffer.getvalue()


def fields(text: str) -> set[str]:
    """Return the names and formats of the fields of a text."""
    return {field[0].replace("!t", "") for field in FIELD.finditer(text)}


def write() -> None:
    """Write the catalogue with the translations that are known, and compile it."""
    texts, known = collect(), read()
    for message in texts:
        if message.id and (translation := known.get(message.id, message.context)):
            message.string = translation.string
    PO.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    pofile.write_po(buffer, texts, width=100, sort_by_file=True, omit_header=False)
    lines = buffer.getvalue().splitlines(keepends=True)
    PO.write_bytes(b"".join(line for line in lines if not line.startswith(NO_FACTS)))
    PO.with_suffix(".mo").write_bytes(compiled())


if __name__ == "__main__":
    write()
