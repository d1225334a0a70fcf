"""Classifiers of every kind that a user may build, called like a builder of `training.run`."""

import keras
from keras import layers


def functional(*, input_shape, classes):
    image = keras.Input(input_shape)
    return keras.Model(image, _head(classes)(_features("net", image)), name="net")


def sequential(*, input_shape, classes):
    return keras.Sequential(
        [keras.Input(input_shape), _convolution(), layers.GlobalMaxPooling2D(), _head(classes)],
        name="net",
    )


def sequential_without_input(*, input_shape, classes):
    """Keras builds it at the first call."""
    return keras.Sequential(
        [_convolution(), layers.GlobalMaxPooling2D(), _head(classes)], name="net"
    )


def built_sequential(*, input_shape, classes):
    model = sequential_without_input(input_shape=input_shape, classes=classes)
    model.build((None, *input_shape))
    return model


def sequential_of_models(*, input_shape, classes):
    base = keras.Sequential([_convolution(), layers.GlobalMaxPooling2D()], name="base")
    return keras.Sequential([keras.Input(input_shape), base, _head(classes)], name="net")


def sequential_on_a_functional_base(*, input_shape, classes):
    return keras.Sequential([_base(input_shape), _head(classes)], name="net")


def nested_base(*, input_shape, classes):
    image = keras.Input(input_shape)
    return keras.Model(image, _head(classes)(_base(input_shape)(image)), name="net")


class Subclassed(keras.Model):
    """A functional model inside a class of the user's own."""

    def __init__(self, inner, **options):
        super().__init__(**options)
        self.inner = inner

    def call(self, images, training=None):
        return self.inner(images, training=training)


def subclassed(*, input_shape, classes):
    return Subclassed(functional(input_shape=input_shape, classes=classes), name="net")


def multi_output(*, input_shape, classes):
    image = keras.Input(input_shape)
    features = _features("net", image)
    return keras.Model(image, [_head(classes)(features), _head(classes, "aux")(features)])


WORKING = (
    functional,
    sequential,
    sequential_without_input,
    built_sequential,
    sequential_of_models,
    sequential_on_a_functional_base,
    nested_base,
)
REFUSED = {  # builder -> words of the message
    subclassed: "net is a Subclassed: build it as keras.Model",
    multi_output: "one output.*has 2",
}


def _convolution():
    return layers.Conv2D(4, 3, activation="relu", name="conv")


def _features(name, image):
    return layers.GlobalMaxPooling2D(name=f"{name}_pool")(_convolution()(image))


def _base(input_shape):
    image = keras.Input(input_shape)
    return keras.Model(image, _features("base", image), name="base")


def _head(classes, name="predictions"):
    return layers.Dense(classes, activation="softmax", name=name)
