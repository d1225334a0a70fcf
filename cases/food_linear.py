"""Linear regression scores how good food looks: 王汉生, chapter 3.

Without 王汉生's pictures in data/foodscore it runs on a drawn sample. The training and test
halves are those of the listing, so the mean squared errors can be compared: 0.813 for predicting
the mean. ``--listing`` trains as its listing does.

Erratum: the listing trains 49,153 weights on 98 pictures. Infinitely many solutions fit them, and
nothing chooses among them: it ends worse than the mean. Here weight decay is the ridge
penalty that chooses: random initial weights, and directions in which the pictures hardly differ,
decay to zero. The bias starts at the mean score and each picture's brightness is subtracted, so the
weights need not learn the mean.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="food_linear",
    dataset="foodscore",
    image_size=128,
    batch_size=100,
    epochs=150,
    learning_rate=1e-4,
    validation_split=0.1,
    weight_decay=200.0,
    without="variant classes label_smoothing class_weights mix group_by folds".split(),
    choices={"optimizer": "SGD", "samplewise_center": True, "bias_starts_at": "mean score"},
    listing={
        "image_size": 128,
        "batch_size": 100,
        "epochs": 100,
        "learning_rate": 1e-3,
        "interpolation": "bicubic",
        "optimizer": "Adam",
        "samplewise_center": False,
        "bias_starts_at": "zero",
        "validate_on_test": True,
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    import keras  # here: --help does not need it

    generator = keras_cnn.ImageDataGenerator(
        rescale=1 / 255, samplewise_center=recipe.choices["samplewise_center"]
    )
    splits = keras_cnn.regression_splits(recipe, generator)

    optimizer = getattr(keras.optimizers, recipe.choices["optimizer"])

    def build(*, input_shape):
        model = keras_cnn.models.book.LinearRegression(input_shape=input_shape)
        if recipe.choices["bias_starts_at"] == "mean score":
            model.get_layer("predictions").bias.assign([splits.targets["train"].mean()])
        return model

    return keras_cnn.run(build, splits, recipe, optimizer=optimizer)


if __name__ == "__main__":
    keras_cnn.script(main)
