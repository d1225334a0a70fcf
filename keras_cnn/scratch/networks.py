"""Networks: a list of layers and the loss, and the three networks of 斋藤康毅."""

import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.scratch.convolution import Convolution, Pooling, output_size
from keras_cnn.scratch.gradients import numerical_gradient
from keras_cnn.scratch.initializers import he, normal
from keras_cnn.scratch.layers import Affine, BatchNormalization, Dropout, ReLU, SoftmaxWithLoss


class Network:
    """A sequence of layers, with softmax and cross entropy as the loss.

    Attributes:
        layers: The layers, from the input on.
        params: Weights by name, `W1`, `b1`, `W2`, ...: the arrays of the layers, to be changed in
            place.
        state: Running statistics of batch normalisation by name, `mean1`, `variance1`, ...
        weight_decay: λ of `λ/2 Σ W²`, which is added to the loss; biases are not included.
    """

    def __init__(self, layers: Sequence, *, weight_decay: float = 0.0):
        """Set the layers.

        Args:
            layers: Objects with `forward` and `backward`; at least one has weights.
            weight_decay: λ.
        """
        self.layers = list(layers)
        self.params = _numbered(self.layers, "params")
        self.state = _numbered(self.layers, "state")
        self.weight_decay = weight_decay
        self.dtype = next(iter(self.params.values())).dtype
        self._loss = SoftmaxWithLoss()

    def predict(self, x: np.ndarray, *, batch_size: int = 100) -> np.ndarray:
        """Return the scores of pictures, before softmax.

        Args:
            x: Pictures `(n, ...)`, as the first layer takes them.
            batch_size: Pictures per forward pass, which bounds the memory.

        Returns:
            Scores `(n, classes)`; the largest is the predicted class.

        Raises:
            ValueError: If there are no pictures.
        """
        if not len(x):
            raise ValueError(f"x must hold at least one picture; received shape {x.shape}")
        batches = [x[i : i + batch_size] for i in range(0, len(x), batch_size)]
        return np.concatenate([self._forward(batch, training=False) for batch in batches])

    def accuracy(self, x: np.ndarray, labels: np.ndarray, *, batch_size: int = 100) -> float:
        """Return the share of pictures whose class is predicted right.

        Args:
            x: Pictures.
            labels: Their classes `(n,)`, or one-hot `(n, classes)`.
            batch_size: Pictures per forward pass.

        Returns:
            The accuracy, from 0 to 1.
        """
        labels = labels if labels.ndim == 1 else labels.argmax(axis=1)
        return float((self.predict(x, batch_size=batch_size).argmax(axis=1) == labels).mean())

    def loss(self, x: np.ndarray, labels: np.ndarray, *, training: bool = False) -> float:
        """Return the cross entropy, weight decay included.

        Args:
            x: Pictures.
            labels: Their classes `(n,)`, or one-hot `(n, classes)`.
            training: Whether dropout and batch normalisation work as in training.

        Returns:
            The mean over the pictures.
        """
        decay = sum(float((W * W).sum()) for _, W in self._decayed())
        scores = self._forward(x, training=training)
        return self._loss.forward(scores, labels) + 0.5 * self.weight_decay * decay

    def loss_and_gradient(
        self, x: np.ndarray, labels: np.ndarray
    ) -> tuple[float, dict[str, np.ndarray]]:
        """Return the loss in training and its gradient, by backpropagation.

        Args:
            x: Pictures.
            labels: Their classes `(n,)`, or one-hot `(n, classes)`.

        Returns:
            The loss, and the gradient of each array of `params` by name.
        """
        loss = self.loss(x, labels, training=True)
        dout = self._loss.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        grads = _numbered(self.layers, "grads")
        for name, W in self._decayed():
            grads[name] += self.weight_decay * W
        return loss, grads

    def numerical_gradient(
        self, x: np.ndarray, labels: np.ndarray, *, h: float = 1e-4
    ) -> dict[str, np.ndarray]:
        """Return the numerical gradient: slow, for checks in float64, without dropout.

        Args:
            x: Pictures.
            labels: Their classes `(n,)`, or one-hot `(n, classes)`.
            h: Half the distance of the two points of the difference.

        Returns:
            The gradient of each array of `params` by name.
        """
        return {
            name: numerical_gradient(lambda _: self.loss(x, labels, training=True), value, h=h)
            for name, value in self.params.items()
        }

    def count_params(self) -> int:
        """Count the weights."""
        return sum(value.size for value in self.params.values())

    def save(self, path: str | os.PathLike) -> None:
        """Write weights and running statistics.

        Args:
            path: An npz file, which is replaced as a whole: a crash leaves the old one.
        """
        with write_atomically(path) as partial_path, partial_path.open("wb") as file:
            np.savez(file, **self.params, **self.state)

    def load(self, path: str | os.PathLike) -> None:
        """Read a file that `save` wrote into the arrays of this network.

        Args:
            path: An npz file of a network of the same layers. Nothing in it is executed.

        Raises:
            InputError: If the file cannot be read, or holds other weights.
        """
        arrays = self.params | self.state
        try:
            with open(path, "rb") as content, np.load(content, allow_pickle=False) as file:
                saved = {name: file[name] for name in file.files}
        except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(
                f"{path} is no file of weights ({error}): give a file that save wrote"
            ) from error
        shapes = {name: array.shape for name, array in arrays.items()}
        saved_shapes = {name: array.shape for name, array in saved.items()}
        for name in sorted(shapes | saved_shapes):
            shape, saved_shape = shapes.get(name, "missing"), saved_shapes.get(name, "missing")
            if shape != saved_shape:
                raise InputError(
                    f"{path} must hold the weights of this network; {name} is {saved_shape} there "
                    f"and {shape} here: build the network with the options it was saved with"
                )
        for name, array in saved.items():
            arrays[name][...] = array

    def _forward(self, x, *, training):
        x = np.asarray(x, self.dtype)
        for layer in self.layers:
            x = layer.forward(x, training=training)
        return x

    def _decayed(self):
        if self.weight_decay:
            yield from ((name, W) for name, W in self.params.items() if name[0] == "W")


