"""FCN-8s gives every pixel a class: 斋藤康毅, chapter 8, section 3.2.

``--data`` names a folder with train/images/NAME.jpg and train/masks/NAME.png, the same in test, and
perhaps in val. A mask is a PNG of class numbers, as in PASCAL VOC: 0 is the background, 255 is void
and does not count. classes.txt names the classes, one a line. Without ``--data``, and without such
a folder data/shapes, it runs on shapes drawn by code. The light base is for processors; for
photographs take ``--base vgg16 --weights imagenet --image-size 320 --learning-rate 1e-4``, which
needs a GPU. ``--stride 32`` builds FCN-32s, whose outlines are coarse, ``--stride 16`` FCN-16s.
"""

import dataclasses
from functools import partial
from typing import Literal

import keras_cnn
from keras_cnn.options import option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(keras_cnn.Recipe):
    """The choices of this case."""

    stride: Literal[8, 16, 32] = option(8, "FCN-8s, FCN-16s or FCN-32s")
    base: Literal["light", "vgg16"] = option("light", "feature extractor: see models.FCN8s")
    weights: Literal["imagenet"] | None = option(
        None, "VGG16's weights, for --base vgg16 (default: random weights)"
    )


RECIPE = Recipe(
    name="shapes_fcn",
    dataset="shapes",
    image_size=128,
    interpolation="bilinear",
    batch_size=8,
    epochs=8,
    learning_rate=3e-3,
    schedule="cosine",
    without=(
        *("variant", "classes", "class_weights", "label_smoothing", "augment_on", "mix"),
        *("test_crops", "group_by", "folds"),
    ),
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    scaling = keras_cnn.images.scaling.Scaling("caffe") if recipe.weights else None
    generator = keras_cnn.ImageDataGenerator(
        rescale=None if scaling else 1 / 255, preprocessing_function=scaling, horizontal_flip=True
    )
    splits = keras_cnn.segmentation_splits(recipe, generator)
    build = getattr(keras_cnn.models, f"FCN{recipe.stride}s")
    return keras_cnn.run(partial(build, base=recipe.base, weights=recipe.weights), splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
