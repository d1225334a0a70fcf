"""The from-scratch chapter: networks, their gradients and their training in NumPy alone.

It follows chapters 6 to 8 of 斋藤康毅, 深度学习入门, with its names and its order of
axes, `(n, channels, height, width)`. Parameters are named `W1`, `b1`, `W2`, ... from the input on.
Numbers are float32 by default, or float64 with `dtype="float64"`. All random numbers depend on
`seed` only, which is a number or a NumPy Generator.

Functions that build a `Network`, which is a list of layers and the loss:

- `MultiLayerNet(inputs=784, *, hidden=(100, 100, 100, 100), classes=10, activation=ReLU,
  initial_std=he, weight_decay=0.0, batch_norm=False, dropout=0.0, seed=0, dtype="float32")`
- `SimpleConvNet(input_shape=(1, 28, 28), *, filters=30, filter_size=5, stride=1, pad=0, hidden=100,
  classes=10, initial_std=0.01, weight_decay=0.0, seed=0, dtype="float32")`
- `DeepConvNet(input_shape=(1, 28, 28), *, hidden=50, classes=10, dropout=0.5, score_dropout=0.0,
  weight_decay=0.0, seed=0, dtype="float32")`
- `Network(layers, *, weight_decay=0.0)` has `layers`, `params` (name to array: change them in
  place), `predict(x, *, batch_size=100)` -> scores `(n, classes)`, `loss(x, labels, *,
  training=False)`, `accuracy(x, labels, *, batch_size=100)`, `loss_and_gradient(x, labels)` ->
  `(loss, {name: gradient})`, `numerical_gradient(x, labels, *, h=1e-4)` -> `{name: gradient}`,
  `count_params()`, `save(path)` and `load(path)` (npz).

Training:

- `Trainer(network, *, optimizer, batch_size=100, augment=None, seed=0)` has `history` (`"loss"` of
  every step, `"accuracy"` and `"val_accuracy"` of every epoch), `step(x, labels)` -> loss, and
  `fit(x, labels, *, epochs, validation_data=None, schedule=None, evaluate=1000, verbose=True)`
- `SGD(learning_rate=0.01)`, `Momentum(learning_rate=0.01, *, momentum=0.9)`,
  `Nesterov(learning_rate=0.01, *, momentum=0.9)`,
  `AdaGrad(learning_rate=0.01, *, initial_accumulator_value=0.0, epsilon=1e-7)`,
  `RMSprop(learning_rate=0.01, *, rho=0.9, epsilon=1e-7)`,
  `Adam(learning_rate=0.001, *, beta_1=0.9, beta_2=0.999, epsilon=1e-7)`: each has `learning_rate`
  and `update(params, grads)`, which changes the arrays of `params` in place
- `normal(shape, *, std, seed=0, dtype="float32")`: initial weights; `std` is a number, `xavier` or
  `he`, both functions of the number of inputs

Layers, each with `forward(x, *, training=False)` and `backward(dout)` -> gradient of `x`; those
with weights have `params` and, after `backward`, `grads`:

- `Affine(W, *, b)`: W `(inputs, outputs)`, b `(outputs,)`
- `Convolution(W, *, b, stride=1, pad=0)`: W `(filters, channels, height, width)`, b `(filters,)`
- `Pooling(size=2, *, stride=None)`: the maximum of each window
- `ReLU()`, `Sigmoid()`, `Dropout(rate=0.5, *, seed=0)`,
  `BatchNormalization(gamma, *, beta, momentum=0.9, epsilon=1e-6)`
- `SoftmaxWithLoss()`: `forward(scores, labels)` -> loss, `backward(dout=1.0)`

Building blocks:

- `im2col(x, size, *, stride=1, pad=0)` -> `(channels * window height * window width, windows)`, and
  `col2im(col, shape, size, *, stride=1, pad=0)`, which adds the columns up in an image
- `convolve_by_loops(x, W, *, b, stride=1, pad=0)`: the definition, slow
- `softmax(scores)`, `numerical_gradient(f, x, *, h=1e-4)`
"""

from keras_cnn.scratch.convolution import (
    Convolution,
    Pooling,
    col2im,
    convolve_by_loops,
    im2col,
)
from keras_cnn.scratch.gradients import numerical_gradient
from keras_cnn.scratch.initializers import he, normal, xavier
from keras_cnn.scratch.layers import (
    Affine,
    BatchNormalization,
    Dropout,
    ReLU,
    Sigmoid,
    SoftmaxWithLoss,
    softmax,
)
from keras_cnn.scratch.networks import DeepConvNet, MultiLayerNet, Network, SimpleConvNet
from keras_cnn.scratch.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop
from keras_cnn.scratch.trainer import Trainer

__all__ = [
    "AdaGrad",
    "Adam",
    "Affine",
    "BatchNormalization",
    "Convolution",
    "DeepConvNet",
    "Dropout",
    "Momentum",
    "MultiLayerNet",
    "Nesterov",
    "Network",
    "Pooling",
    "RMSprop",
    "ReLU",
    "SGD",
    "Sigmoid",
    "SimpleConvNet",
    "SoftmaxWithLoss",
    "Trainer",
    "col2im",
    "convolve_by_loops",
    "he",
    "im2col",
    "normal",
    "numerical_gradient",
    "softmax",
    "xavier",
]
