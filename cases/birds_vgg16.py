"""VGG16, with batch normalisation and global pooling, tells birds apart: chapter 5.

Without CUB-200-2011 in data/birds it runs on a drawn sample. The chapter's pictures have 224
pixels, its batches 20, and it takes 20 epochs; the defaults here let two processor cores finish in
two minutes. ``--variant paper`` builds the network of 2014, without normalisation.

Errata: the listing's last layer lacks the softmax that its loss needs, so that it learns nothing;
at a rate of 1e-3 Adam drives so deep a network to one answer for all; and the listing
validates on the test set.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="birds_vgg16",
    dataset="birds",
    image_size=48,
    batch_size=16,
    epochs=6,
    learning_rate=1e-4,
)


def main(argv=None):
    """Train, test and report; return what report.json holds."""
    recipe = RECIPE.parse(argv, description=__doc__)
    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator)
    models = keras_cnn.models
    build = models.book.VGG16 if recipe.variant == "book" else models.VGG16
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
