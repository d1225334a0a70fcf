"""The one error that means: what the user gave cannot be used."""


class InputError(ValueError):
    """A file, folder, picture or option cannot be used.

    The message is one sentence that names what is wrong, the value, and the way out. Scripts print
    it without a traceback and exit with code 2.
    """
