"""``keras-cnn``: train a network on a folder of pictures, and use it, without writing code.

Exit codes: 0 done; 1 done, and faults were found; 2 an input cannot be used, with one sentence on
stderr; 130 interrupted. Anything else is a bug and ends in a traceback.
"""

import argparse
import inspect
import os
import sys
from collections.abc import Sequence

from keras_cnn import __version__, mirrors
from keras_cnn.cli import (
    benchmark,
    cache,
    check,
    clean,
    compare,
    convert,
    detect,
    doctor,
    evaluate,
    explain,
    export,
    fetch,
    learning_curve,
    lr_find,
    models,
    port,
    predict,
    search_similar,
    studio,
    train,
    train_detector,
)
from keras_cnn.options import Parser, prepare_output, report_error

# Name -> module, and line of `keras-cnn --help`. A module has `add_arguments(parser)` and
# `run(options)`, whose docstring stands above the options. It imports Keras or OpenCV in `run`
# only, so that `--help` answers at once.
COMMANDS = {
    "train": (train, "train a network on your pictures"),
    "train-detector": (train_detector, "train SSD300 on pictures with boxes"),
    "evaluate": (evaluate, "score a model on a folder of pictures"),
    "predict": (predict, "answer with the class of pictures"),
    "detect": (detect, "find objects in pictures"),
    "explain": (explain, "draw which pixels a network uses"),
    "search-similar": (search_similar, "find the pictures of a folder that look like a picture"),
    "check": (check, "find faults in a folder of pictures"),
    "clean": (clean, "find wrong labels in class folders, and correct them"),
    "compare": (compare, "compare runs: scores, costs, recipes"),
    "convert": (convert, "write pictures with boxes in another layout"),
    "fetch": (fetch, "download a data set"),
    "export": (export, "write a model for other programs"),
    "benchmark": (benchmark, "compare the exports of a run with its Keras model"),
    "learning-curve": (learning_curve, "predict the accuracy with twice as many pictures"),
    "lr-find": (lr_find, "suggest a learning rate"),
    "models": (models, "list the networks"),
    "port": (port, "rewrite a script of Keras 1 or 2 for Keras 3"),
    "cache": (cache, "list or remove the resized pictures that runs keep on disk"),
    "studio": (studio, "try, compare, clean and train in the browser"),
    "doctor": (doctor, "show what this machine offers and lacks"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The command and its arguments; None takes those of the process.

    Returns:
        The exit code.

    Raises:
        SystemExit: With code 2 for a wrong option, with code 0 after ``--help``.
    """
    prepare_output()
    command, words = _split(sys.argv[1:] if argv is None else list(argv))
    module, _ = COMMANDS[command]
    options = _command_parser(command, module).parse_args(words)
    try:
        with mirrors.chosen(getattr(options, "mirror", None)):
            return module.run(options) or 0
    except (KeyboardInterrupt, ImportError, ValueError) as error:
        code = report_error(error)
        if code is None:
            raise
        return code
    except BrokenPipeError:  # the reader, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a file without permission, no network
        place = f" {error.filename!r}" if error.filename else ""
        print(f"error: {error.strerror or error}{place}", file=sys.stderr)
        return 2


def _split(argv):
    """Return the command, which is the first word, and the words after it."""
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    parser = Parser(
        prog="keras-cnn",
        description="Train the classic convolutional networks on your pictures, and use them.",
        epilog=f"commands:\n{lines}\n\nkeras-cnn COMMAND --help lists a command's options.",
        usage="%(prog)s COMMAND ...",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"keras-cnn {__version__}")
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser.parse_args(argv[:1]).command, argv[1:]


def _command_parser(name, module):
    parser = Parser(
        prog=f"keras-cnn {name}",
        description=inspect.getdoc(module.run),
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    return parser
