"""A table of a network's layers: parameters, multiply-adds, receptive field.

Sources: receptive fields as in Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional
Neural Networks", Distill 2019, https://doi.org/10.23915/distill.00021. Where branches join, the
field is the union over all paths.
"""

import contextlib
import dataclasses
import math

import keras
from keras import layers

from keras_cnn import columns
from keras_cnn.explain import hooks
from keras_cnn.i18n import N_, _, translated
from keras_cnn.models import blocks
from keras_cnn.models.surgery import as_functional

_POINTWISE = (  # each cell of the output depends on the same cell of the input
    layers.Activation,
    layers.BatchNormalization,
    layers.Dropout,
    layers.ELU,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.LeakyReLU,
    layers.Normalization,
    layers.PReLU,
    layers.ReLU,
    layers.Rescaling,
    layers.SpatialDropout2D,
    blocks.LocalResponseNormalization,
)
_OVER_CHANNELS = (layers.Softmax, layers.UnitNormalization)  # pointwise along the last axis only
_ADAPTIVE = (layers.AdaptiveAveragePooling2D, layers.AdaptiveMaxPooling2D)  # at the native size
_MERGING = (
    layers.Add,
    layers.Average,
    layers.Concatenate,
    layers.Maximum,
    layers.Minimum,
    layers.Multiply,
    layers.Subtract,
)
_NORMALIZING = (
    layers.BatchNormalization,
    layers.GroupNormalization,
    layers.LayerNormalization,
    layers.Normalization,
    layers.PReLU,
    layers.RMSNormalization,
    layers.UnitNormalization,
)
_SLIDING = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_POOLING = (layers.MaxPooling2D, layers.AveragePooling2D)


