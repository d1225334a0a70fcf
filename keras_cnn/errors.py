"""The one error that means: what the user gave cannot be used."""


class InputError(ValueError):
    """A file, folder, picture or option cannot be used.

    The message is one sentence that names what is wrong, the value, and the way out. Scripts print
    it without a traceback and exit with code 2.
    """


def unusable(bad: dict[str, str], *, total: int, what: str, way_out: str) -> InputError:
    """Return the error that lists, line by line, all that cannot be used.

    Args:
        bad: Where each stands -> what is wrong with it.
        total: How many were looked at.
        what: What they are, such as "pictures".
        way_out: What to do.
    """
    lines = "".join(f"\n  {place}: {reason}" for place, reason in bad.items())
    return InputError(f"{len(bad)} of {total} {what} cannot be used; {way_out}:{lines}")
