"""The two subsets of `validation_split`: "training" and "validation"."""

import zlib

import numpy as np

from keras_cnn.errors import InputError


def subset_indices(
    groups: np.ndarray, *, subset: str, validation_split: float, key: str | None = None
) -> np.ndarray:
    """Return the indices of the samples in a subset. Each group is split by the same share.

    Args:
        groups: int array (n,), the group of each sample.
        subset: "validation" or "training".
        validation_split: Share of each group that goes into "validation".
        key: None takes the first samples of each group for "validation". A text draws them at
            random; the same text always draws the same samples.

    Returns:
        int array, sorted.

    Raises:
        InputError: `subset` has another value, or the subset is empty.
    """
    if subset not in ("training", "validation"):
        raise InputError(f'subset must be "training" or "validation"; received {subset=}')
    rng = (
        None
        if key is None
        else np.random.RandomState(zlib.crc32(key.encode(errors="backslashreplace")))
    )
    in_validation = np.zeros(len(groups), bool)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        count = validation_split * len(members)
        if rng is not None:
            members, count = rng.permutation(members), round(count)
        in_validation[members[: int(count)]] = True
    indices = np.flatnonzero(in_validation == (subset == "validation"))
    if not len(indices):
        raise InputError(
            f"{subset=} holds none of {len(groups)} samples with {validation_split=}: "
            "set ImageDataGenerator(validation_split=...) to another share"
        )
    return indices