@dataclasses.dataclass(frozen=True)
class Row:
    """A layer.

    Attributes:
        name: Its name; in a nested model its path, `"vgg16/block1_conv1"`.
        kind: Its class, such as "Conv2D".
        output_shape: Shape of its output for one picture, without the batch axis.
        parameters: Number of its weights, biases and statistics; 0 if an earlier row has them.
        multiply_adds: Multiplications, each with its addition, for one picture; None if unknown.
        receptive_field: (height, width) in pixels of the region that a cell of its output depends
            on; None after a layer that uses the whole picture, or whose window is unknown.
        stride: (height, width) in pixels between the windows of neighbouring cells; None where
            `receptive_field` is None.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int | None
    receptive_field: tuple[int, int] | None
    stride: tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class Table:
    """A network's layers; `print` shows them.

    Attributes:
        name: The model's name.
        input_shape: (height, width, channels).
        rows: The layers, in the order in which they run.
        parameters: Number of the model's weights.
        trainable_parameters: Number of the weights that training changes.
        multiply_adds: For one picture, the sum over all layers whose number is known.
    """

    name: str
    input_shape: tuple[int, ...]
    rows: tuple[Row, ...]
    parameters: int
    trainable_parameters: int
    multiply_adds: int

    def __getitem__(self, name: str) -> Row:
        """Return the row of a layer.

        Args:
            name: The layer's name, or path.
        """
        for row in self.rows:
            if name in (row.name, row.name.rpartition("/")[2]):
                return row
        raise KeyError(name)

    def to_dict(self) -> dict:
        """Return everything as JSON can hold it."""
        return dataclasses.asdict(self)

    def __str__(self):
        """Return the layers line by line, the totals below."""
        head = (
            _("layer"),
            _("kind"),
            _("output shape"),
            _("parameters"),
            _("multiply-adds"),
            _("receptive field"),
            _("stride"),
        )
        lines = [
            (
                row.name,
                row.kind,
                _by(row.output_shape),
                _count(row.parameters),
                _count(row.multiply_adds),
                _by(row.receptive_field or ()),
                _by(row.stride or ()),
            )
            for row in self.rows
        ]
        widths = [max(map(columns.width, column)) for column in zip(head, *lines, strict=True)]
        rule = ["-" * width for width in widths]
        title = N_(f"{self.name} for pictures of {_by(self.input_shape)}")
        totals = [
            N_(
                f"{self.parameters:,} parameters, {self.trainable_parameters:,} of them trainable; "
                f"{self.multiply_adds:,} multiply-adds per picture"
            )
        ]
        unknown = [row.name for row in self.rows if row.multiply_adds is None]
        if unknown:
            totals.append(N_(f"and those of {', '.join(unknown)}, which are unknown"))
        table = columns.aligned([head, rule, *lines], left=(0, 1, 2))
        return "\n".join([translated(title), *table, *map(translated, totals)])


@dataclasses.dataclass(frozen=True)
class _Field:
    """Along one axis, cell i depends on pixels `start + i * stride` to `end + i * stride`."""

    start: int = 0
    end: int = 0
    stride: int = 1

    def slide(self, window, step, padding=0):
        """Return the field of a cell after a sliding window."""
        start = self.start - padding * self.stride
        end = self.end + (window - 1 - padding) * self.stride
        return _Field(start, end, self.stride * step)


def table(model: keras.Model, *, input_shape: tuple[int, int, int] | None = None) -> Table:
    """List a network's layers with their cost and their receptive field.

    A multiply-add is one use of one weight of a convolution or dense layer, as papers count; many
    papers call it a FLOP. Biases, activations, pooling and normalisation (which can be folded into
    the convolution before it) are not counted.

    The receptive field may be larger than the picture: it is that of a cell in the middle of a
    large enough picture. Where branches join it is the smallest window around all of theirs.

    Args:
        model: A functional or Sequential model; it may hold nested models.
        input_shape: (height, width, channels) of the picture; by default the model's own.

    Returns:
        The table.

    Raises:
        ValueError: The model's input size is open and `input_shape` is not given, or its layers
            are unknown: it is not built, or another subclass of `keras.Model`.
    """
    model = as_functional(model, image_shape=input_shape)
    shape = _input_shape(model, input_shape)
    image = keras.KerasTensor((1, *shape), dtype=model.inputs[0].dtype)
    fields = {id(image): (image, (_Field(), _Field()))}  # holds the tensors, so ids stay unique
    rows, counted = [], set()
    with contextlib.ExitStack() as stack:
        for path, layer in dict(hooks.operations(model)).items():
            recording = _recording(path, layer, fields=fields, rows=rows, counted=counted)
            stack.enter_context(hooks.replaced(layer, compute_output_spec=recording))
        model.compute_output_spec(image)
    if not rows:
        raise ValueError(
            f"table needs a functional or Sequential model of any batch size; {model.name} is "
            f"{type(model).__name__} of {model.input_shape}"
        )
    return Table(
        name=model.name,
        input_shape=shape,
        rows=tuple(rows),
        parameters=model.count_params(),
        trainable_parameters=sum(math.prod(weight.shape) for weight in model.trainable_weights),
        multiply_adds=sum(row.multiply_adds or 0 for row in rows),
    )


def _input_shape(model, input_shape):
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise ValueError(f"table needs a model that takes one picture; received {model.name}")
    own = tuple(model.inputs[0].shape[1:])
    shape = own if input_shape is None else tuple(input_shape)
    if None in shape or len(shape) != 3:
        raise ValueError(
            f"the cost depends on the picture's size; {model.name} takes {own}: give "
            "input_shape=(height, width, channels)"
        )
    return shape


def _recording(path, layer, *, fields, rows, counted):
    """Return the layer's `compute_output_spec`, made to add a row at each call."""
    original = layer.compute_output_spec

    def compute_output_spec(*args, **kwargs):
        spec = original(*args, **kwargs)
        inputs = [x for x in keras.tree.flatten((args, kwargs)) if keras.backend.is_keras_tensor(x)]
        outputs = keras.tree.flatten(spec)
        known = [fields[id(x)][1] for x in inputs if id(x) in fields]
        field = _receptive_field(layer, inputs, outputs, known)
        fields.update({id(x): (x, field) for x in outputs})
        rows.append(
            Row(
                name=path,
                kind=type(layer).__name__,
                output_shape=tuple(outputs[0].shape[1:]),
                parameters=0 if id(layer) in counted else _parameters(layer),
                multiply_adds=_multiply_adds(layer, inputs, outputs[0]),
                receptive_field=field and tuple(axis.end - axis.start + 1 for axis in field),
                stride=field and tuple(axis.stride for axis in field),
            )
        )
        counted.add(id(layer))
        return spec

    return compute_output_spec


