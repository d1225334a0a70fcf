"""Inception-v1 classifies 17 kinds of flowers: chapter 5.

Without the Oxford 17 flowers in data/flowers17 it runs on a drawn sample. The chapter uses pictures
of 224 pixels and 20 epochs; the defaults here finish in two minutes on two processor cores.
``--variant paper`` builds GoogLeNet.

Errata: the outputs of the listing's 1x1 reductions are not used, and it pools after each of its
nine modules, so the last modules see a single pixel. The network is as printed; its docstring gives
the cost. The listing validates on the test set; here a share of the training pictures picks the
weights.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
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
    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator)
    models = keras_cnn.models
    build = models.book.InceptionV1 if recipe.variant == "book" else models.InceptionV1
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
