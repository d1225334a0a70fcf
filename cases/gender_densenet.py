"""DenseNet tells two classes of faces apart: 王汉生, chapter 6.

Put your own pictures into data/faces, one folder for each of the two classes. Without them it runs
on drawn leaves of two kinds: a face drawn by a few lines of code would be a caricature.
``--variant paper`` builds DenseNet-121, ``--listing`` trains as its listing does.

Errata: a block of the listing passes on the output of its last layer only, contrary to the idea of
DenseNet; the network is as printed.
"""

from functools import partial

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="gender_densenet",
    dataset="faces",
    image_size=128,
    batch_size=5,
    epochs=2,
    learning_rate=2e-3,
    schedule="cosine",
    choices={"as_printed": False},
    listing={
        "image_size": 128,
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
    printed = partial(models.book.DenseNet, as_printed=recipe.choices["as_printed"])
    build = printed if recipe.variant == "book" else models.DenseNet121
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
