"""``clean``: find wrong labels in class folders, and correct them."""

import argparse
import sys
from pathlib import Path

from keras_cnn import filesystem
from keras_cnn.cli import arguments, backend, features, output
from keras_cnn.errors import InputError
from keras_cnn.i18n import say, translated
from keras_cnn.options import flag

_PRINTED = 10  # suspects on the terminal
_SEARCH = ("model", "alpha", "model_option", "weights", "image_size", "codes_cache", "share", "out")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument("folder", metavar="DIR", help="class folders, or {train,val,test}/<class>")
    features.add_arguments(parser)
    parser.add_argument(
        "--share",
        type=arguments.share,
        metavar="X",
        help="share of the pictures to list, the most suspicious first (default: 0.1)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder of the results (default: runs/DIR_clean)"
    )
    parser.add_argument(
        "--apply",
        type=Path,
        metavar="CSV",
        help="move the pictures whose column label in this file names another class than their "
        "folder; the label quarantine moves a picture to DIR/.quarantine",
    )
    parser.add_argument(
        "--undo", action="store_true", help="move the pictures of the last --apply back"
    )
    arguments.add_mirror(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Find pictures that may lie in the folder of a wrong class.

    A pretrained network computes features; a classifier predicts the class of each picture without
    having seen it. The tenth of the pictures with the most doubtful labels is written to
    suspects.csv, and the first of them are drawn on suspects.png. Look at them, write the right
    class into the column label of suspects.csv, and move the pictures by --apply suspects.csv.
    Every move is written to the journal DIR/.corrections.jsonl; --undo takes the last --apply back.
    """
    folder = arguments.folder(options.folder)
    if options.apply and options.undo:
        raise InputError("--undo takes back what --apply did: leave out one of the two")
    for name in _SEARCH if options.apply or options.undo else ():
        if getattr(options, name) is not None:
            raise InputError(
                f"{flag(name)} is for the search; --apply and --undo move files only: leave it out"
            )
    if options.apply:
        _apply(folder, options)
    elif options.undo:
        _undo(folder, options)
    else:
        _search(folder, options)


def _apply(folder, options):
    from keras_cnn.datasets import corrections, moves

    planned = corrections.read(folder, options.apply)
    moves.apply(folder, planned)
    if options.json:
        output.print_json({"moves": [[move.source, move.target] for move in planned]})
        return
    for move in planned:
        print(f"{move.source} -> {move.target}")
    if planned:
        say(f"{len(planned):d} pictures moved; --undo moves them back")
    else:
        say("0 pictures moved: every label names the picture's folder")


def _undo(folder, options):
    from keras_cnn.datasets import moves

    kept = [file for session in moves.sessions(folder)[-1:] for file in session.kept]
    number = moves.undo(folder)
    if options.json:
        output.print_json({"moved_back": number, "no_longer_confirmed": kept})
    elif kept:
        say(f"the label of {', '.join(kept)} is no longer confirmed")
    else:
        say(f"{number:d} pictures moved back")


def _search(folder, options):
    features.check(options)
    out = features.results_folder(options, folder, kind="clean")
    with output.stdout_for_answer(options):
        backend.import_keras()
        from keras_cnn.transfer import label_errors

        pictures = features.read(options, folder)
        ranked = label_errors.suspects(pictures)
        listed = label_errors.most_suspicious(ranked, share=options.share)
        label_errors.write(listed, filesystem.writable(out))
        _print(pictures, listed, folder=folder, out=out)
    if options.json:
        rows = listed.drop(columns="path").to_dict("records")
        output.print_json(
            {"pictures": len(ranked), "unreadable": pictures.unreadable, "suspects": rows}
        )


def _print(pictures, listed, *, folder, out):
    for file, reason in pictures.unreadable.items():
        say(f"left out: {file}: {translated(reason)}", file=sys.stderr)
    classes = pictures.table["label"].nunique()
    say(f"{len(pictures.table)} pictures of {classes} classes; {pictures.network}")
    say(f"The first of the {len(listed)} most suspicious labels:")
    for row in listed.head(_PRINTED).itertuples():
        say(f"  {row.file}: {row.label}, or {row.likely} ({row.probability:.3f})?")
    say(f"All: {out / 'suspects.csv'}; drawn: {out / 'suspects.png'}")
    say("Write the right class into the column label, or quarantine, and then:")
    print(f"keras-cnn clean {folder} --apply {out / 'suspects.csv'}")
