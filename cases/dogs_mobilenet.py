"""MobileNet classifies ten breeds of dogs: 王汉生, chapter 6.

In a folder with more breeds it uses the first ten. Without the Stanford Dogs in data/dogs it runs
on a drawn sample. ``--variant paper`` builds the network of 2017, with thirteen separable
convolutions; the listing has five. ``--listing`` trains as the listing does.

Errata: the listing's ``zoom_range=2`` means factors from -1 to 3, which turn pictures upside down
or enlarge one pixel to the whole picture; 0.2 was meant. The listing also augments the pictures
that it validates with.
"""

from functools import partial

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="dogs_mobilenet",
    dataset="dogs",
    image_size=112,
    batch_size=30,
    epochs=20,
    learning_rate=1e-3,
    validation_split=0.4,
    choices={"zoom_range": 0.2, "augment_all": False, "as_printed": False},
    listing={
        "image_size": 112,
        "batch_size": 150,
        "epochs": 20,
        "learning_rate": 1e-3,
        "zoom_range": 2,
        "augment_all": True,
        "as_printed": True,
        "validate_on_test": True,
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    generator = keras_cnn.ImageDataGenerator(
        rescale=1 / 255,
        shear_range=0.5,
        rotation_range=30,
        zoom_range=recipe.choices["zoom_range"],
        width_shift_range=0.2,
        height_shift_range=0.2,
        horizontal_flip=True,
    )
    splits = keras_cnn.classification_splits(
        recipe, generator, most_classes=10, augment_all=recipe.choices["augment_all"]
    )
    models = keras_cnn.models
    printed = partial(models.book.MobileNet, as_printed=recipe.choices["as_printed"])
    build = printed if recipe.variant == "book" else models.MobileNet
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
