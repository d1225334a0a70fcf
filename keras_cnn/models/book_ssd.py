"""The listing of SSD300 in the section on detection, with its consequences."""

import keras
from keras import layers

from keras_cnn.models import ssd, ssd_weights

LAST_FROZEN = ("fc7",)  # the listing's `range(21)`: its input and the 20 layers up to fc7


def SSD300(
    *,
    weights: str | None = None,
    input_shape: tuple = (300, 300, 3),
    classes: int = 21,
    name: str = "ssd300",
) -> keras.Model:
    """Build the listing's SSD300: 9,092 priors, 26,269,102 parameters with 21 classes.

    Names typed wrongly and missing brackets are mended; the listing is not a Python program. Its
    softmax and its eight columns of priors and variances have no parameters and are not part of
    this network: `detection` has them.

    Errata of the network:
        - `conv8_1` reads `conv7_1` instead of `conv7_2`. So the last two feature maps have 8x8 and
          6x6 cells, where the paper has 3x3 and 1x1: 9,092 priors instead of 8,732.
        - `num=priors=6` sets two other names: the head of `fc7` keeps 4 priors per cell, its table
          of priors has 6, and the outputs cannot be concatenated. This builder has 6.
        - `img_size` is taken from a symbolic tensor instead of the shape; `PriorBox` extends one
          name and tests another (`aspect_rations`, `rations`), and adds the heights to rows instead
          of columns.
        - `num_boxs` and `num_boxes` are two names.

    Errata of the training:
        - The generator never calls `assign_boxes`: its targets are lists of boxes, not one target
          per prior, and no loss can compare them with the outputs. `detection.boxes.match` does.
        - The loss sums the positives over the wrong axis, counts its hard negatives by the mean of
          the batch instead of per picture, and ranks them by their highest confidence instead of
          their loss. It ends before it adds its parts, and returns nothing. So it cannot run;
          `detection.MultiboxLoss` takes its place.
        - `trainabel = False` freezes nothing. Spelled right, `range(21)` freezes all up to `fc7`.
        - Pictures are squeezed to about a square in training but letterboxed in detection.
        - A picture without objects is skipped: it never teaches the background.

    Args:
        weights: None, `"imagenet"` or a file, as in `models.SSD300`. A `conv8_1` of another shape
            and heads for another number of classes keep their random weights, as the listing's
            `skip_mismatch` does.
        input_shape: `(300, 300, 3)`.
        classes: Number of classes, background included as the first.
        name: The model's name.

    Returns:
        The model: `(batch, 9092, 4 + classes)`, offsets and logits of each prior.

    Raises:
        ValueError: The weights do not fit, or the shape is another.
        OSError: The weights of `"imagenet"` are not in the cache and cannot be downloaded.
    """
    if tuple(input_shape) != (300, 300, 3):
        raise ValueError(
            f"the listing takes (300, 300, 3); received input_shape={tuple(input_shape)}: "
            "letterbox the pictures to 300x300."
        )
    image = layers.Input(input_shape)
    maps = ssd.vgg16_maps(image)
    _, maps["conv6_2"] = ssd.extra_stage(maps["fc7"], "conv6")  # (10, 10, 512)
    narrow, maps["conv7_2"] = ssd.extra_stage(maps["conv6_2"], "conv7")  # (5, 5, 256)
    _, maps["conv8_2"] = ssd.extra_stage(narrow, "conv8")  # (8, 8, 256)
    _, maps["conv9_2"] = ssd.extra_stage(maps["conv8_2"], "conv9")  # (6, 6, 256)
    model = ssd.with_heads(image, maps, classes=classes, name=name)
    if weights == "imagenet":
        ssd_weights.load_base(model, "vgg16")
    elif weights is not None:
        ssd_weights.load(model, weights, may_differ=("conv8_1",))
    return model
