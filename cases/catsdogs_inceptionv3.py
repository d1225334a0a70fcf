"""InceptionV3, trained on ImageNet, learns to tell cats from dogs: 王汉生, chapter 5.

First a new head is trained on the frozen network, starting from the solution of logistic
regression. Then all layers are trained at a hundredth of the rate; batch normalisation keeps
ImageNet's statistics, since few pictures give poor ones. Without Dogs vs Cats in data/cats_dogs it
runs on a drawn sample. The ImageNet weights are downloaded once. If that fails, the case names the
file and its folder, and continues with random weights.

``--listing`` trains as the textbook's listing does: a new head, from random weights.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="catsdogs_inceptionv3",
    dataset="cats_dogs",
    image_size=139,
    interpolation="bilinear",  # as in the training of ImageNet's weights
    batch_size=20,
    epochs=2,
    learning_rate=1e-3,
    without=("variant",),
    choices={"fine_tune": True, "linear_probe": True},
    listing={
        "image_size": 299,
        "batch_size": 100,
        "epochs": 1,
        "learning_rate": 1e-3,
        "fine_tune": False,
        "linear_probe": False,
        "validate_on_test": True,
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    from keras_cnn import transfer  # here: it imports Keras, which --help does not need

    weights, notes = _published_weights()
    augmentation = {
        "shear_range": 0.5,
        "rotation_range": 30,
        "zoom_range": 0.2,
        "width_shift_range": 0.2,
        "height_shift_range": 0.2,
    }
    base = transfer.Base.of(keras_cnn.models.InceptionV3, weights=weights)
    return transfer.fit_head(base, recipe, augmentation=augmentation, notes=notes, **recipe.choices)


def _published_weights():
    """Return "imagenet" and no notes, or None and a note if the download fails."""
    try:
        keras_cnn.models.InceptionV3(weights="imagenet", include_top=False)
    except OSError as error:
        note = f"Random weights instead of ImageNet's: {error}."
        print(note)
        return None, [note]
    return "imagenet", []


if __name__ == "__main__":
    keras_cnn.script(main)
