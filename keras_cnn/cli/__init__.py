"""``keras-cnn``: train a network on a folder of pictures, and use it, without writing code.

Exit codes: 0 done; 1 done, and faults were found; 2 an input cannot be used, with one sentence on
stderr; 130 interrupted. Anything else is a bug and ends in a traceback.
"""

import argparse
import inspect
import os
import sys
from collections.abc import Sequence

from keras_cnn import __version__, i18n, mirrors
from keras_cnn.cli import (
    benchmark,
    cache,
    case,
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
from keras_cnn.i18n import N_, _
from keras_cnn.options import Parser, choose_language, lang_words, prepare_output, report_error

# Name -> module, and line of `keras-cnn --help`. A module has `add_arguments(parser)` and
# `run(options)`, whose docstring stands above the options. It imports Keras or OpenCV in `run`
# only, so that `--help` answers at once.
COMMANDS = {
    "train": (train, N_("train a network on your pictures")),
    "train-detector": (train_detector, N_("train SSD300 on pictures with boxes")),
    "case": (case, N_("run a case of the chapters, or list them")),
    "evaluate": (evaluate, N_("score a model on a folder of pictures")),
    "predict": (predict, N_("answer with the class of pictures")),
    "detect": (detect, N_("find objects in pictures")),
    "explain": (explain, N_("draw which pixels a network uses")),
    "search-similar": (
        search_similar,
        N_("find the pictures of a folder that look like a picture"),
    ),
    "check": (check, N_("find faults in a folder of pictures")),
    "clean": (clean, N_("find wrong labels in class folders, and correct them")),
    "compare": (compare, N_("compare runs: scores, costs, recipes")),
    "convert": (convert, N_("write pictures with boxes in another layout")),
    "fetch": (fetch, N_("download a data set")),
    "export": (export, N_("write a model for other programs")),
    "benchmark": (benchmark, N_("compare the exports of a run with its Keras model")),
    "learning-curve": (learning_curve, N_("predict the accuracy with twice as many pictures")),
    "lr-find": (lr_find, N_("suggest a learning rate")),
    "models": (models, N_("list the networks")),
    "port": (port, N_("rewrite a script of Keras 1 or 2 for Keras 3")),
    "cache": (cache, N_("list or remove the resized pictures that runs keep on disk")),
    "studio": (studio, N_("try, compare, clean and train in the browser")),
    "doctor": (doctor, N_("show what this machine offers and lacks")),
}


END = N_("keras-cnn COMMAND --help lists a command's options.")


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
    argv = sys.argv[1:] if argv is None else list(argv)
    with i18n.restored():
        choose_language(argv)
        command, words = _split(argv)
        module = COMMANDS[command][0]
        return _run(module, _command_parser(command, module).parse_args(words))


def _run(module, options):
    """Run a command; return the exit code."""
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
        message = f"{error.strerror or error}{place}"
        i18n.say(f"error: {i18n.translated(message)}", file=sys.stderr)
        return 2


def _split(argv):
    """Return the command, which is the first word beside ``--lang``, and the other words."""
    begin = lang_words(argv)
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {_(text)}" for name, (_module, text) in COMMANDS.items())
    parser = Parser(
        prog="keras-cnn",
        description=N_("Train the classic convolutional networks on your pictures, and use them."),
        epilog=f"{_('commands:')}\n{lines}\n\n{_(END)}",
        usage="%(prog)s COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=f"keras-cnn {__version__}")
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser.parse_args(argv[: begin + 1]).command, argv[begin + 1 :]


def _command_parser(name, module):
    parser = Parser(prog=f"keras-cnn {name}", description=inspect.getdoc(module.run))
    module.add_arguments(parser)
    return parser
