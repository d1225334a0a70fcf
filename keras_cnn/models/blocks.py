"""What three or more architectures share: the input and its checks, blocks of layers, the head."""

import keras
from keras import layers, ops


def image_input(
    input_shape: tuple | None,
    *,
    input_tensor: keras.KerasTensor | None,
    include_top: bool,
    weights: str | None,
    pooling: str | None,
    classes: int,
    classifier_activation: str | None,
    default_size: int,
    min_size: int,
    fixed_size: bool = False,
) -> keras.KerasTensor:
    """Check the options all builders have in common and return the input pictures.

    Args:
        input_shape: Height, width and channels of a picture. None for the default: the paper's size
            with the top, any size without it.
        input_tensor: Pictures to build on, instead of a new input.
        include_top: Whether the classifier is built.
        weights: None, `"imagenet"` or a path.
        pooling: None, `"avg"` or `"max"`: what stands in for the top.
        classes: Number of classes, at least 1.
        classifier_activation: Activation of the classifier; None for logits.
        default_size: Height and width of the paper's pictures, in pixels.
        min_size: Smallest height and width the layers leave something of, in pixels.
        fixed_size: Whether the top flattens its feature map, so its weights depend on the size.

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
            f"pooling stands in for the top; received pooling={pooling!r} with include_top=True: "
            "drop one of the two."
        )
    if not isinstance(classes, int) or classes < 1:
        raise ValueError(f"classes must be a whole number above 0; received classes={classes!r}.")
    if not include_top and classes != 1000:
        raise ValueError(
            f"classes belong to the top; received classes={classes} with include_top=False: "
            "drop classes, or add a Dense layer of your own."
        )
    if input_tensor is None:
        default = (default_size, default_size, 3) if include_top else (None, None, 3)
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
                f"input_shape={tuple(input_shape)}: drop input_shape."
            )
    _check_shape(shape, min_size)
    if include_top and fixed_size and None in shape:
        raise ValueError(
            "the dense layers of the top need pictures of one size; received "
            f"input_shape={shape}: give height and width, or include_top=False."
        )
    if weights == "imagenet":
        _check_published(shape, include_top, classes, classifier_activation)
        if include_top and fixed_size and shape[:2] != (default_size, default_size):
            raise ValueError(
                f"the published top takes {default_size}x{default_size} pictures; received "
                f"input_shape={shape}: resize the pictures, or give include_top=False."
            )
    return layers.Input(shape) if input_tensor is None else input_tensor


def _check_shape(shape, min_size):
    sizes = shape[:2]
    if len(shape) != 3 or not all(isinstance(n, int) or n is None for n in shape):
        raise ValueError(
            "input_shape must be (height, width, channels), height and width may be None; "
            f"received input_shape={shape}."
        )
    if shape[2] is None or shape[2] < 1:
        raise ValueError(
            f"input_shape must name the number of channels; received input_shape={shape}: "
            "give 3 for colour, 1 for grey."
        )
    if any(size is not None and size < min_size for size in sizes):
        raise ValueError(
            f"pictures must be at least {min_size}x{min_size}, since the layers shrink them; "
            f"received input_shape={shape}: enlarge the pictures."
        )


def _check_published(shape, include_top, classes, classifier_activation):
    if shape[2] != 3:
        raise ValueError(
            f"the published weights take 3 channels; received input_shape={shape}: "
            "repeat grey three times, or give weights=None."
        )
    if include_top and classes != 1000:
        raise ValueError(
            f"the published top knows 1,000 classes; received classes={classes}: "
            "give include_top=False and a Dense layer of your own, or weights=None."
        )
    activation = keras.activations.get(classifier_activation)
    if include_top and activation not in (keras.activations.linear, keras.activations.softmax):
        raise ValueError(
            "the published top was trained with softmax; received "
            f"classifier_activation={classifier_activation!r}: give 'softmax' or None."
        )


def global_pooling(x: keras.KerasTensor, pooling: str | None) -> keras.KerasTensor:
    """Reduce each feature map to one number: what builders end with instead of a top.

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
    """Close the network, from the sources of `image` (its own or the user's) to `outputs`.

    Args:
        image: What `image_input` returned.
        outputs: Output tensor or tensors.
        name: The model's name.

    Returns:
        The model.
    """
    sources = keras.utils.get_source_inputs(image)
    return keras.Model(sources[0] if len(sources) == 1 else sources, outputs, name=name)


@keras.saving.register_keras_serializable("keras_cnn")
class LocalResponseNormalization(layers.Layer):
    """Divide each activation by the energy of its neighbours in the channel axis.

    `b_i = a_i / (k + alpha * sum_j a_j ** 2) ** beta`, where `j` runs over the `depth` channels
    around `i`. Caffe and PyTorch divide `alpha` by `depth`: give them `5 * alpha` for the same.

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
        energy = ops.square(ops.cast(x, "float32"))  # half precision overflows above 255
        energy = ops.pad(energy, [(0, 0), (0, 0), (0, 0), (radius, radius)])
        energy = sum(energy[..., i : i + channels] for i in range(self.depth))
        return x * ops.cast((self.k + self.alpha * energy) ** -self.beta, x.dtype)

    def compute_output_shape(self, input_shape):
        """Return `input_shape`: the layer changes values only."""
        return input_shape

    def get_config(self):
        """Return what a saved model needs to make this layer again."""
        return {
            **super().get_config(),
            "depth": self.depth,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
        }
