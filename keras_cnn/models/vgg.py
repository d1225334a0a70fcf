"""VGG (Simonyan & Zisserman, 2015), table 1."""

import keras
from keras import layers

from keras_cnn.models import blocks
from keras_cnn.models import weights as weight_files

STAGES = {  # depth -> (convolutions, filters) of each stage
    11: ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)),
    13: ((2, 64), (2, 128), (2, 256), (2, 512), (2, 512)),
    16: ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)),
    19: ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)),
}
COLUMNS = {  # builder -> column of the table, depth
    "VGG11": ("A", 11),
    "VGG11LRN": ("A-LRN", 11),
    "VGG13": ("B", 13),
    "VGG16C": ("C", 16),
    "VGG16": ("D", 16),
    "VGG19": ("E", 19),
}


def _builder(builder_name):
    column, depth = COLUMNS[builder_name]

    def build(
        *,
        include_top: bool = True,
        weights: str | None = None,
        input_tensor: keras.KerasTensor | None = None,
        input_shape: tuple | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | None = "softmax",
        name: str = builder_name.lower(),
        dropout: float = 0.0,
    ) -> keras.Model:
        """Build a VGG network for pictures of 224x224.

        VGG11 has 132,863,336 parameters, VGG13 133,047,848, VGG16 138,357,544 and VGG19
        143,667,240; they differ in the number of 3x3 convolutions between poolings. VGG11LRN is
        VGG11 with local response normalisation after the first convolution. VGG16C (133,638,952
        parameters) has 1x1 filters in the last convolution of the stages 3 to 5. Layers are named
        and ordered as in `keras.applications`, which publishes weights of VGG16 and VGG19.

        Args:
            include_top: Whether to end with the three dense layers.
            weights: None for random weights, `"imagenet"` or the path of a file.
            input_tensor: Keras tensor to use as pictures.
            input_shape: `(height, width, channels)`, at least 32x32.
            pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
            classes: Number of classes.
            classifier_activation: Activation of the last layer; None for logits.
            name: The model's name.
            dropout: Share of the dense layers' outputs that training drops: 0.5 in the paper, 0 in
                `keras.applications`.

        Returns:
            The model; its output is `(batch, classes)` with the top.

        Raises:
            ValueError: If the options contradict one another.

        References:
            Very Deep Convolutional Networks for Large-Scale Image Recognition, section 2.1,
            https://arxiv.org/abs/1409.1556.
        """
        image = x = blocks.image_input(
            input_shape,
            input_tensor=input_tensor,
            include_top=include_top,
            weights=weights,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            min_size=32,
            fixed_size=True,
        )
        for i, (convolutions, filters) in enumerate(STAGES[depth], start=1):
            x = stage(
                x,
                filters,
                convolutions=convolutions,
                name=f"block{i}",
                last_size=1 if column == "C" and convolutions == 3 else 3,
                lrn=column == "A-LRN" and i == 1,
            )
            # (112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)
        if include_top:
            x = layers.Flatten(name="flatten")(x)  # (25088,)
            for i in (1, 2):
                x = layers.Dense(4096, activation="relu", name=f"fc{i}")(x)  # (4096,)
                if dropout:
                    x = layers.Dropout(dropout, name=f"dropout{i}")(x)
            x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
        else:
            x = blocks.global_pooling(x, pooling)
        return weight_files.load(
            blocks.model(image, x, name=name),
            weights,
            architecture=builder_name.lower(),
            include_top=include_top,
        )

    build.__name__ = build.__qualname__ = builder_name
    return build


VGG11, VGG11LRN, VGG13, VGG16C, VGG16, VGG19 = map(_builder, COLUMNS)


def stage(
    x: keras.KerasTensor,
    filters: int,
    *,
    convolutions: int,
    name: str,
    last_size: int = 3,
    lrn: bool = False,
) -> keras.KerasTensor:
    """Apply 3x3 convolutions, then maximum pooling.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        filters: Number of filters of each convolution.
        convolutions: Number of convolutions.
        name: Prefix of the layers' names.
        last_size: Height and width of the last convolution's filters.
        lrn: Whether to normalise before the pooling, with AlexNet's constants.

    Returns:
        Feature maps of shape `(batch, height / 2, width / 2, filters)`.
    """
    for i in range(1, convolutions + 1):
        size = last_size if i == convolutions else 3
        x = layers.Conv2D(filters, size, padding="same", activation="relu", name=f"{name}_conv{i}")(
            x
        )
    if lrn:
        x = blocks.LocalResponseNormalization(name=f"{name}_norm")(x)
    return layers.MaxPooling2D(2, 2, name=f"{name}_pool")(x)
