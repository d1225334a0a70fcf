"""The networks of 王汉生's printed listings, from the papers' blocks where the two agree.

The book is Wang Hansheng (王汉生), 深度学习从入门到精通; chapters 3 to 6. `FashionCNN` is the
exercise of Udacity's course on computer vision, and `SSD300` the listing of a section on detection.

Each builder has the sizes of the listing as defaults, its layers in its order and its number of
parameters. The errata in each docstring list where the listing differs from the paper or from the
book's own text, and with which consequence. Where a listing needs a change in order to learn,
the builder makes it, and ``as_printed=True`` builds the listing without the change.
"""

import keras
from keras import layers

from keras_cnn.models import alexnet, blocks, lenet, linear, mobilenet, vgg
from keras_cnn.models.book_ssd import SSD300

__all__ = [
    "AlexNet",
    "DenseNet",
    "FashionCNN",
    "InceptionV1",
    "LeNet5",
    "LinearRegression",
    "MobileNet",
    "ResNet",
    "SSD300",
    "SoftmaxRegression",
    "VGG16",
]
# Momentum of batch normalisation. The listings use Keras' 0.99: after 100 steps the running
# averages still hold a third of their initial values, and some cases have fewer steps.
MOMENTUM, PRINTED_MOMENTUM = 0.9, 0.99


def LinearRegression(*, input_shape: tuple = (128, 128, 3), classes: int = 1) -> keras.Model:
    """Build chapter 3's linear regression: scores of pictures of food. 49,153 parameters.

    Errata:
        - 98 pictures train 49,153 weights. Infinitely many solutions fit the training set exactly,
          and nothing in the listing, such as weight decay or early stopping, prefers one of them.
        - `batch_size=100` exceeds the number of pictures: an epoch is one step, 100 epochs are 100
          steps.
        - `mse` is both the loss and a metric: the two columns are the same.

    Args:
        input_shape: Shape of one picture.
        classes: Number of regressed scores.

    Returns:
        The model: `(batch, classes)` scores.
    """
    return linear.LinearRegression(input_shape, outputs=classes)


def SoftmaxRegression(*, input_shape: tuple = (28, 28, 1), classes: int = 10) -> keras.Model:
    """Build chapter 3's softmax regression: handwritten digits. 7,850 parameters.

    Errata:
        - Pixels stay in 0 to 255, where the next chapter divides by 255: initial logits are 255
          times too large and softmax is saturated.
        - 70,000 pictures are flattened one by one in Python and then stacked. Here a layer flattens
          them, so the builder takes pictures (and vectors of 784 values).
        - For two classes the text gives both the same formula; that of class 0 is
          `1 / (1 + exp(x b))`.

    Args:
        input_shape: Shape of one picture.
        classes: Number of classes.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    return linear.SoftmaxRegression(input_shape, classes)


def LeNet5(*, input_shape: tuple = (28, 28, 1), classes: int = 10) -> keras.Model:
    """Build chapter 4's LeNet-5: handwritten digits. 58,555 parameters.

    Errata:
        - The second convolution has 16 filters in text and comment, but 15 in the code: 3,151
          parameters fewer than the paper's 61,706.
        - The text describes 32x32 pictures without padding; the code takes 28x28 pictures and pads
          the first convolution. The feature maps have the same size.
        - The listing has maximum pooling and ReLU; the paper of 1998 (the text says 1988) has
          average pooling and tanh.

    Args:
        input_shape: `(height, width, channels)`, at least 12x12.
        classes: Number of classes.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = layers.Input(input_shape)
    x = lenet.convolutions(
        image, filters=(6, 15), padding="same", activation="relu", subsampling="max"
    )  # (5, 5, 15)
    x = lenet.dense(x, classes=classes, activation="relu", classifier_activation="softmax")
    return keras.Model(image, x, name="lenet5")


