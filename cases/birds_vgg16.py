"""VGG16, with batch normalisation and global pooling, classifies birds: 王汉生, chapter 5.

Without CUB-200-2011 in data/birds it runs on a drawn sample, in two minutes on two processor cores.
``--variant paper`` builds the network of 2014, without normalisation. ``--listing`` trains
as its listing does.

Errata: the listing's last layer lacks the softmax that its loss needs, so the network learns
nothing. With Adam at 1e-3 the network gives the same answer for all pictures.
"""

from functools import partial

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="birds_vgg16",
    dataset="birds",
    image_size=48,
    batch_size=16,
    epochs=6,
    learning_rate=1e-4,
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
    printed = partial(models.book.VGG16, as_printed=recipe.choices["as_printed"])
    build = printed if recipe.variant == "book" else models.VGG16
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
