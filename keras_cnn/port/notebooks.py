"""Notebooks: their code cells are one script; lines for IPython are kept."""

import json
import re

import libcst as cst

from keras_cnn.i18n import N_
from keras_cnn.port.context import Finding
from keras_cnn.port.imports import CELL
from keras_cnn.port.rewriting import port

_MAGIC = re.compile(r"^(\s*)([%!?].*|.*\?|[\w, .]+=\s*[!%][^=].*)$")
_PYTHON_CELL = re.compile(r"%%(time|timeit|capture|prun)\b")
_PLACE = re.compile(r"^(\s*)pass  #port_line_(\d+)$", re.M)


def port_notebook(text: str) -> tuple[str, list[Finding]]:
    """Return a notebook with its code cells rewritten, and what could not be mended.

    Args:
        text: The file's text.

    Raises:
        SyntaxError: The file is no notebook.
    """
    try:
        notebook = json.loads(text)
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError):
        raise SyntaxError("this is no notebook of format 4", ("", 1, 0, "")) from None
    hidden, findings, scripts = [], [], []
    for number, source in enumerate(sources, 1):
        script, error = _as_python(source, hidden)
        if error is not None:
            findings.append(
                Finding(error.raw_line, N_("this cell is no Python 3: correct it"), number)
            )
        scripts.append(script)
    joined = "".join(f"{CELL}{n}\n{script}\n" for n, script in enumerate(scripts, 1))
    ported, found = port(joined)
    findings += [_in_cell(finding, scripts) for finding in found]
    pieces = re.split(rf"(?m)^{CELL}\d+\n", ported)[1:]
    for cell, source, script, piece in zip(cells, sources, scripts, pieces, strict=True):
        new = piece.removesuffix("\n")
        if new != script:
            new = _PLACE.sub(lambda match: hidden[int(match[2])], new)
            if source.endswith("\n") and not new.endswith("\n"):
                new += "\n"
            kept = isinstance(cell["source"], list)
            cell["source"] = new.splitlines(keepends=True) if kept else new
    findings.sort(key=lambda finding: (finding.cell, finding.line))
    if ported == joined:
        return text, findings
    indent = re.match(r"\{\s*\n( *)", text)
    new = json.dumps(notebook, ensure_ascii=False, indent=len(indent[1]) if indent else None)
    return new + "\n" * text.endswith("\n"), findings


def code_of(text: str) -> str:
    """Return the code cells of a notebook as one text, for a diff.

    Args:
        text: The file's text.
    """
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return "".join(f"# cell {n}\n{''.join(c['source'])}\n" for n, c in enumerate(cells, 1))


def _as_python(source, hidden):
    """Return a cell with IPython's lines replaced by ``pass``, and the error of one that is none.

    A cell in another language becomes empty.
    """
    if source.startswith("%%") and not _PYTHON_CELL.match(source):
        return "", None
    try:
        cst.parse_module(source)
        return source, None
    except cst.ParserSyntaxError:
        pass
    lines, continued = [], False
    for line in source.splitlines():
        match = _MAGIC.match(line)
        if continued or match:
            indent = match[1] if match else ""
            lines.append(f"{indent}pass  #port_line_{len(hidden)}")
            hidden.append(line)
            continued = line.rstrip().endswith("\\")
        else:
            lines.append(line)
    script = "\n".join(lines)
    try:
        cst.parse_module(script)
    except cst.ParserSyntaxError as error:
        return "", error
    return script, None


def _in_cell(finding, scripts):
    line = finding.line
    for number, script in enumerate(scripts, 1):
        length = script.count("\n") + 2
        if line <= length:
            return Finding(line - 1, finding.reason, number)
        line -= length
    return finding
