"""Checks of a built site."""

import re
from pathlib import Path

_LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc=[\"']([^\"']+)"
    r"|<link\b(?![^>]*\brel=[\"']?(?:canonical|author|license|search))[^>]*?\shref=[\"']([^\"']+)",
    re.I | re.S,
)
_STYLE = re.compile(r"@import\s+[\"']([^\"']+)|url\(\s*[\"']?([^\"')]+)")


def foreign_resources(folder: Path) -> list[tuple[str, str]]:
    """Return what pages and style sheets load from other hosts: page, address.

    Args:
        folder: The built site.
    """
    found = []
    for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.css")]):
        text = path.read_text(encoding="utf-8")
        pattern = _STYLE if path.suffix == ".css" else _LOADED
        addresses = ["".join(groups) for groups in pattern.findall(text)]
        if path.suffix == ".html":
            for style in re.findall(r"<style.*?</style>", text, re.S):
                addresses += ["".join(groups) for groups in _STYLE.findall(style)]
        found += [
            (str(path.relative_to(folder)), address)
            for address in addresses
            if re.match(r"(?:https?:)?//", address)
        ]
    return found
