"""``studio``: a page in the browser to try, inspect, compare, clean and train networks."""

import argparse
import sys
import threading
import webbrowser

from keras_cnn.errors import InputError
from keras_cnn.i18n import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "place",
        metavar="RUN",
        nargs="?",
        default="runs",
        help="folder of a run, or a folder of runs (default: runs)",
    )
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        help="pictures among which the most similar are shown (default: those of the run's recipe)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to serve; all but this machine's own need the token in the printed URL "
        "(default: 127.0.0.1)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=7860,
        metavar="N",
        help="port; 0 takes a free one (default: 7860)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the URL only, do not open a browser"
    )


def run(options: argparse.Namespace) -> None:
    """Serve the studio on this machine until Ctrl-C.

    Its tabs: try a model on pictures, drawings and the camera; look inside the network; compare
    runs and watch a training; correct wrong labels; train on a folder. It needs the extra studio.
    """
    try:
        import gradio  # noqa: F401  (fails here, before anything is served)
    except ImportError as error:
        raise InputError(
            f"the studio needs Gradio ({error}): python -m pip install 'keras-cnn[studio]'"
        ) from None
    from keras_cnn.app import server
    from keras_cnn.app.studio import Studio

    if not 0 <= options.port < 1 << 16:
        raise InputError(f"--port must be from 0 to 65535; received {options.port}")
    studio = Studio(options.place, data=options.data)
    for url in server.serve(studio, host=options.host, port=options.port):
        say(f"The studio: {url}")
        say("Ctrl-C ends it.", flush=True)
        if not options.no_browser:
            threading.Timer(0.5, webbrowser.open, [url]).start()
    say("The studio has ended.", file=sys.stderr)
