"""ResNet tells three kinds of flowers apart: chapter 5.

Of a folder with more kinds it takes the first three: ``--data data/flowers17`` will do. Without
pictures in data/flowers it runs on a drawn sample. By default it builds ResNet-50 of the paper;
``--variant book`` builds the listing.

Errata: no stage of the listing halves its maps, so that a picture of 224 pixels costs it thirty
times what ResNet-50 needs; it trains with batches of one picture, of which batch normalisation sees
no batch; and its last layer has half a million inputs at 64 pixels, where the paper's has 2,048. In
the two minutes that the paper's network takes on two processor cores it has learned nothing.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="flowers_resnet",
    dataset="flowers",
    image_size=64,
    batch_size=8,
    epochs=4,
    learning_rate=1e-3,
    schedule="cosine",
    variant="paper",
)


def main(argv=None):
    """Train, test and report; return what report.json holds."""
    recipe = RECIPE.parse(argv, description=__doc__)

    def build(**options):
        if recipe.variant == "book":
            return keras_cnn.models.book.ResNet(**options)
        return keras_cnn.models.blocks.with_momentum(keras_cnn.models.ResNet50(**options), 0.9)

    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator, most_classes=3)
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
