"""Softmax regression reads handwritten digits, and draws its weights: 王汉生, chapter 3.

Beside the report, weights.png shows the ten weight vectors as pictures of 28x28: red pixels support
the digit, blue pixels speak against it. Without data/mnist.npz it runs on scikit-learn's small
digits. ``--listing`` trains as its listing does.

Erratum: the listing leaves pixels at 0 to 255. Its logits then differ by hundreds, the softmax is
saturated, and steps of 0.01 change the answers at random.
"""

import keras_cnn
from keras_cnn.recipe import OF_FILES

RECIPE = keras_cnn.Recipe(
    name="digits_softmax",
    dataset="mnist",
    batch_size=500,
    epochs=20,
    learning_rate=0.01,
    schedule="cosine",
    without=("variant", *OF_FILES),
    choices={"pixels_divided_by": 255},
    listing={
        "batch_size": 1000,
        "epochs": 50,
        "learning_rate": 0.01,
        "pixels_divided_by": 1,
        "validate_on_test": True,
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    import keras  # here: --help does not need it

    rescale = 1 / recipe.choices["pixels_divided_by"]
    splits = keras_cnn.array_splits(recipe, keras_cnn.ImageDataGenerator(rescale=rescale))
    result = keras_cnn.run(keras_cnn.models.book.SoftmaxRegression, splits, recipe)
    model = keras.models.load_model(recipe.folder / "model.keras")
    weights = model.get_layer("predictions").get_weights()[0].T  # (10, 784)
    pictures = weights.reshape(-1, *splits.image_shape[:2])
    figure = keras_cnn.report.figures.weights(pictures, splits.class_names)
    (recipe.folder / "weights.png").write_bytes(figure)
    return result


if __name__ == "__main__":
    keras_cnn.script(main)
