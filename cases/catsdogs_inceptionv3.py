"""InceptionV3, trained on ImageNet, learns to tell cats from dogs: chapter 5, transfer learning.

First a new head learns on the frozen network, from logistic regression's solution on; then all
layers learn at a hundredth of the rate, with batch normalisation kept at ImageNet's statistics,
which few pictures would only spoil. Without Dogs vs Cats in data/cats_dogs it runs on a drawn
sample. The ImageNet weights are downloaded once; where they cannot be had, it says which file to
put where, and shows the way with random weights.

Erratum: the listing trains the new head for one epoch and stops where fine-tuning begins. Its
pictures have 299 pixels, which ``--image-size 299`` gives.
"""

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="catsdogs_inceptionv3",
    dataset="cats_dogs",
    image_size=139,
    interpolation="bilinear",  # as ImageNet's weights learned
    batch_size=20,
    epochs=2,
    learning_rate=1e-3,
    without=("variant",),
)


def main(argv=None):
    """Train, test and report; return what report.json holds."""
    recipe = RECIPE.parse(argv, description=__doc__)
    from keras_cnn import transfer  # here, since Keras takes seconds and --help does not need it

    weights, notes = _published_weights()
    augmentation = {
        "shear_range": 0.5,
        "rotation_range": 30,
        "zoom_range": 0.2,
        "width_shift_range": 0.2,
        "height_shift_range": 0.2,
    }
    base = transfer.Base.of(keras_cnn.models.InceptionV3, weights=weights)
    return transfer.fit_head(
        base, recipe, augmentation=augmentation, fine_tune=True, linear_probe=True, notes=notes
    )


def _published_weights():
    """Return "imagenet", or None where it cannot be had, with what the report is to tell."""
    try:
        keras_cnn.models.InceptionV3(weights="imagenet", include_top=False)
    except OSError as error:
        note = f"Random weights instead of ImageNet's: {error}."
        print(note)
        return None, [note]
    return "imagenet", []


if __name__ == "__main__":
    keras_cnn.script(main)
