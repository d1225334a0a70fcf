"""DenseNet tells two classes of faces apart: chapter 6.

Put your own pictures into data/faces, one folder for each of the two classes. Without them it runs
on drawn leaves of two kinds: a face drawn by a few lines of code would be a caricature.
``--variant paper`` builds DenseNet-121.

Errata: a block of the listing passes on the output of its last layer only, contrary to the idea of
the chapter; the network is as printed. The listing validates on the test set; here a share of the
training pictures picks the weights.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="gender_densenet",
    dataset="faces",
    image_size=128,
    batch_size=5,
    epochs=2,
    learning_rate=2e-3,
    schedule="cosine",
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator)
    models = keras_cnn.models
    build = models.book.DenseNet if recipe.variant == "book" else models.DenseNet121
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
