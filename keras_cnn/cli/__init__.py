"""``keras-cnn``: from a folder of pictures to a served verdict, without writing code.

Exit codes: 0 done; 1 done, and faults were found; 2 what was given cannot be used, in one
sentence on stderr; 130 interrupted. Anything else is a bug and ends in a traceback.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from keras_cnn import __version__
from keras_cnn.cli import (
    check,
    detect,
    doctor,
    evaluate,
    explain,
    export,
    fetch,
    lr_find,
    predict,
    train,
    train_detector,
)
from keras_cnn.errors import InputError
from keras_cnn.options import Parser, prepare_output

# Importing these modules loads neither Keras nor OpenCV: what a command needs, it imports.
_COMMANDS = (
    train,
    train_detector,
    evaluate,
    predict,
    detect,
    explain,
    check,
    fetch,
    export,
    lr_find,
    doctor,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The command and its options; None takes the process' own.

    Returns:
        The exit code.

    Raises:
        SystemExit: With code 2 for a wrong option, with code 0 after ``--help``.
    """
    prepare_output()
    options = _parser().parse_args(argv)
    try:
        return options.run(options) or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a file without permission, no network
        place = f" {error.filename!r}" if error.filename else ""
        print(f"error: {error.strerror or error}{place}", file=sys.stderr)
        return 2


def _parser():
    parser = Parser(
        prog="keras-cnn",
        description="Train the classic convolutional networks on your pictures, and use them.",
        epilog="keras-cnn COMMAND --help tells a command's options.",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"keras-cnn {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return parser
