"""Checks of the options of builders."""

from collections.abc import Sequence

import keras


def check_shape(shape: tuple, min_size: int) -> None:
    """Check the shape of the pictures.

    Args:
        shape: (height, width, channels); height and width may be None.
        min_size: Smallest height and width that the layers accept, in pixels.

    Raises:
        ValueError: The shape is another, or the pictures are too small.
    """
    sizes = shape[:2]
    if len(shape) != 3 or not all(isinstance(n, int) or n is None for n in shape):
        raise ValueError(
            "input_shape must be (height, width, channels), height and width may be None; "
            f"received input_shape={shape}."
        )
    if shape[2] is None or shape[2] < 1:
        raise ValueError(
            f"input_shape must name the number of channels; received input_shape={shape}: "
            "give 3 for colour, 1 for grey."
        )
    if any(size is not None and size < min_size for size in sizes):
        raise ValueError(
            f"pictures must be at least {min_size}x{min_size}, since the layers shrink them; "
            f"received input_shape={shape}: enlarge the pictures."
        )


def check_published(
    shape: tuple, include_top: bool, classes: int, classifier_activation: str | None
) -> None:
    """Check that the published weights fit the options.

    Args:
        shape: (height, width, channels) of the pictures.
        include_top: Whether the classifier is built.
        classes: Number of classes.
        classifier_activation: Activation of the classifier; None for logits.

    Raises:
        ValueError: They do not fit.
    """
    if shape[2] != 3:
        raise ValueError(
            f"the published weights take 3 channels; received input_shape={shape}: "
            "repeat the grey channel three times, or give weights=None."
        )
    if include_top and classes != 1000:
        raise ValueError(
            f"the published top has 1,000 classes; received classes={classes}: "
            "give include_top=False and a Dense layer of your own, or weights=None."
        )
    activation = keras.activations.get(classifier_activation)
    if include_top and activation not in (keras.activations.linear, keras.activations.softmax):
        raise ValueError(
            "the published top was trained with softmax; received "
            f"classifier_activation={classifier_activation!r}: give 'softmax' or None."
        )


def check_counts(
    counts: Sequence[int], *, published: Sequence[int], weights: str | None, name: str
) -> tuple[int, ...]:
    """Check the number of blocks in each stage of a network, and return it.

    Args:
        counts: The numbers, as the user gives them.
        published: Those of the published weights.
        weights: None, `"imagenet"` or a path.
        name: Name of the builder.

    Raises:
        ValueError: A number is no whole number above 0, or the published weights have others.
    """
    counts = tuple(counts)
    if not counts or not all(isinstance(number, int) and number > 0 for number in counts):
        raise ValueError(
            "block_counts must be whole numbers above 0, such as "
            f"{tuple(published)}; received block_counts={counts}."
        )
    if weights == "imagenet" and counts != tuple(published):
        raise ValueError(
            f"the published weights of {name} have block_counts={tuple(published)}; received "
            f"{counts}: give weights=None."
        )
    return counts
