"""The chapters' printed listings, told with the papers' blocks where the two agree.

Each builder has the listing's sizes as defaults, its layers in its order and its number of
parameters; each docstring tells the errata: what the listing does differently from the paper or
from its own text, and what that costs.
"""

import keras

from keras_cnn.models import alexnet


def AlexNet(*, input_shape: tuple = (227, 227, 3), classes: int = 2) -> keras.Model:
    """Build chapter 5's AlexNet: regular script or running script. 58,289,538 parameters.

    Errata:
        - The text names local response normalisation as one of six novelties; the listing has
          none. It costs nothing: later networks found no use for it (VGG, section 3.1).
        - The text gives the second convolution stride 2 and 27x27 outputs; they exclude each
          other. The listing has stride 1, as the paper.
        - The second, fourth and fifth convolution are not split over two GPUs: 1.4 million
          parameters more, on one GPU no slower.
        - The text crops 224x224 out of 256x256 and flips; the listing feeds whole pictures, so
          nothing keeps its 58 million parameters from learning a small training set by heart.

    Args:
        input_shape: `(height, width, channels)`, at least 67x67.
        classes: Number of classes.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    return alexnet.AlexNet(input_shape=input_shape, classes=classes, lrn=False, groups=1)