def AlexNet(*, input_shape: tuple = (227, 227, 3), classes: int = 2) -> keras.Model:
    """Build chapter 5's AlexNet: regular or running script. 58,289,538 parameters.

    Errata:
        - The text names local response normalisation as one of six novelties, but the listing has
          none. This does no harm: VGG did not gain from it (section 4.1 of that paper).
        - The text gives the second convolution stride 2 and 27x27 outputs, which contradict each
          other. The listing has stride 1, as the paper.
        - The second, fourth and fifth convolution are not split over two GPUs: 1.4 million
          parameters more, and faster on one device.
        - The text crops 224x224 out of 256x256 and flips; the listing takes whole pictures without
          augmentation, so its 58 million parameters overfit a small training set.
        - The text's top-5 error of 18.9 % is wrong: a single network has 18.2 %, the winning entry
          15.3 %.

    Args:
        input_shape: `(height, width, channels)`, at least 67x67.
        classes: Number of classes.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    return alexnet.AlexNet(input_shape=input_shape, classes=classes, lrn=False, groups=1)


def VGG16(
    *, input_shape: tuple = (224, 224, 3), classes: int = 200, as_printed: bool = False
) -> keras.Model:
    """Build chapter 5's VGG16: 200 kinds of birds. 14,821,140 parameters.

    Errata:
        - The listing's last layer has no softmax, yet trains with `categorical_crossentropy`. That
          loss divides the scores, negative ones included, by their sum and clips them: the network
          does not learn. This builder adds the softmax, which has no parameters, unless
          `as_printed` is set.
        - The listing has one dense layer, after global average pooling, for the text's three: 120
          million parameters fewer than the paper's network for 200 classes.
        - According to its comment the listing normalises the input of every layer; it normalises
          that of each stage, 5 of 14. The paper of 2014 has no batch normalisation.
        - The text gives the fourth pooling 256 channels; it has 512.

    Args:
        input_shape: `(height, width, channels)`, at least 32x32.
        classes: Number of classes.
        as_printed: Whether to build the listing without the softmax, and with its momentum of 0.99
            of batch normalisation instead of 0.9.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = x = layers.Input(input_shape)
    for i, (convolutions, filters) in enumerate(vgg.STAGES[16], start=1):
        x = layers.BatchNormalization(name=f"block{i}_bn")(x)
        x = vgg.stage(x, filters, convolutions=convolutions, name=f"block{i}")
        # (112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)
    activation = None if as_printed else "softmax"
    model = _average_and_classify(image, x, classes=classes, name="vgg16", activation=activation)
    return _with_momentum(model, as_printed)