def _numbered(layers, attribute):
    """Return the arrays of all layers by numbered names: W1, b1, W2, ..."""
    counts, arrays = Counter(), {}
    for layer in layers:
        for name, array in getattr(layer, attribute, {}).items():
            counts[name] += 1
            arrays[f"{name}{counts[name]}"] = array
    return arrays


def MultiLayerNet(
    inputs: int = 784,
    *,
    hidden: Sequence[int] = (100, 100, 100, 100),
    classes: int = 10,
    activation: Callable = ReLU,
    initial_std: float | Callable[[int], float] = he,
    weight_decay: float = 0.0,
    batch_norm: bool = False,
    dropout: float = 0.0,
    seed: int | np.random.Generator = 0,
    dtype: str = "float32",
) -> Network:
    """Build a network of affine layers: [affine - (BatchNorm) - activation - (dropout)]* - affine.

    Args:
        inputs: Number of inputs; pictures are flattened.
        hidden: Neurons of each hidden layer.
        classes: Number of classes.
        activation: `ReLU` or `Sigmoid`.
        initial_std: Standard deviation of the initial weights: a number, `xavier` or `he`.
        weight_decay: λ of weight decay.
        batch_norm: Whether hidden layers are normalised before their activation.
        dropout: Dropout rate of the hidden layers; 0 for no dropout.
        seed: Seed of weights and dropout, or the generator to draw from.
        dtype: "float32" or "float64".

    Returns:
        The network.
    """
    rng = np.random.default_rng(seed)
    layers = []
    for neurons in hidden:
        layers.append(_affine(inputs, neurons, std=initial_std, rng=rng, dtype=dtype))
        if batch_norm:
            layers.append(
                BatchNormalization(np.ones(neurons, dtype), beta=np.zeros(neurons, dtype))
            )
        layers.append(activation())
        if dropout:
            layers.append(Dropout(dropout, seed=rng))
        inputs = neurons
    layers.append(_affine(inputs, classes, std=initial_std, rng=rng, dtype=dtype))
    return Network(layers, weight_decay=weight_decay)


