"""AlexNet tells regular script (kaishu) from running script (xingshu): chapter 5.

Without the book's ChineseStyle pictures in data/calligraphy it runs on the built-in sample.
Erratum: with the listing's Adam at a learning rate of 1e-3 AlexNet often stays at chance, since it
has no batch normalisation to keep such steps in check; 1e-4 learns. The listing also picks its
weights by the test set; here a part of the training pictures does.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="calligraphy_alexnet",
    dataset="calligraphy",
    image_size=227,
    batch_size=32,
    epochs=6,
    learning_rate=1e-4,
)


def main(argv=None):
    """Train, test and report; return what report.json holds."""
    recipe = RECIPE.parse(argv, description=__doc__)
    splits = keras_cnn.classification_splits(
        recipe,
        keras_cnn.ImageDataGenerator(rescale=1 / 255),
        group_pattern=r"^(?P<typeface>.+)_u[0-9a-f]{4,5}$",
    )
    return keras_cnn.run(keras_cnn.models.book.AlexNet, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
