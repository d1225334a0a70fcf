"""``port``: rewrite scripts of Keras 1 and 2 for Keras 3."""

import argparse
import difflib
import importlib.util
from pathlib import Path

from keras_cnn import filesystem
from keras_cnn.errors import InputError
from keras_cnn.i18n import _, translated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "scripts",
        metavar="SCRIPT",
        nargs="+",
        type=Path,
        help="scripts (.py) and notebooks (.ipynb)",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="change the files, and keep each old one as SCRIPT.orig (default: print the changes)",
    )


def run(options: argparse.Namespace) -> int:
    """Rewrite scripts of Keras 1, Keras 2 and tf.keras for Keras 3; print the changes as a diff.

    No line of a script is executed. Comments and format stay. Lines that the command cannot mend
    are listed with their numbers and the reasons; the exit code is 1 if there are any.
    """
    if importlib.util.find_spec("libcst") is None:
        raise InputError(
            "port needs the package libcst, which is not installed: run "
            "pip install 'keras-cnn[port]'"
        )
    texts = {path: _read(path) for path in options.scripts}
    unmended = 0
    for path, (text, encoding) in texts.items():
        new, findings = _port(path, text)
        if options.write and new != text:
            _write(path, new, encoding)
        elif not options.write:
            print(_difference(path, text, new), end="")
        for finding in findings:
            cell = _("cell {n}:").format(n=finding.cell) if finding.cell else ""
            print(f"{path}:{cell}{finding.line}: {_shown(finding.reason)}")
        unmended += len(findings)
        if options.write:
            print(f"{path}: {_('rewritten') if new != text else _('nothing to change')}")
    return 1 if unmended else 0


def _shown(reason):
    """Return a reason in the reader's language; it may begin with the name that is removed."""
    shown = translated(reason)
    name, colon, rest = reason.partition(": ")
    return f"{name}{colon}{translated(rest)}" if shown == reason else shown


def _read(path):
    """Return the text of a script, with its line ends, and its encoding."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} must be a script; {error.strerror}: check the path") from None
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path} must be text in UTF-8: convert it")


def _port(path, text):
    from keras_cnn.port import notebooks, rewriting

    rewrite = notebooks.port_notebook if path.suffix == ".ipynb" else rewriting.port
    try:
        return rewrite(text)
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno}: {error.msg}") from None


def _write(path, text, encoding):
    original = path.with_name(f"{path.name}.orig")
    if not original.exists():  # the second run must not replace the old script by the new one
        with filesystem.write_atomically(original) as beside:
            beside.write_bytes(path.read_bytes())
    mode = path.stat().st_mode
    with filesystem.write_atomically(path) as beside:
        beside.write_bytes(text.encode(encoding))
        beside.chmod(mode)


def _difference(path, old, new):
    if path.suffix == ".ipynb" and new != old:
        from keras_cnn.port import notebooks

        old, new = notebooks.code_of(old), notebooks.code_of(new)
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"{path}.orig", str(path)
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
