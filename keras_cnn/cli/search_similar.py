"""``search-similar``: find the pictures of a folder that look like a picture."""

import argparse
import sys
from pathlib import Path

from keras_cnn import filesystem
from keras_cnn.cli import arguments, backend, features, networks, output
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, _, say, translated
from keras_cnn.options import flag


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "run", metavar="RUN", nargs="?", help="folder of a run, or a .keras file; or give --model"
    )
    parser.add_argument(
        "picture", metavar="PICTURE", help="a picture, a folder, a quoted pattern, or - for a list"
    )
    parser.add_argument("folder", metavar="FOLDER", help="the pictures to search, at any depth")
    features.add_arguments(
        parser,
        model=N_("in place of RUN: resnet50, vgg16, ... with --weights"),
        weights=N_("trained weights of --model"),
    )
    parser.add_argument(
        "--unsafe", action="store_true", help="run code inside the model (Lambda layers)"
    )
    arguments.add_format(parser)
    parser.add_argument(
        "--top-k",
        type=arguments.positive,
        default=5,
        metavar="N",
        help="number of pictures to find, the most similar first (default: 5)",
    )
    parser.add_argument(
        "--draw", type=Path, metavar="FILE", help="write a PNG of the picture and those found"
    )


def run(options: argparse.Namespace) -> int:
    """Print the pictures of a folder that are most similar to a picture.

    The similarity is the cosine between the features of two pictures, which a trained network
    computes: 1 for the same picture. Features are kept, so that the next search in the folder reads
    new and changed pictures only. Pictures that cannot be read are reported on stderr, and the exit
    code is then 2; the others are answered. The picture itself is not among the answers.
    """
    _check(options)
    pictures, number = arguments.pictures([options.picture])
    if options.draw and number != 1:
        raise InputError(
            f"--draw draws the answer to one picture; {options.picture!r} stands for "
            f"{'a list' if number is None else number}: leave out --draw, or name one picture"
        )
    paths, total = arguments.pictures([str(arguments.folder(options.folder))])
    if not total:
        raise InputError(f"there are no pictures in {options.folder!r}: name another folder")
    weights = networks.weights(options.weights)
    if options.model:
        networks.full_name(options.model)  # refuses an unknown name before Keras is imported
    if options.draw and (reason := _why_not_drawn(options.draw)):
        raise InputError(
            f"--draw must be a file that can be written; received {options.draw} ({reason}): name "
            "another"
        )
    backend.import_keras()
    search, bad = _search(options, weights), []

    def on_error(path, error):
        from keras_cnn.inference.predictor import reason

        bad.append(path)
        say(f"error: {translated(reason(error))}", file=sys.stderr)

    search.add(list(paths), cache=features.cache(options), on_error=on_error)
    answers = _answers(search, pictures, options, on_error)
    output.write_rows(_rows(answers, options), style=options.style, line=_line)
    return 2 if bad else 0


def _check(options):
    """Refuse options that contradict one another or would have no effect."""
    if bool(options.run) == bool(options.model):
        raise InputError(
            "search-similar needs a trained network: give RUN, or --model NAME --weights imagenet; "
            + ("received both" if options.run else "received neither")
        )
    if options.model and options.weights is None:
        raise InputError(
            "--model needs --weights, since random weights cannot compare pictures: give "
            "--weights imagenet, a file or the folder of a run"
        )
    for name in ("weights", "image_size", "alpha", "model_option"):
        if options.run and getattr(options, name):
            raise InputError(
                f"{flag(name)} belongs to a network that you choose: leave it out, or give --model "
                "in place of RUN"
            )
    if options.model and options.unsafe:
        raise InputError("--unsafe is for the model of a RUN: leave it out")


def _search(options, weights):
    """Return the empty index of a run, or of a network with trained weights."""
    from keras_cnn.transfer import ImageSearch

    if options.run:
        return ImageSearch.of_run(options.run, unsafe=options.unsafe)
    builder = networks.builder(options)
    base = networks.base(builder, weights, options)
    return ImageSearch.of(base, image_size=options.image_size or features.IMAGE_SIZE)


def _why_not_drawn(file):
    return N_("it is a folder") if file.is_dir() else filesystem.why_not_writable(file.parent)


def _answers(search, pictures, options, on_error):
    """Yield each readable picture and those found; draw them if asked to."""
    for path in pictures:
        try:
            similar = search(path, top_k=options.top_k)
        except InputError as error:
            on_error(path, error)
            continue
        if options.draw:
            options.draw.parent.mkdir(parents=True, exist_ok=True)
            with filesystem.write_atomically(options.draw) as beside:
                beside.write_bytes(_sheet(search, path, similar))
        yield path, similar


def _sheet(search, path, similar):
    """Return a PNG of a picture and those found, as the network receives them."""
    from keras_cnn.report import figures

    read = search.preparation.read
    items = [(read(path), _("searched for"), str(path))]
    items += [(read(other), f"{similarity:.3f}", other) for other, similarity in similar]
    return figures.pictures(items, most=len(items))


def _rows(answers, options):
    """Yield a row per picture, or in a csv one per picture found."""
    for path, similar in answers:
        similar = [(other, round(similarity, 6)) for other, similarity in similar]
        if options.style == "csv":
            for other, similarity in similar:
                yield {"path": path, "similar": other, "similarity": similarity}
            continue
        found = [{"path": other, "similarity": similarity} for other, similarity in similar]
        yield {"path": path, "similar": found}


def _line(row):
    found = [f"  {other['similarity']:.3f}  {other['path']}" for other in row["similar"]]
    head = translated(N_(f"{row['path']}: {len(found)} similar pictures"))
    return "\n".join([head, *found])
