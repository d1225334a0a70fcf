"""A model as it was tested: with the crops and the temperature of its card, as layers.

`Predictor` and `export` both use this model, so that a temperature is applied once.
"""

import keras
from keras import ops

from keras_cnn.card import Card
from keras_cnn.inference import tta
from keras_cnn.report.calibration import SMALLEST


def as_tested(
    model: keras.Model, its_card: Card, *, image_shape: tuple[int, int, int]
) -> keras.Model:
    """Return a model whose answers are those that the test scored.

    Args:
        model: The saved model.
        its_card: Its card.
        image_shape: As in `tta.averaging`.
    """
    averaged = tta.averaging(model, its_card.test_crops, image_shape=image_shape)
    return tempered(averaged, its_card.temperature)


def tempered(model: keras.Model, temperature: float) -> keras.Model:
    """Return a model whose logits are divided by a temperature: see `report.calibration`.

    The weights of a last dense layer with softmax are divided, so that an exported model has no
    further step. A separate softmax divides its input. Any other last layer is followed by
    softmax(log(p) / temperature).

    Args:
        model: A functional classifier; it stays as it is.
        temperature: The temperature. For 1 the model itself is returned.
    """
    if temperature == 1:
        return model
    last = model.operations[-1]
    is_end = last.output is model.outputs[0]  # else the layer was called before, in another model
    softmax = keras.activations.softmax
    if is_end and type(last) is keras.layers.Dense and last.activation is softmax:
        head = keras.layers.Dense.from_config(last.get_config())
        answers = head(last.input)
        head.set_weights([weights / temperature for weights in last.get_weights()])
    elif is_end and (
        isinstance(last, keras.layers.Softmax)
        or (isinstance(last, keras.layers.Activation) and last.activation is softmax)
    ):
        answers = ops.softmax(last.input / temperature, axis=-1)
    else:
        probabilities = ops.maximum(model.outputs[0], SMALLEST)
        answers = ops.softmax(ops.log(probabilities) / temperature, axis=-1)
    return keras.Model(model.inputs[0], answers, name=model.name)