def InceptionV1(
    *, input_shape: tuple = (224, 224, 3), classes: int = 17, as_printed: bool = False
) -> keras.Model:
    """Build chapter 5's Inception-v1: 17 kinds of flowers. 4,724,689 parameters.

    Errata:
        - The output of the 1x1 reductions before the 3x3 and 5x5 convolutions is not used: both
          convolutions read the module's input, and Keras leaves the reductions out of the model.
          The first module has 393,472 parameters; the paper's has 163,696, thanks to the reductions
          that the chapter explains.
        - All nine modules have the filters of the paper's first, and a pooling follows each (in the
          paper, two of nine). After six modules the maps are 1x1: in the filters of the last three
          modules all weights but the central one are multiplied by padding only.
        - The first convolution has stride 1 instead of 2: four times the work in it and in the
          second convolution.
        - The text has global average pooling where the listing flattens; on 1x1 maps both give the
          same. The auxiliary classifiers and local response normalisation are missing.
        - Normalisation comes after ReLU.

    Args:
        input_shape: `(height, width, channels)`.
        classes: Number of classes.
        as_printed: Whether batch normalisation has the listing's momentum of 0.99 instead of 0.9.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = layers.Input(input_shape)
    x = _conv_relu_bn(image, 64, 7)  # (224, 224, 64)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)  # (112, 112, 64)
    x = _conv_relu_bn(x, 192, 3)  # (112, 112, 192)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)  # (56, 56, 192)
    for _ in range(9):
        pooled = layers.MaxPooling2D(3, 1, padding="same")(x)
        branches = [(x, 64, 1), (x, 128, 3), (x, 32, 5), (pooled, 32, 1)]
        x = layers.Concatenate()([_conv_relu_bn(*branch) for branch in branches])
        x = layers.MaxPooling2D(3, 2, padding="same")(x)  # (28, 28, 256), ..., (1, 1, 256)
    x = layers.Dropout(0.4)(x)
    model = _flatten_and_classify(image, x, classes=classes, name="inception_v1")
    return _with_momentum(model, as_printed)


def ResNet(
    *, input_shape: tuple = (224, 224, 3), classes: int = 3, as_printed: bool = False
) -> keras.Model:
    """Build chapter 5's residual network of 50 layers: 3 kinds of flowers. 57,460,611 parameters.

    Errata:
        - No stage halves its maps: all four stay 56x56, and 6.4 million numbers are flattened into
          the last layer (19.3 million parameters), where the paper averages 7x7 maps into 2,048.
          This takes so much memory and time that the listing trains with batches of one picture,
          too few for batch normalisation.
        - Each of the 16 shortcuts is a convolution with ReLU and normalisation (in the paper 4 are
          convolutions, without ReLU). No input is passed on unchanged, which is the idea that the
          chapter explains.
        - Normalisation comes after ReLU. The 3x3 convolutions of the first stage have no ReLU,
          those of the other stages have.
        - The number of classes stands in place of the number of channels; it works because both
          are three.

    Args:
        input_shape: `(height, width, channels)`.
        classes: Number of classes.
        as_printed: Whether batch normalisation has the listing's momentum of 0.99 instead of 0.9.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = layers.Input(input_shape)
    x = _conv_relu_bn(image, 64, 7, strides=2)  # (112, 112, 64)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)  # (56, 56, 64)
    for filters, number in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for _ in range(number):
            y = _conv_relu_bn(x, filters, 1)
            y = _conv_relu_bn(y, filters, 3, activation=None if filters == 64 else "relu")
            y = _conv_relu_bn(y, 4 * filters, 1, activation=None)
            x = layers.Add()([y, _conv_relu_bn(x, 4 * filters, 1)])
            x = layers.Activation("relu")(x)  # (56, 56, 4 * filters)
    model = _flatten_and_classify(image, x, classes=classes, name="resnet")
    return _with_momentum(model, as_printed)


def DenseNet(
    *, input_shape: tuple = (128, 128, 3), classes: int = 2, as_printed: bool = False
) -> keras.Model:
    """Build chapter 6's DenseNet: women or men. 258,094 parameters.

    Errata:
        - A block passes on the 32 maps of its last layer only, not those of its other layers and of
          its input: features are reused within a block, never after it.
        - ReLU comes after the convolution (the paper: normalisation, ReLU, convolution), and the
          1x1 bottlenecks before the 3x3 convolutions are missing.
        - The first convolution is 3x3 at stride 1 without pooling, so the first block works on
          128x128 maps: most of the network's time.
        - Transitions output 32 maps of 32: they compress nothing.

    Args:
        input_shape: `(height, width, channels)`, at least 8x8.
        classes: Number of classes.
        as_printed: Whether batch normalisation has the listing's momentum of 0.99 instead of 0.9.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = layers.Input(input_shape)
    x = _bn_conv_relu(image, 64, 3)  # (128, 128, 64)
    for block in range(4):
        maps = [x]
        for i in range(3):
            x = _bn_conv_relu(layers.Concatenate()(maps) if i else x, 32, 3)
            maps.append(x)
        if block < 3:
            x = _bn_conv_relu(x, 32, 1)
            x = layers.AveragePooling2D(2, 2)(x)  # (64, 64, 32), (32, 32, 32), (16, 16, 32)
    model = _average_and_classify(image, x, classes=classes, name="densenet")
    return _with_momentum(model, as_printed)


def MobileNet(
    *, input_shape: tuple = (112, 112, 3), classes: int = 10, as_printed: bool = False
) -> keras.Model:
    """Build chapter 6's MobileNet: 10 breeds of dogs. 730,442 parameters.

    Errata:
        - Five separable convolutions replace the paper's thirteen, at half its resolution: a
          quarter of the parameters for 10 classes, a sixteenth of the work.
        - The text says that a separable convolution keeps the number of channels; here each doubles
          it, as the first of each resolution does in the paper.
        - The text counts 4x4x3 = 36 weights of a depthwise convolution; they are 48 (its sum of 63
          is right).
        - The listing's `zoom_range=2` zooms by factors from -1 to 3: some pictures are upside down,
          some unrecognizable. Validation pictures are augmented like those for training.
        - The listing pads the first convolution by a separate layer; at even sizes this equals the
          paper's `"same"`, which is used here unless `as_printed` is set.

    Args:
        input_shape: `(height, width, channels)`, at least 32x32.
        classes: Number of classes.
        as_printed: Whether batch normalisation has the listing's momentum of 0.99 instead of 0.9,
            and the first convolution its separate padding, at the right and the bottom only.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = layers.Input(input_shape)
    x = mobilenet.stem(image, 32, alpha=1.0, pad_first=as_printed)  # (56, 56, 32)
    for i, (filters, strides) in enumerate(
        ((64, 1), (128, 2), (256, 2), (512, 2), (1024, 2)), start=1
    ):
        x = mobilenet.separable_block(x, filters, strides=strides, block_id=i)
        # (56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512), (3, 3, 1024)
    model = _average_and_classify(image, x, classes=classes, name="mobilenet")
    return _with_momentum(model, as_printed)


