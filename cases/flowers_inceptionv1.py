"""Inception-v1 classifies 17 kinds of flowers: chapter 5.

Without the Oxford 17 flowers in data/flowers17 it runs on a drawn sample. The chapter uses pictures
of 224 pixels and 20 epochs; the defaults here finish in two minutes on two processor cores.
``--variant paper`` builds GoogLeNet; ``--variant paper --aux --image-size 80`` trains it with its
two auxiliary classifiers.

Errata: the outputs of the listing's 1x1 reductions are not used, and it pools after each of its
nine modules, so the last modules see a single pixel. The network is as printed; its docstring gives
the cost. The listing validates on the test set; here a share of the training pictures picks the
weights.
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
    paper = partial(models.InceptionV1, aux_logits=recipe.aux)
    build = models.book.InceptionV1 if recipe.variant == "book" else paper
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
