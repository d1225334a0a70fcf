"""InceptionV3, trained on ImageNet, learns to tell cats from dogs: chapter 5, transfer learning.

First a new head learns on the frozen network; then all layers learn at a hundredth of the rate,
with batch normalisation kept at ImageNet's statistics, which few pictures would only spoil. Without
Dogs vs Cats in data/cats_dogs it runs on a drawn sample. The ImageNet weights are downloaded once;
where they cannot be had, it says which file to put where, and shows the way with random weights.

Erratum: the listing trains the new head for one epoch and stops where fine-tuning begins. Its
pictures have 299 pixels, which ``--image-size 299`` gives.
"""

import dataclasses

import keras_cnn

RECIPE = keras_cnn.Recipe(
    name="catsdogs_inceptionv3",
    dataset="cats_dogs",
    image_size=139,
    batch_size=20,
    epochs=3,
    learning_rate=1e-3,
    without=("variant",),
)


def main(argv=None):
    """Train, test and report; return what report.json holds."""
    recipe = RECIPE.parse(argv, description=__doc__)
    import keras  # here, since it takes seconds and --help does not need it

    weights, notes = _published_weights()

    def build(*, input_shape, classes):
        base = keras_cnn.models.InceptionV3(
            weights=weights, include_top=False, input_shape=input_shape
        )
        base.trainable = False
        image = keras.Input(input_shape)
        x = keras.layers.GlobalAveragePooling2D()(base(image))
        return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))

    def unfreeze(model):
        # Keras 3.15 trains under `fit` even a base that was called with training=False; a frozen
        # batch normalisation keeps ImageNet's statistics.
        for layer in model.layers[1].layers:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)

    generator = keras_cnn.ImageDataGenerator(
        preprocessing_function=lambda image: image / 127.5 - 1,  # as for the published weights
        shear_range=0.5,
        rotation_range=30,
        zoom_range=0.2,
        width_shift_range=0.2,
        height_shift_range=0.2,
    )
    splits = keras_cnn.classification_splits(recipe, generator)
    facts = splits.facts | {"notes": splits.facts["notes"] + notes}
    splits = dataclasses.replace(splits, facts=facts)
    return keras_cnn.run(build, splits, recipe, fine_tune=unfreeze)


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
