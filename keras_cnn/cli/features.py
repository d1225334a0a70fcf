"""Options of commands that need the features of a pretrained network."""

import argparse
import os
from pathlib import Path
from typing import Any

from keras_cnn import filesystem
from keras_cnn.cli import arguments, model_options, networks, output
from keras_cnn.errors import InputError
from keras_cnn.options import flag

IMAGE_SIZE = 224  # of the published weights of most networks
_MODEL = "network of --weights, if it does not follow from the file: resnet50, vgg16, ..."
_WEIGHTS = (
    "trained weights that compute the features (default: ImageNet's of a network that is on this "
    "machine or can be downloaded)"
)


def add_arguments(
    parser: argparse.ArgumentParser, *, model: str = _MODEL, weights: str = _WEIGHTS
) -> None:
    """Add the network, its weights, the size of its pictures and the place of the features.

    Args:
        parser: Parser of the command.
        model: Help of --model.
        weights: Help of --weights.
    """
    parser.add_argument("--model", metavar="NAME", help=model)
    model_options.add_arguments(parser)
    parser.add_argument("--weights", metavar="imagenet|PATH", help=weights)
    parser.add_argument(
        "--image-size",
        type=arguments.positive,
        metavar="N",
        help=f"size to which the network reads pictures, in pixels (default: {IMAGE_SIZE})",
    )
    parser.add_argument(
        "--codes-cache",
        metavar="FILE",
        help="where to store the features (default: ~/.keras/keras_cnn/codes.sqlite)",
    )


def check(options: argparse.Namespace) -> None:
    """Refuse a network without weights, and options of a network that is not named.

    Args:
        options: Options of `add_arguments`.

    Raises:
        InputError: They contradict one another, or name no network or file.
    """
    networks.weights(options.weights)
    if options.model is None:
        for name in ("alpha", "model_option"):
            if getattr(options, name):
                raise InputError(f"{flag(name)} belongs to a network: add --model NAME")
        return
    networks.full_name(options.model)
    if options.weights is None:
        raise InputError(
            "--model needs --weights, since random weights know no pictures: give --weights "
            "imagenet, a file or the folder of a run"
        )


def base(options: argparse.Namespace) -> Any:
    """Return the `transfer.Base` that the user named; None if the program chooses.

    Args:
        options: Options of `add_arguments`, which `check` has accepted.

    Raises:
        InputError: The weights do not fit, or their network is unknown.
    """
    weights = networks.weights(options.weights)
    if options.model:
        return networks.base(networks.builder(options), weights, options)
    return None if weights in (None, "imagenet") else networks.base_of_weights(weights)


def cache(options: argparse.Namespace) -> str | Path:
    """Return the file that keeps the features.

    Args:
        options: Options of `add_arguments`.
    """
    from keras_cnn.transfer import feature_cache

    return options.codes_cache or feature_cache.shared_file()


def results_folder(options: argparse.Namespace, folder: Path, *, kind: str) -> Path:
    """Return the folder of the results: --out, or runs/DIR_kind.

    Args:
        options: Options of the command.
        folder: The set's folder.
        kind: What the results are.

    Raises:
        InputError: The folder cannot be written.
    """
    name = os.path.basename(os.path.abspath(folder))
    out = options.out or Path("runs", f"{name}_{kind}")
    filesystem.check_writable(out)
    return out


def read(options: argparse.Namespace, folder: Path) -> Any:
    """Return the `LabelledFeatures` of a folder.

    Args:
        options: Options of `add_arguments`.
        folder: The set's folder.

    Raises:
        InputError: The pictures or the network cannot be used.
    """
    from keras_cnn.transfer import labelled_features

    return labelled_features.read(
        folder,
        base=base(options),
        image_size=options.image_size or IMAGE_SIZE,
        cache=cache(options),
        watch=lambda items, total: output.progress(items, total=total, unit="pictures"),
    )
