"""Children of a server that has imported Keras: an import takes longer than most of them live."""

import multiprocessing


def context():
    """Return the context whose processes are forks of this server."""
    forkserver = multiprocessing.get_context("forkserver")
    # The server finds no modules of this folder: it would leave them out without a word.
    forkserver.set_forkserver_preload(["keras_cnn.splits", "keras_cnn.training.run"])
    return forkserver
