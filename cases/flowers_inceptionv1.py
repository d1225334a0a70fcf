"""Inception-v1 classifies 17 kinds of flowers: 王汉生, chapter 5.

Without the Oxford 17 flowers in data/flowers17 it runs on a drawn sample, in two minutes on two
processor cores. ``--variant paper`` builds GoogLeNet; ``--variant paper --aux --image-size 80``
trains it with its two auxiliary classifiers. ``--listing`` trains as its listing does.

Errata: the outputs of the listing's 1x1 reductions are not used, and it pools after each of its
nine modules, so the last modules see a single pixel. The network is as printed; its docstring gives
the cost.
"""

import dataclasses
from functools import partial

import keras_cnn
from keras_cnn.options import option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(keras_cnn.Recipe):
    """The choices of this case."""

    aux: bool = option(False, "train with auxiliary classifiers; needs --variant paper")


RECIPE = Recipe(
    name="flowers_inceptionv1",
    dataset="flowers17",
    image_size=64,
    batch_size=16,
    epochs=6,
    learning_rate=1e-3,
    schedule="cosine",
    choices={"as_printed": False},
    listing={
        "image_size": 224,
        "batch_size": 20,
        "epochs": 20,
        "learning_rate": 1e-3,
        "augment": "none",
        "validate_on_test": True,
        "as_printed": True,
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    if recipe.aux and recipe.variant == "book":
        raise keras_cnn.InputError(
            "--aux needs --variant paper: the listing has no auxiliary classifiers"
        )
    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator)
    models = keras_cnn.models
    printed = partial(models.book.InceptionV1, as_printed=recipe.choices["as_printed"])
    paper = partial(models.InceptionV1, aux_logits=recipe.aux)
    build = printed if recipe.variant == "book" else paper
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
