"""Links of a document of the repository, rewritten for its page of the site."""

import os
import posixpath
import re
from collections.abc import Collection, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The address of the repository. A workflow sets the variable; write it here once it is public.
REPOSITORY = os.environ.get("KERAS_CNN_REPOSITORY", "https://github.com/keras-cnn/keras-cnn")
BRANCH = "main"
_LINK = re.compile(r"(?<!\\)(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.M | re.S)
_ELSEWHERE = ("http:", "https:", "mailto:", "#")


def rewrite(
    text: str,
    *,
    source: str,
    page: str,
    pages: Mapping[str, str],
    labels: Collection[str] = (),
) -> str:
    """Rewrite the Markdown links of a text; code stays as it is.

    Args:
        text: Markdown.
        source: File of the repository that has the text, such as "docs/RESULTS.md".
        page: Page of the site that the text becomes, such as "results/trust.md".
        pages: File of the repository, or file#anchor, -> its page in this language.
        labels: Anchors that the pages of this language write as labels, ``(anchor)=``.

    Returns:
        The text. Links to a page stay inside the site, links to another file of the repository
        lead to the repository's address, and pictures to the page's folder of pictures.

    Raises:
        FileNotFoundError: A link leads to no file.
    """

    def replaced(match):
        picture, label, target = match.groups()
        if target.startswith(_ELSEWHERE):
            return match.group()
        file, mark, anchor = target.partition("#")
        here = posixpath.dirname(page)
        if posixpath.normpath(posixpath.join(here, file)) in pages.values():
            return match.group()  # written for the site
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), file))
        if picture:
            return f"![{label}]({posixpath.relpath(f'pictures/{posixpath.basename(path)}', here)})"
        if path in pages:
            if anchor in labels:
                return f"[{label}](#{anchor})"  # MyST finds a label in the whole language
            there = pages.get(f"{path}{mark}{anchor}", pages[path])
            return f"[{label}]({posixpath.relpath(there, here or '.')}{mark}{anchor})"
        return f"[{label}]({repository_address(path)}{mark}{anchor})"

    # Code may stand inside a link's label, so only code that is not part of a link is left out.
    parts = []
    for number, part in enumerate(_CODE.split(_hide(text))):
        parts.append(part if number % 2 else _LINK.sub(replaced, _show(part)))
    return "".join(map(_show, parts))


def repository_address(path: str) -> str:
    """Return the address of a file or folder of the repository.

    Args:
        path: Its path from the repository's root.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not (ROOT / path).exists():
        raise FileNotFoundError(f"a link of the documents leads to {path}, which does not exist")
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/{BRANCH}/{path}"


def notebook_addresses(path: str) -> dict[str, str]:
    """Return where a notebook can be run: name of the service -> address.

    Args:
        path: The notebook's path from the repository's root.
    """
    name = REPOSITORY.removeprefix("https://github.com/")
    return {
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{BRANCH}?urlpath=lab/tree/{path}",
        "GitHub": repository_address(path),
    }


def _hide(text):
    """Replace the backquotes in the labels of links, so that they do not end a link."""
    return _LINK.sub(lambda match: match.group().replace("`", "\0"), text)


def _show(text):
    return text.replace("\0", "`")