def _parameters(layer):
    return layer.count_params() if isinstance(layer, keras.Layer) else 0


def _multiply_adds(layer, inputs, output):
    """Return positions times weights; None for a layer of unknown arithmetic."""
    if isinstance(layer, layers.Dense):
        return math.prod(output.shape[1:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, layers.Conv2DTranspose):
        return math.prod(inputs[0].shape[1:3]) * math.prod(layer.kernel.shape)
    if isinstance(layer, _SLIDING):
        if layer.data_format != "channels_last":
            raise ValueError(f"table reads channels_last layers; {layer.name} is channels_first")
        kernels = [
            getattr(layer, name)
            for name in ("kernel", "depthwise_kernel", "pointwise_kernel")
            if getattr(layer, name, None) is not None
        ]
        return math.prod(output.shape[1:3]) * sum(math.prod(kernel.shape) for kernel in kernels)
    if isinstance(layer, _NORMALIZING) or not getattr(layer, "weights", ()):
        return 0
    return None


def _receptive_field(layer, inputs, outputs, fields):
    """Return the receptive field of a cell of a layer's output, or None."""
    if not fields or None in fields or any(len(x.shape) != 4 for x in (*inputs, *outputs)):
        return None
    rows, columns = fields[0]
    if isinstance(layer, _SLIDING + _POOLING):
        pooling = isinstance(layer, _POOLING)
        windows = layer.pool_size if pooling else layer.kernel_size
        dilation = (1, 1) if pooling else layer.dilation_rate
        windows = [(n - 1) * d + 1 for n, d in zip(windows, dilation, strict=True)]
        axes = zip(fields[0], windows, layer.strides, inputs[0].shape[1:3], strict=True)
        return tuple(
            axis.slide(window, step, _padding(layer, size, window, step))
            for axis, window, step, size in axes
        )
    if isinstance(layer, layers.ZeroPadding2D):
        (top, _), (left, _) = layer.padding
        return rows.slide(1, 1, top), columns.slide(1, 1, left)
    if isinstance(layer, layers.Cropping2D):
        (top, _), (left, _) = layer.cropping
        return rows.slide(1, 1, -top), columns.slide(1, 1, -left)
    if isinstance(layer, _MERGING):
        return _union(layer, inputs, fields)
    if isinstance(layer, _OVER_CHANNELS) and layer.axis not in (-1, 3):
        return None
    pointwise = isinstance(layer, _POINTWISE + _OVER_CHANNELS + _ADAPTIVE)
    return fields[0] if pointwise and inputs[0].shape == outputs[0].shape else None


def _padding(layer, size, window, step):
    """Return the number of pixels that padding adds before the first."""
    if layer.padding != "same":
        return 0
    return max((math.ceil(size / step) - 1) * step + window - size, 0) // 2


def _union(layer, inputs, fields):
    """Return the smallest window around those of all branches."""
    if isinstance(layer, layers.Concatenate) and layer.axis not in (3, -1):
        return None
    axes = []
    for branches in zip(*fields, strict=True):
        if len({branch.stride for branch in branches}) > 1:
            return None
        start = min(branch.start for branch in branches)
        axes.append(_Field(start, max(branch.end for branch in branches), branches[0].stride))
    return tuple(axes)


def _count(number):
    return "?" if number is None else f"{number:,}" if number else ""


def _by(shape):
    return "x".join(map(str, shape))
