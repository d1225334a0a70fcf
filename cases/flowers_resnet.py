"""ResNet classifies three kinds of flowers: 王汉生, chapter 5.

In a folder with more kinds, such as ``--data data/flowers17``, it uses the first three. Without
pictures in data/flowers it runs on a drawn sample. By default it builds ResNet-50 of the paper;
``--variant book`` builds the listing's network, ``--listing`` also trains as the listing does.

Errata: no stage of the listing halves its feature maps, so a picture of 224 pixels costs thirty
times as much as in ResNet-50. It trains with batches of one picture, too few for the statistics of
batch normalisation. Its last layer has half a million inputs at 64 pixels, that of the paper 2,048.
In the two minutes that the paper's network takes on two processor cores, it learns nothing.
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
    choices={"as_printed": False},
    listing={
        "image_size": 224,
        "batch_size": 1,
        "epochs": 20,
        "learning_rate": 1e-3,
        "augment": "none",
        "variant": "book",
        "validate_on_test": True,
        "as_printed": True,
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)

    def build(**options):
        if recipe.variant == "book":
            as_printed = recipe.choices["as_printed"]
            return keras_cnn.models.book.ResNet(as_printed=as_printed, **options)
        return keras_cnn.models.blocks.with_momentum(keras_cnn.models.ResNet50(**options), 0.9)

    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    splits = keras_cnn.classification_splits(recipe, generator, most_classes=3)
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