def SimpleConvNet(
    input_shape: tuple[int, int, int] = (1, 28, 28),
    *,
    filters: int = 30,
    filter_size: int = 5,
    stride: int = 1,
    pad: int = 0,
    hidden: int = 100,
    classes: int = 10,
    initial_std: float | Callable[[int], float] = 0.01,
    weight_decay: float = 0.0,
    seed: int | np.random.Generator = 0,
    dtype: str = "float32",
) -> Network:
    """Build chapter 7's network: conv - ReLU - pool - affine - ReLU - affine; 433,890 weights.

    Args:
        input_shape: `(channels, height, width)` of the pictures.
        filters: Number of filters.
        filter_size: Height and width of a filter.
        stride: Pixels from one window to the next.
        pad: Zeros added on each of the four sides.
        hidden: Neurons of the hidden affine layer.
        classes: Number of classes.
        initial_std: Standard deviation of the initial weights: a number, `xavier` or `he`.
        weight_decay: λ of weight decay.
        seed: Seed of the weights, or the generator to draw from.
        dtype: "float32" or "float64".

    Returns:
        The network.
    """
    options = {"std": initial_std, "rng": np.random.default_rng(seed), "dtype": dtype}
    channels, *image = input_shape
    size = (filter_size, filter_size)
    convolved = output_size(image, size, stride=stride, pad=pad)  # (24, 24)
    pooled = output_size(convolved, (2, 2), stride=2)  # (12, 12)
    layers = [
        _convolution(channels, filters, size, stride=stride, pad=pad, **options),
        ReLU(),
        Pooling(2),
        _affine(filters * pooled[0] * pooled[1], hidden, **options),
        ReLU(),
        _affine(hidden, classes, **options),
    ]
    return Network(layers, weight_decay=weight_decay)


# (filters, pad) of the 3x3 convolutions of each stage; each stage ends with a pooling that halves.
# A pad of 2 makes 14x14 maps 16x16, which can be halved twice more.
STAGES = (((16, 1), (16, 1)), ((32, 1), (32, 2)), ((64, 1), (64, 1)))


def DeepConvNet(
    input_shape: tuple[int, int, int] = (1, 28, 28),
    *,
    hidden: int = 50,
    classes: int = 10,
    dropout: float = 0.5,
    score_dropout: float = 0.0,
    weight_decay: float = 0.0,
    seed: int | np.random.Generator = 0,
    dtype: str = "float32",
) -> Network:
    """Build chapter 8's network, figure 8-1: [(conv - ReLU)x2 - pool]x3, two affine layers.

    It has He's initial weights, 123,552 for MNIST. 斋藤康毅's figure has a second dropout after
    the last affine layer. That sets half of the scores of the classes to 0 at random, that of the
    right class included, and is left out here: `score_dropout=0.5` adds it.

    Args:
        input_shape: `(channels, height, width)` of the pictures.
        hidden: Neurons of the hidden affine layer.
        classes: Number of classes.
        dropout: Dropout rate of the hidden affine layer.
        score_dropout: Dropout rate of the scores.
        weight_decay: λ of weight decay.
        seed: Seed of weights and dropout, or the generator to draw from.
        dtype: "float32" or "float64".

    Returns:
        The network.
    """
    rng = np.random.default_rng(seed)
    options = {"std": he, "rng": rng, "dtype": dtype}
    channels, *image = input_shape
    layers = []
    for stage in STAGES:
        for filters, pad in stage:
            layers += [_convolution(channels, filters, (3, 3), pad=pad, **options), ReLU()]
            channels, image = filters, output_size(image, (3, 3), pad=pad)
        layers.append(Pooling(2))
        image = output_size(image, (2, 2), stride=2)  # 14, 8, 4
    layers += [_affine(channels * image[0] * image[1], hidden, **options), ReLU()]
    layers += [Dropout(dropout, seed=rng), _affine(hidden, classes, **options)]
    if score_dropout:
        layers.append(Dropout(score_dropout, seed=rng))
    return Network(layers, weight_decay=weight_decay)


def _affine(inputs, outputs, *, std, rng, dtype):
    W = normal((inputs, outputs), std=std, seed=rng, dtype=dtype)
    return Affine(W, b=np.zeros(outputs, dtype))


def _convolution(channels, filters, size, *, std, rng, dtype, stride=1, pad=0):
    W = normal((filters, channels, *size), std=std, seed=rng, dtype=dtype)
    return Convolution(W, b=np.zeros(filters, dtype), stride=stride, pad=pad)
