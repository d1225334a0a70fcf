"""ResNet tells three kinds of flowers apart: chapter 5.

Of a folder with more kinds it takes the first three: ``--data data/flowers17`` will do. Without
pictures in data/flowers it runs on a drawn sample. ``--variant paper`` builds ResNet-50.

Errata: the listing never halves its maps, so that a picture of 224 pixels costs it twenty times
what ResNet-50 needs, and trains with batches of one picture, of which batch normalisation sees no
batch. As printed it is too much for two processor cores; with pictures of 40 pixels, and batches
of 8, they finish in two minutes.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="flowers_resnet",
    dataset="flowers",
    image_size=40,
    batch_size=8,
    epochs=4,
    learning_rate=1e-3,
    schedule="cosine",
)


def main(argv=None):
    """Train, test and report; return what report.json holds."""
    recipe = RECIPE.parse(argv, description=__doc__)
    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator, most_classes=3)
    models = keras_cnn.models
    build = models.book.ResNet if recipe.variant == "book" else models.ResNet50
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
