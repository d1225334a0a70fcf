"""DenseNet tells two classes of faces apart: chapter 6.

Put your own pictures into data/faces, a folder for each of the two classes. Without them it runs on
drawn leaves of two kinds, since a few lines of code draw no face without a caricature.
``--variant paper`` builds DenseNet-121.

Errata: a block of the listing hands on its last layer alone, which is the opposite of the
chapter's idea; the network is as printed. The listing validates on the test set; here a
part of the training pictures picks the weights.
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
    """Train, test and report; return what report.json holds."""
    recipe = RECIPE.parse(argv, description=__doc__)
    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator)
    models = keras_cnn.models
    build = models.book.DenseNet if recipe.variant == "book" else models.DenseNet121
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
