"""InceptionV3, trained on ImageNet, learns to tell cats from dogs: 王汉生, chapter 5.

First a new head is trained on the frozen network, starting from the solution of logistic
regression. Then all layers are trained, from a tenth of the rate down to 0; batch normalisation
keeps ImageNet's statistics, since few pictures give poor ones. Without Dogs vs Cats in
data/cats_dogs it runs on a drawn sample. The ImageNet weights are downloaded once. If that fails,
the case names the file and its folder, and continues with random weights. ``--base mobilenet``
takes MobileNet with a quarter of its filters instead: its weights have 1 MB, those of InceptionV3
88 MB.

``--listing`` trains as its listing does: a new head, from random weights.
"""

import dataclasses
import functools
from typing import Literal

import keras_cnn
from keras_cnn.options import option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(keras_cnn.Recipe):
    """The choices of this case."""

    base: Literal["inceptionv3", "mobilenet"] = option(
        "inceptionv3", "the network with ImageNet's weights: mobilenet is small and fast"
    )


RECIPE = Recipe(
    name="catsdogs_inceptionv3",
    dataset="cats_dogs",
    image_size=139,
    interpolation="bilinear",  # as in the training of ImageNet's weights
    batch_size=20,
    epochs=2,
    learning_rate=1e-3,
    without=("variant", "folds"),
    choices={"fine_tune": True, "linear_probe": True},
    listing={
        "image_size": 299,
        "batch_size": 100,
        "epochs": 1,
        "learning_rate": 1e-3,
        "fine_tune": False,
        "linear_probe": False,
        "validate_on_test": True,
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    from keras_cnn import transfer  # here: it imports Keras, which --help does not need

    models = keras_cnn.models
    small = functools.partial(models.MobileNet, alpha=0.25)
    builder = models.InceptionV3 if recipe.base == "inceptionv3" else small
    base, notes = transfer.published_or_random(builder, image_size=recipe.image_size)
    augmentation = {
        "shear_range": 0.5,
        "rotation_range": 30,
        "zoom_range": 0.2,
        "width_shift_range": 0.2,
        "height_shift_range": 0.2,
    }
    return transfer.fit_head(base, recipe, augmentation=augmentation, notes=notes, **recipe.choices)


if __name__ == "__main__":
    keras_cnn.script(main)
