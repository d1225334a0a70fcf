"""Shared by three or more architectures: the input and its checks, blocks of layers, the head."""

from collections.abc import Callable

import keras
from keras import layers, ops

from keras_cnn.models import checks


def image_input(
    input_shape: tuple | None,
    *,
    input_tensor: keras.KerasTensor | None,
    include_top: bool,
    weights: str | None,
    pooling: str | None,
    classes: int,
    classifier_activation: str | None,
    min_size: int,
    default_shape: tuple = (224, 224, 3),
    default_classes: int = 1000,
    fixed_size: bool = False,
) -> keras.KerasTensor:
    """Check the options that all builders share, and return the input.

    Args:
        input_shape: Height, width and channels of a picture. None for the default: the paper's size
            with the top, any size without it.
        input_tensor: Keras tensor to use as pictures, instead of a new input.
        include_top: Whether the classifier is built.
        weights: None, `"imagenet"` or a path.
        pooling: None, `"avg"` or `"max"`: pooling at the end of a network without its top.
        classes: Number of classes, at least 1.
        classifier_activation: Activation of the classifier; None for logits.
        min_size: Smallest height and width that the layers accept, in pixels.
        default_shape: Height, width and channels of the paper's pictures.
        default_classes: Number of classes in the builder's signature.
        fixed_size: Whether the top flattens its feature map, so that the size of the pictures
            determines the number of its weights.

    Returns:
        Pictures of shape `(batch, height, width, channels)`.

    Raises:
        ValueError: If the options contradict one another.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "pictures must be (height, width, channels); received image_data_format="
            f"{keras.config.image_data_format()!r}: call "
            "keras.config.set_image_data_format('channels_last')."
        )
    if pooling not in (None, "avg", "max"):
        raise ValueError(f"pooling must be None, 'avg' or 'max'; received pooling={pooling!r}.")
    if include_top and pooling is not None:
        raise ValueError(
            f"pooling replaces the top; received pooling={pooling!r} with include_top=True: "
            "leave out one of the two."
        )
    if not isinstance(classes, int) or classes < 1:
        raise ValueError(f"classes must be a whole number above 0; received classes={classes!r}.")
    if not include_top and classes != default_classes:
        raise ValueError(
            f"classes belong to the top; received classes={classes} with include_top=False: "
            "leave out classes, or add a Dense layer of your own."
        )
    if input_tensor is None:
        default = default_shape if include_top else (None, None, default_shape[2])
        shape = default if input_shape is None else tuple(input_shape)
    else:
        if not keras.backend.is_keras_tensor(input_tensor):
            raise ValueError(
                "input_tensor must be a Keras tensor; received "
                f"{type(input_tensor).__name__}: make one with keras.Input(shape)."
            )
        shape = tuple(input_tensor.shape[1:])
        if input_shape is not None and tuple(input_shape) != shape:
            raise ValueError(
                f"input_tensor has its own shape; received input_tensor of {shape} with "
                f"input_shape={tuple(input_shape)}: leave out input_shape."
            )
    checks.check_shape(shape, min_size)
    if include_top and fixed_size and None in shape:
        raise ValueError(
            "the dense layers of the top need pictures of one size; received "
            f"input_shape={shape}: give height and width, or include_top=False."
        )
    if weights == "imagenet":
        checks.check_published(shape, include_top, classes, classifier_activation)
        if include_top and fixed_size and shape != default_shape:
            raise ValueError(
                f"the published top takes pictures of {default_shape}; received "
                f"input_shape={shape}: resize the pictures, or give include_top=False."
            )
    return layers.Input(shape) if input_tensor is None else input_tensor


def global_pooling(x: keras.KerasTensor, pooling: str | None) -> keras.KerasTensor:
    """Reduce each feature map to one number: the end of a network without its top.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        pooling: `"avg"`, `"max"`, or None for the maps as they are.

    Returns:
        Features of shape `(batch, channels)`, or `x`.
    """
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D(name="max_pool")(x)
    return x


def head(
    x: keras.KerasTensor,
    *,
    include_top: bool,
    pooling: str | None,
    classes: int,
    classifier_activation: str | None,
    dropout: float = 0.0,
) -> keras.KerasTensor:
    """End a network with global average pooling and one dense layer, or without its top.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        include_top: Whether to classify.
        pooling: None, `"avg"` or `"max"`, for the network without its top.
        classes: Number of classes.
        classifier_activation: Activation of the classifier; None for logits.
        dropout: Share of the pooled features that training drops.

    Returns:
        Scores of shape `(batch, classes)`, or what `global_pooling` returns.
    """
    if not include_top:
        return global_pooling(x, pooling)
    x = global_pooling(x, "avg")
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, activation=classifier_activation, name="predictions")(x)


def model(image: keras.KerasTensor, outputs: keras.KerasTensor | list, *, name: str) -> keras.Model:
    """Return the model from the inputs of `image` (its own or the user's) to `outputs`.

    Args:
        image: The pictures, as `image_input` returns them.
        outputs: Output tensor or tensors.
        name: The model's name.

    Returns:
        The model.
    """
    sources = keras.utils.get_source_inputs(image)
    return keras.Model(sources[0] if len(sources) == 1 else sources, outputs, name=name)


def conv_bn(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int | tuple,
    strides: int = 1,
    padding: str = "same",
    *,
    name: str | None = None,
    activation: str | None = "relu",
    use_bias: bool = False,
    scale: bool = True,
    epsilon: float = 1e-3,
    pad: int = 0,
) -> keras.KerasTensor:
    """Apply a convolution, batch normalisation and an activation.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        filters: Number of filters.
        kernel_size: Height and width of a filter.
        strides: Step of the filter.
        padding: `"same"` or `"valid"`.
        name: Prefix of the layers' names; None lets Keras number the layers.
        activation: Activation, or None.
        use_bias: Whether the convolution adds a bias, which the normalisation then removes.
        scale: Whether the normalisation has a factor of its own.
        epsilon: Constant that the normalisation adds to the variance.
        pad: Zeros added on all four sides first. At stride 2, `"same"` pads right and bottom only;
            Caffe and PyTorch pad all sides.

    Returns:
        Feature maps of shape `(batch, new height, new width, filters)`.
    """

    def named(suffix):
        return f"{name}_{suffix}" if name else None

    if pad:
        x, padding = layers.ZeroPadding2D(pad, name=named("pad"))(x), "valid"
    x = layers.Conv2D(
        filters, kernel_size, strides, padding, use_bias=use_bias, name=named("conv")
    )(x)
    x = layers.BatchNormalization(epsilon=epsilon, scale=scale, name=named("bn"))(x)
    return layers.Activation(activation, name=named(activation))(x) if activation else x


def stem(
    x: keras.KerasTensor, *, pool_name: str, epsilon: float, use_bias: bool = False
) -> keras.KerasTensor:
    """Reduce pictures to a quarter of their height and width: the stem of ResNet and DenseNet.

    Args:
        x: Pictures of shape `(batch, height, width, channels)`.
        pool_name: Name of the pooling layer.
        epsilon: Constant that the normalisation adds to the variance.
        use_bias: Whether the convolution adds a bias.

    Returns:
        Feature maps of shape `(batch, height / 4, width / 4, 64)`.
    """
    x = conv_bn(x, 64, 7, 2, name="conv1", use_bias=use_bias, epsilon=epsilon, pad=3)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(
        x
    )  # as good as -inf: after ReLU no value is below 0
    return layers.MaxPooling2D(3, 2, name=pool_name)(x)


def inception(
    x: keras.KerasTensor, branches: tuple, *, name: str, conv: Callable = conv_bn
) -> keras.KerasTensor:
    """Apply parallel branches to `x` and concatenate their feature maps.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        branches: The branches; each is a tuple of steps. A step is a tuple of the arguments of
            `conv` after `x` (filters, kernel size, strides, padding), or a function of `x`.
        name: Name of the concatenation, and prefix of the layers' names (`name_branch2_0_conv`).
        conv: The convolution: `conv(x, *step, name=...)`.

    Returns:
        Feature maps of shape `(batch, new height, new width, sum of the branches' filters)`.
    """
    outputs = []
    for i, steps in enumerate(branches, start=1):
        y = x
        for j, step in enumerate(steps):
            suffix = f"_{j}" if len(steps) > 1 else ""
            y = step(y) if callable(step) else conv(y, *step, name=f"{name}_branch{i}{suffix}")
        outputs.append(y)
    return layers.Concatenate(name=name)(outputs)


def split(
    x: keras.KerasTensor, filters: int, *, name: str | None = None, conv: Callable = conv_bn
) -> keras.KerasTensor:
    """Apply a 1x3 and a 3x1 convolution side by side and concatenate their feature maps.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        filters: Number of filters of each.
        name: Name of the concatenation, and prefix of the layers' names.
        conv: The convolution, as for `inception`.

    Returns:
        Feature maps of shape `(batch, height, width, 2 * filters)`.
    """
    sides = [conv(x, filters, (1, 3), name=f"{name}a"), conv(x, filters, (3, 1), name=f"{name}b")]
    return layers.Concatenate(name=name)(sides)


def average_pool(x: keras.KerasTensor) -> keras.KerasTensor:
    """Average over 3x3 windows at stride 1: `(batch, height, width, channels)` as before."""
    return layers.AveragePooling2D(3, 1, padding="same")(x)


def max_pool(x: keras.KerasTensor) -> keras.KerasTensor:
    """Take the maximum of 3x3 windows at stride 2: `(batch, height / 2, width / 2, channels)`."""
    return layers.MaxPooling2D(3, 2)(x)


@keras.saving.register_keras_serializable("keras_cnn")
class LocalResponseNormalization(layers.Layer):
    """Divide each activation by the energy of its neighbours in the channel axis.

    `b_i = a_i / (k + alpha * sum_j a_j ** 2) ** beta`, where `j` runs over the `depth` channels
    around `i`. Caffe and PyTorch divide `alpha` by `depth`: `depth * alpha` there is `alpha` here.

    References:
        Krizhevsky et al., 2012, section 3.3.
    """

    def __init__(
        self,
        *,
        depth: int = 5,
        k: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs,
    ):
        """Set the constants; the defaults are the paper's.

        Args:
            depth: Channels summed over (the paper's n), odd.
            k: Bias of the denominator.
            alpha: Weight of the energy.
            beta: Exponent of the denominator.
            **kwargs: Options of every Keras layer.
        """
        super().__init__(**kwargs)
        self.depth, self.k, self.alpha, self.beta = depth, k, alpha, beta

    def call(self, x):
        """Normalise `x` of shape `(batch, height, width, channels)`."""
        channels, radius = x.shape[-1], self.depth // 2
        energy = ops.square(ops.cast(x, "float32"))  # in float16 squares above 255 overflow
        energy = ops.pad(energy, [(0, 0), (0, 0), (0, 0), (radius, radius)])
        energy = sum(energy[..., i : i + channels] for i in range(self.depth))
        return x * ops.cast((self.k + self.alpha * energy) ** -self.beta, x.dtype)

    def compute_output_shape(self, input_shape):
        """Return `input_shape`: the layer changes values only."""
        return input_shape

    def get_config(self):
        """Return the options from which a saved model rebuilds this layer."""
        return {
            **super().get_config(),
            "depth": self.depth,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
        }


def with_momentum(model: keras.Model, momentum: float) -> keras.Model:
    """Set the momentum of all batch normalisations.

    With Keras' 0.99 the running averages still hold much of their initial values after a hundred
    steps: a network trained on a small set then predicts the same for every picture.

    Args:
        model: The model, changed in place.
        momentum: Share of the running averages that each step keeps, from 0 to 1.

    Returns:
        The model.
    """
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = momentum
    return model
