"""A small network classifies clothes, without and with dropout and momentum.

The Fashion-MNIST exercise of Udacity's course on computer vision has two networks. The first is
trained by plain gradient descent. The second has dropout before its last layer and is trained with
momentum. The first report goes to the folder "without" inside the results, and McNemar's test
compares the two on the same test pictures. Without data/fashion_mnist it runs on a drawn sample.
``--listing`` trains as the exercise does, from Keras' initial weights. The exercise prints one
epoch, and scores that need more.

Errata: the first network of the exercise has a ReLU before its softmax, which removes all negative
scores: not one "Pullover" or "Shirt" is right, and it reaches 0.74. Here it ends with the softmax
alone.
"""

import dataclasses
import functools

import keras_cnn
from keras_cnn.recipe import OF_FILES

RECIPE = keras_cnn.Recipe(
    name="fashion_cnn",
    dataset="fashion_mnist",
    batch_size=50,
    epochs=8,
    learning_rate=0.05,
    schedule="cosine",
    without=("variant", "resume", *OF_FILES),
    choices={"factor_of_second_rate": 0.2, "as_printed": False},
    listing={
        "batch_size": 20,
        "epochs": 1,
        "learning_rate": 1e-3,
        "factor_of_second_rate": 1,
        "as_printed": True,
        "validate_on_test": True,
    },
)


def main(argv=None):
    """Train, test, report and compare both; return the contents of the second report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    import keras  # here: --help does not need it

    plain = dataclasses.replace(recipe, out=recipe.folder / "without")
    splits = keras_cnn.array_splits(recipe, keras_cnn.ImageDataGenerator(rescale=1 / 255))
    build = keras_cnn.models.book.FashionCNN
    printed = functools.partial(build, as_printed=recipe.choices["as_printed"])
    first = keras_cnn.run(printed, splits, plain, optimizer=keras.optimizers.SGD)
    if first.get("interrupted"):
        return first
    with_dropout = functools.partial(build, dropout=0.4)
    momentum = functools.partial(keras.optimizers.SGD, momentum=0.9)
    rate = recipe.learning_rate * recipe.choices["factor_of_second_rate"]
    slower = dataclasses.replace(recipe, learning_rate=rate)
    result = keras_cnn.run(with_dropout, splits, slower, optimizer=momentum)
    print(keras_cnn.report.compare(plain.folder, recipe.folder)["sentence"])
    return result


if __name__ == "__main__":
    keras_cnn.script(main)