def FashionCNN(
    *,
    input_shape: tuple = (28, 28, 1),
    classes: int = 10,
    dropout: float | None = None,
    as_printed: bool = False,
) -> keras.Model:
    """Build the Fashion-MNIST exercise's networks. 6,930 parameters, or 27,480 with dropout.

    Errata:
        - The first network has ReLU between its last layer and its softmax. A class whose score is
          below zero for all pictures gets no gradient any more: the exercise's table shows two
          classes without a right answer. This builder leaves that ReLU out unless `as_printed` is
          set.

    Args:
        input_shape: `(height, width, channels)`, at least 10x10.
        classes: Number of classes.
        dropout: None for the first network; for the second, which has a hidden layer of 50 units,
            the dropout rate of that layer (the exercise: 0.4).
        as_printed: Whether the first network has the ReLU before its softmax.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = layers.Input(input_shape)
    x = layers.Conv2D(10, 3, activation="relu")(image)  # (26, 26, 10)
    x = layers.MaxPooling2D()(x)  # (13, 13, 10)
    x = layers.Conv2D(20, 3, activation="relu")(x)  # (11, 11, 20)
    x = layers.MaxPooling2D()(x)  # (5, 5, 20)
    x = layers.Flatten()(x)  # (500,)
    if dropout is not None:
        x = layers.Dense(50, activation="relu")(x)  # (50,)
        x = layers.Dropout(dropout)(x)
    elif as_printed:
        x = layers.Dense(classes, activation="relu", name="scores")(x)
        x = layers.Softmax(name="predictions")(x)
        return keras.Model(image, x, name="fashion_cnn")
    x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name="fashion_cnn")


def _conv_relu_bn(x, filters, kernel_size, *, strides=1, activation="relu"):
    x = layers.Conv2D(filters, kernel_size, strides, padding="same", activation=activation)(x)
    return layers.BatchNormalization()(x)


def _bn_conv_relu(x, filters, kernel_size):
    x = layers.BatchNormalization()(x)
    return layers.Conv2D(filters, kernel_size, padding="same", activation="relu")(x)


def _average_and_classify(image, x, *, classes, name, activation="softmax"):
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, x, name=name)


def _with_momentum(model, as_printed):
    return blocks.with_momentum(model, PRINTED_MOMENTUM if as_printed else MOMENTUM)


def _flatten_and_classify(image, x, *, classes, name):
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name=name)
