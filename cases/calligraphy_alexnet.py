"""AlexNet tells regular script (kaishu) from running script (xingshu): 王汉生, chapter 5.

Without 王汉生's ChineseStyle pictures in data/calligraphy it runs on the built-in sample. Its
characters are 112 px large: at 131 px AlexNet learns them three times as fast as at 227 px.
``--variant paper`` builds the network of 2012, ``--listing`` trains as its listing does.

Errata: the listing's Adam at 1e-3 often leaves AlexNet at chance, since nothing normalises its
activations; 2e-4 learns. Subtracting the mean of each picture saves a plateau of two epochs. The
listing resizes with "nearest", which makes blocks; ``--augment`` blurs them, but in training only.
Eight epochs on four masters' characters of 64 px reach 0.64 with "nearest", and 0.81 with
"bicubic".
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="calligraphy_alexnet",
    dataset="calligraphy",
    image_size=131,
    interpolation="bicubic",
    batch_size=32,
    epochs=5,
    learning_rate=2e-4,
    # A character of the sample is named after its typeface; elsewhere each is a group of its own.
    group_by=r"^(?P<typeface>.+?)(?:_u[0-9a-f]{4,5})?$",
    choices={"samplewise_center": True},
    listing={
        "image_size": 227,
        "batch_size": 200,
        "epochs": 20,
        "learning_rate": 1e-3,
        "samplewise_center": False,
        "validate_on_test": True,
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    splits = keras_cnn.classification_splits(
        recipe,
        keras_cnn.ImageDataGenerator(
            rescale=1 / 255, samplewise_center=recipe.choices["samplewise_center"]
        ),
    )
    models = keras_cnn.models
    build = models.book.AlexNet if recipe.variant == "book" else models.AlexNet
    return keras_cnn.run(build, splits, recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
