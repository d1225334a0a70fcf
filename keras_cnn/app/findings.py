"""What `check` finds in a folder of pictures, as HTML."""

import html
import itertools
from pathlib import Path

from keras_cnn.app import markup
from keras_cnn.app.texts import Text, mark
from keras_cnn.datasets.check import Check
from keras_cnn.i18n import translated
from keras_cnn.report.html import table

_SHOWN = 5  # findings of a kind, and classes of a split
_CLASSES = 12  # columns of the table of classes
_SIZES = (mark("smallest"), mark("median"), mark("largest"))  # of `check`


def shown(result: Check, *, folder: Path, text: Text) -> str:
    """Return the contents of a folder and the findings about it.

    Args:
        result: What `datasets.check.check` returned.
        folder: The folder.
        text: Gives a text in the page's language.
    """
    faults = sum(finding.is_fault for finding in result.findings)
    parts = [_verdict(faults, result, text)]
    rows = [
        (split or folder.name, f"{sum(classes.values()):,}", _classes(classes))
        for split, classes in result.counts.items()
    ]
    counts = table([text("split"), text("pictures"), text("classes")], rows)
    parts.append(f'<div class="plain">{counts}</div>')
    sizes = ", ".join(
        f"{text(name)} {width} × {height}" for name, (width, height) in result.sizes.items()
    )
    parts.append(markup.note(text("Sizes in pixels: {sizes}", sizes=sizes)) if sizes else "")
    for kind, group in itertools.groupby(result.findings, key=lambda finding: finding.kind):
        parts.append(_kind(kind, list(group), text))
    if result.objects:
        parts.append(
            markup.fault(
                text(
                    "These pictures have boxes: keras-cnn train-detector trains on them, this page "
                    "on class folders only."
                )
            )
        )
    return "".join(parts)


def _verdict(faults, result, text):
    if faults:
        sentence = text("Faults: {n}. The training or its score may suffer.", n=faults)
    elif result.findings:
        sentence = text("No fault; notes: {n}.", n=len(result.findings))
    else:
        sentence = text("No fault was found.")
    kind = "below" if faults else "above"
    return f'<div class="verdict {kind}"><p>{html.escape(sentence)}</p></div>'


def _classes(classes):
    names = [f"{name} {number}" for name, number in list(classes.items())[:_CLASSES]]
    return ", ".join(names) + (", …" if len(classes) > _CLASSES else "")


def _kind(kind, findings, text):
    """Return the findings of a kind, folded."""
    word = text("fault") if findings[0].is_fault else text("note")
    lines = "".join(
        f"<li>{html.escape(f'{finding.path} {translated(finding.reason)}')}</li>"
        for finding in findings[:_SHOWN]
    )
    if len(findings) > _SHOWN:
        lines += f"<li>{html.escape(text('and {n} more', n=len(findings) - _SHOWN))}</li>"
    head = f"{word}: {text(kind)}: {len(findings):,}"
    is_open = " open" if findings[0].is_fault else ""
    return f"<details{is_open}><summary>{html.escape(head)}</summary><ul>{lines}</ul></details>"
