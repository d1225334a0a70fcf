"""The chapters' notebooks: executed once, shown in both languages."""

import copy
import json
import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

import nbformat

from keras_cnn import i18n
from website import bilingual, includes
from website.links import ROOT, notebook_addresses

NOTEBOOKS = ROOT / "notebooks"
CHAPTERS = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
# The link to the other language: every page of the site has one.
_LANGUAGE = re.compile(r"^\[(?:中文|English)\]\([^)]+\)\n*", re.M)
FIRST = "from website import bilingual; bilingual.start()"  # in the kernel, before the cells
_RUN = {"en": "Run this chapter:", "zh": "运行本章："}


def execute(path: Path, *, timeout: int = 300) -> nbformat.NotebookNode:
    """Run a chapter on the built-in samples, as a reader does; figures are drawn in both languages.

    Args:
        path: The notebook.
        timeout: Seconds that a cell may take.

    Returns:
        The notebook with its outputs; those of figures are described in `bilingual`.
    """
    import nbclient

    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=timeout,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        # The start messages of TensorFlow's libraries are no outputs of the cells.
        extra_arguments=[
            "--IPKernelApp.capture_fd_output=False",
            f"--IPKernelApp.exec_lines={FIRST}",
        ],
    )
    places = [str(ROOT), str(ROOT / "docs"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
    environment[i18n.VARIABLE] = "en"
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    environment.pop("KERAS_CNN_DATA", None)
    client.execute(env=environment)
    return notebook


def outputs(name: str, *, folder: Path, run: bool) -> nbformat.NotebookNode:
    """Return an executed chapter: the one in a folder if its code is today's, else run it.

    Args:
        name: File name of the chapter.
        folder: Folder of executed notebooks; a new one is written there.
        run: Whether to execute a chapter that is missing there; else it has no outputs.
    """
    chapter, kept = nbformat.read(NOTEBOOKS / name, as_version=4), folder / name
    if kept.exists():
        executed = nbformat.read(kept, as_version=4)
        if _code(executed) == _code(chapter):
            return executed
    if not run:
        return chapter
    print(f"executing {name}", flush=True)
    executed = execute(NOTEBOOKS / name)
    keep(executed, kept)
    return executed


def keep(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write an executed notebook.

    Args:
        notebook: The notebook.
        path: Its file; missing folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    nbformat.write(notebook, beside)
    beside.replace(path)


def page(
    executed: nbformat.NotebookNode,
    *,
    source: Path,
    language: str,
    rewritten: Callable[[str], str],
) -> str:
    """Return the text of a chapter's page, as a notebook.

    Args:
        executed: The chapter with its outputs.
        source: The notebook in the language of the page, with the same code.
        language: "en" or "zh".
        rewritten: Takes the text of a cell and returns it with its links rewritten.

    Raises:
        ValueError: The notebook's code is not that of the executed chapter.
    """
    notebook = nbformat.read(source, as_version=4)
    if _code(notebook) != _code(executed):
        raise ValueError(f"{source} has other code than the executed chapter")
    shown = iter([cell for cell in executed.cells if cell.cell_type == "code"])
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = rewritten(_LANGUAGE.sub("", cell.source))
            if language == "zh":
                cell.source = includes.joined(cell.source)
        elif cell.cell_type == "code":
            cell.outputs = [_short(output, language) for output in next(shown).outputs]
    place = posixpath.join("notebooks", *source.relative_to(NOTEBOOKS).parts)
    services = " · ".join(f"[{n}]({a})" for n, a in notebook_addresses(place).items())
    title, _, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f"{title}\n\n{_RUN[language]} {services}\n{rest}"
    notebook.metadata["language_info"] = {"name": "python"}
    return json.dumps(notebook, ensure_ascii=False)


def _short(output, language):
    """Return an output without this machine's paths, its figure in the language of the page.

    Of an error, only the traceback's last line is shown.
    """
    output = copy.deepcopy(output)
    if figure := output.get("metadata", {}).pop(bilingual.KEY, None):
        output.data["image/png"] = figure[language]
    if output.output_type == "stream":
        output.text = output.text.replace(f"{ROOT}/", "").replace(str(Path.home()), "~")
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}".rstrip(": ")]
    return output


def _code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]
