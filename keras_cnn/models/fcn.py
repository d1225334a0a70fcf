"""Fully convolutional networks for segmentation (Long, Shelhamer and Darrell, 2015), on VGG16."""

import keras
import numpy as np
from keras import layers

from keras_cnn.models import blocks, surgery, vgg
from keras_cnn.models import weights as weight_files

SKIPS = {32: (), 16: (4,), 8: (4, 3)}  # stride of the finest scores -> stages whose scores it adds
LIGHT = 8  # the light base has an eighth of VGG16's filters


@keras.saving.register_keras_serializable("keras_cnn")
class Bilinear(keras.initializers.Initializer):
    """Filters of a transposed convolution that enlarges each feature map by bilinear interpolation.

    The stride is an even number s, the filters have a size of 2s, the padding is "same".
    """

    def __call__(self, shape: tuple, dtype: str | None = None) -> keras.KerasTensor:
        """Return the filters.

        Args:
            shape: (height, width, filters, channels); filter i enlarges channel i.
            dtype: Type of the filters.
        """
        height, width, filters, channels = shape
        kernel = np.zeros(shape, "float32")
        both = np.arange(min(filters, channels))
        kernel[:, :, both, both] = np.outer(_triangle(height), _triangle(width))[..., None]
        return keras.ops.convert_to_tensor(kernel, dtype=dtype)


def _triangle(size):
    """Return weights that fall linearly from the middle to 0."""
    return 1 - np.abs(np.arange(size) - (size - 1) / 2) / (size / 2)


def _builder(stride):
    def build(
        *,
        weights: str | None = None,
        input_tensor: keras.KerasTensor | None = None,
        input_shape: tuple | None = None,
        classes: int = 21,
        classifier_activation: str | None = "softmax",
        name: str = f"fcn{stride}s",
        base: str = "vgg16",
        dropout: float = 0.5,
    ) -> keras.Model:
        """Build a fully convolutional network, which gives every pixel a class.

        VGG16's dense layers become convolutions; their scores are enlarged to the picture's size.
        FCN-32s enlarges the scores of the last stage 32 times. FCN-16s first doubles them and adds
        scores of stage 4; FCN-8s doubles the sum and adds scores of stage 3. The last enlargement
        is bilinear interpolation and is not trained; the others start as bilinear interpolation.
        The paper pads pictures by 100 pixels and crops the scores; here the convolutions pad.

        Args:
            weights: None for random weights; `"imagenet"` for VGG16's, dense layers included; or
                the path of a file for the whole network.
            input_tensor: Keras tensor to use as pictures.
            input_shape: `(height, width, channels)`; height and width are multiples of 32, or None.
            classes: Number of classes, background included: 21 for Pascal VOC.
            classifier_activation: Activation of the scores; None for logits.
            name: The model's name.
            base: `"vgg16"`; or `"light"`, an eighth of its filters and batch normalisation, for
                small sets and processors.
            dropout: Share of the outputs of the former dense layers that training drops.

        Returns:
            The model; its output is `(batch, height, width, classes)`.

        Raises:
            ValueError: If the options contradict one another.

        References:
            Fully Convolutional Networks for Semantic Segmentation, sections 3 and 4,
            https://arxiv.org/abs/1411.4038.
        """
        if base not in ("vgg16", "light"):
            raise ValueError(f"base must be 'vgg16' or 'light'; received base={base!r}.")
        if base == "light" and weights == "imagenet":
            raise ValueError(
                "ImageNet's weights are those of the base 'vgg16'; received base='light': give "
                "base='vgg16' or weights=None."
            )
        image = x = blocks.image_input(
            input_shape,
            input_tensor=input_tensor,
            include_top=True,
            weights=None,  # the classifier, from which they come, checks "imagenet"
            pooling=None,
            classes=classes,
            classifier_activation=classifier_activation,
            min_size=32,
            default_shape=(None, None, 3),
        )
        if any(side is not None and side % 32 for side in image.shape[1:3]):
            raise ValueError(
                "height and width must be multiples of 32, since five poolings halve them; "
                f"received input_shape={tuple(image.shape[1:])}: resize or pad the pictures."
            )
        conv, divisor = (_conv, 1) if base == "vgg16" else (blocks.conv_bn, LIGHT)
        pooled = {}
        for i, (convolutions, filters) in enumerate(vgg.STAGES[16], start=1):
            for j in range(1, convolutions + 1):
                x = conv(x, filters // divisor, 3, name=f"block{i}_conv{j}")
            x = pooled[i] = layers.MaxPooling2D(2, 2, name=f"block{i}_pool")(x)
        for i, size in enumerate((7, 1), start=1):
            x = conv(x, 4096 // divisor, size, name=f"fc{i}")  # (7, 7, 4096) for 224 pixels
            x = layers.Dropout(dropout, name=f"dropout{i}")(x)
        x = _score(x, classes, name="score")
        for stage in SKIPS[stride]:
            x = _enlarged(x, classes, 2, name=f"enlarged_to_pool{stage}")
            skip = _score(pooled[stage], classes, name=f"score_pool{stage}")
            x = layers.Add(name=f"with_pool{stage}")([x, skip])
        x = _enlarged(x, classes, stride, name="enlarged", trainable=False)
        x = layers.Activation(classifier_activation, name="predictions", dtype="float32")(x)
        model = blocks.with_momentum(blocks.model(image, x, name=name), 0.9)
        if weights == "imagenet":
            return from_classifier(model, vgg.VGG16(weights="imagenet"))
        return weight_files.load(model, weights, architecture=f"fcn{stride}s")

    build.__name__ = build.__qualname__ = f"FCN{stride}s"
    return build


FCN32s, FCN16s, FCN8s = map(_builder, SKIPS)


def from_classifier(model: keras.Model, classifier: keras.Model) -> keras.Model:
    """Give a network for segmentation the weights of a classifier, as the paper does.

    The class scores are copied if both networks have the same number of classes.

    Args:
        model: What `FCN32s`, `FCN16s` or `FCN8s` builds, with the base `"vgg16"`.
        classifier: `VGG16` with its top.

    Returns:
        `model`. Its pictures are scaled as those of the classifier.

    Raises:
        ValueError: The layers of the two networks do not fit.
    """
    for layer in surgery.to_fully_convolutional(classifier).layers:
        if not layer.weights:
            continue
        is_score = layer.name == "predictions"
        target = model.get_layer("score" if is_score else layer.name)
        if not is_score or target.filters == layer.filters:
            target.set_weights(layer.get_weights())
    model.preprocessing = getattr(classifier, "preprocessing", None)
    return model


def _conv(x, filters, size, *, name):
    return layers.Conv2D(filters, size, padding="same", activation="relu", name=name)(x)


def _score(x, classes, *, name):
    # Zeros, as in the paper: a skip changes nothing until it is trained.
    return layers.Conv2D(classes, 1, kernel_initializer="zeros", name=name)(x)


def _enlarged(x, classes, factor, *, name, trainable=True):
    return layers.Conv2DTranspose(
        classes,
        2 * factor,
        factor,
        padding="same",
        use_bias=False,
        kernel_initializer=Bilinear(),
        trainable=trainable,
        name=name,
    )(x)
