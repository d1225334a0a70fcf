"""Inception-v1 classifies 17 kinds of flowers: 王汉生, chapter 5.

Without the Oxford 17 flowers in data/flowers17 it runs on a drawn sample, in two minutes on two
processor cores. ``--variant paper`` builds GoogLeNet, ``--listing`` trains as the textbook's
listing does.

Errata: the outputs of the listing's 1x1 reductions are not used, and it pools after each of its
nine modules, so the last modules see a single pixel. The network is as printed; its docstring gives
the cost.
"""

from functools import partial

import keras_cnn

RECIPE = keras_cnn.Recipe(
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
    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator)
    models = keras_cnn.models
    printed = partial(models.book.InceptionV1, as_printed=recipe.choices["as_printed"])
    build = printed if recipe.variant == "book" else models.InceptionV1
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
