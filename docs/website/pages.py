"""The pages of the site in a language, as Sphinx reads them."""

import functools
import re
import shutil
from pathlib import Path

from website import chapters, errata, includes, links, reference
from website.links import ROOT

HERE = Path(__file__).parent
LANGUAGES = ("en", "zh")
# Documents of the repository that are pages as they are; the Chinese page is written in zh/.
DOCUMENTS = {
    "docs/RESULTS.md": "results/trust.md",
    "docs/LISTINGS.md": "results/listings.md",
    "docs/PERFORMANCE.md": "results/performance.md",
    "docs/ARCHITECTURE.md": "architecture.md",
    "docs/KERAS2.md": "howto/keras2.md",
    "docs/RCNN.md": "chapters/rcnn.md",
    "docs/CAPTIONS.md": "chapters/captions.md",
}
# Documents that lead to a page of the site.
STAND_FOR = {
    "notebooks/README.md": "chapters/index.md",
    "notebooks/zh/README.md": "chapters/index.md",
    "README.md": "index.md",
    "README.md#backends-and-precision": "howto/gpu.md",
    "README.zh-CN.md": "index.md",
}
PICTURES = ("studio.png", "report.png")


def written(language: str) -> dict[str, str]:
    """Return the pages written for the site: file of the repository -> page.

    Args:
        language: "en" or "zh".
    """
    folder = HERE / language
    files = sorted(folder.rglob("*.md"))
    return {
        path.relative_to(ROOT).as_posix(): path.relative_to(folder).as_posix() for path in files
    }


def addresses(language: str) -> dict[str, str]:
    """Return which file of the repository is which page: path -> page.

    Args:
        language: "en" or "zh".
    """
    folder = "notebooks" if language == "en" else "notebooks/zh"
    names = {f"{folder}/{name}": f"chapters/{name}" for name in chapters.CHAPTERS}
    return names | STAND_FOR | DOCUMENTS | written(language)


def write(language: str, *, folder: Path, executed: Path, run: bool) -> None:
    """Write all pages of a language.

    Args:
        language: "en" or "zh".
        folder: Folder to create.
        executed: Folder of executed chapters.
        run: Whether to execute the chapters that it lacks.
    """
    known, texts = addresses(language), {}
    if language == "en":
        texts = {page: (ROOT / file).read_text("utf-8") for file, page in DOCUMENTS.items()}
        texts = {page: linked(t, _file(page), language) for page, t in texts.items()}
    texts |= {page: own(file, language) for file, page in written(language).items()}
    texts |= reference.api(language) | reference.commands(language)
    for page, text in texts.items():
        _write(folder / page, text)
    notebooks = chapters.NOTEBOOKS if language == "en" else chapters.NOTEBOOKS / "zh"
    for name in chapters.CHAPTERS:
        source = notebooks / name
        file = source.relative_to(ROOT).as_posix()
        text = chapters.page(
            chapters.outputs(name, folder=executed, run=run),
            source=source,
            language=language,
            rewritten=lambda text, file=file: linked(text, file, language, page=known[file]),
        )
        _write(folder / known[file], text)
    (folder / "pictures").mkdir()
    for name in PICTURES:
        shutil.copy(ROOT / "docs" / name, folder / "pictures" / name)


def own(file: str, language: str) -> str:
    """Return a page that is written for the site, with what it includes.

    Args:
        file: The page's file, from the repository's root.
        language: "en" or "zh".
    """
    page = written(language)[file]
    text = (ROOT / file).read_text("utf-8").replace("REPOSITORY_ADDRESS", links.REPOSITORY)
    text = linked(text, file, language, page=page)
    if "<!-- errata -->" in text:
        text = text.replace(
            "<!-- errata -->", linked(errata.table(language), file, language, page=page)
        )
    text = includes.expand(
        text,
        translate=language == "zh",
        rewritten=lambda part, source: linked(part, source, language, page=page),
    )
    return includes.joined(text) if language == "zh" else text


def linked(text: str, file: str, language: str, *, page: str | None = None) -> str:
    """Return a text of a file of the repository with the links of its page.

    Args:
        text: Markdown.
        file: Its file, from the repository's root.
        language: "en" or "zh".
        page: The page that takes the text; None is the page of the file.
    """
    known = addresses(language)
    made = {f"generated/{page}": page for page in _generated()}
    return links.rewrite(
        text,
        source=file,
        page=page or known[file],
        pages=known | made,
        labels=_labels(language),
    )


@functools.cache
def _labels(language):
    texts = [(ROOT / file).read_text("utf-8") for file in written(language)]
    return frozenset(label for text in texts for label in re.findall(r"^\((\S+)\)=$", text, re.M))


def _generated():
    from keras_cnn import cli

    names = [f"reference/commands/{name}.md" for name in cli.COMMANDS]
    return ["reference/api.md", "reference/commands.md", *names]


def _file(page):
    return {there: file for file, there in DOCUMENTS.items()}[page]


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
