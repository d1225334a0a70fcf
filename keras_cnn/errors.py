"""`InputError`: the error for inputs that cannot be used."""


class InputError(ValueError):
    """A file, folder, picture or option cannot be used.

    The message is one sentence that names the rule, the value and the way out. Scripts print it
    without a traceback and exit with code 2.
    """


def unusable(bad: dict[str, str], *, total: int, what: str, way_out: str) -> InputError:
    """Return the error that lists all files or boxes that cannot be used, one per line.

    Args:
        bad: Place of each -> its fault.
        total: Number of files or boxes that were examined.
        what: Their name in the plural, such as "pictures".
        way_out: Advice to the user.
    """
    lines = "".join(f"\n  {place}: {reason}" for place, reason in bad.items())
    return InputError(f"{len(bad)} of {total} {what} cannot be used; {way_out}:{lines}")
