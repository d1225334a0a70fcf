"""Build the site in English and Chinese: ``python docs/build_site.py``.

Chapters whose outputs are not kept in ``build/executed`` are executed first. The tests keep them
there, too: ``KERAS_CNN_EXECUTED=build/executed pytest -m slow tests/test_notebooks.py``.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT)]

from website import pages, published  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    """Build the site.

    Args:
        argv: The options; None takes those of the process.

    Returns:
        The exit code: 0, or 1 if Sphinx warns or a page needs another host.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="default: site")
    parser.add_argument(
        "--executed",
        type=Path,
        default=ROOT / "build" / "executed",
        help="folder of executed chapters (default: build/executed)",
    )
    parser.add_argument(
        "--no-execute",
        action="store_true",
        help="show a chapter without outputs if it is not in that folder",
    )
    options = parser.parse_args(argv)
    mark = options.out / ".nojekyll"  # GitHub Pages: serve folders that begin with "_"
    if options.out.exists() and any(options.out.iterdir()) and not mark.exists():
        parser.error(f"{options.out} has files that are no site: choose another folder by --out")
    from sphinx.cmd.build import build_main

    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    mark.touch()
    configuration = str(ROOT / "docs" / "website")
    with tempfile.TemporaryDirectory(prefix="keras_cnn_site_") as work:
        for language in pages.LANGUAGES:
            source, kept = Path(work) / language, Path(work) / "kept" / language
            run = not options.no_execute
            pages.write(language, folder=source, executed=options.executed, run=run)
            words = ["-W", "--keep-going", "-q", "-t", language, "-c", configuration]
            places = ["-d", kept, source, options.out / language]
            if build_main([*words, *map(str, places)]):
                return 1
    shutil.rmtree(options.out / "jupyter_execute", ignore_errors=True)  # MyST-NB's working copies
    shutil.copy(ROOT / "docs" / "website" / "start.html", options.out / "index.html")
    foreign = published.foreign_resources(options.out)
    for page, address in foreign:
        print(f"{page} loads {address} from another host", file=sys.stderr)
    return int(bool(foreign))


if __name__ == "__main__":
    sys.exit(main())
