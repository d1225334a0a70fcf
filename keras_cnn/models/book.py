"""The chapters' printed listings, told with the papers' blocks where the two agree.

Each builder has the listing's sizes as defaults, its layers in its order and its number of
parameters; each docstring tells the errata: what the listing does differently from the paper or
from its own text, and what that costs.
"""

import keras
from keras import layers

from keras_cnn.models import alexnet, blocks, lenet, linear, mobilenet, vgg

# Of the averages that batch normalisation keeps for validation. Keras' 0.99, which the listings
# take, still holds a third of the initial values after 100 steps, more than some cases have.
MOMENTUM = 0.9


def LinearRegression(*, input_shape: tuple = (128, 128, 3), classes: int = 1) -> keras.Model:
    """Build chapter 3's linear regression: how good does food look? 49,153 parameters.

    Errata:
        - 98 pictures train 49,153 weights: infinitely many of them fit the training set exactly,
          and nothing in the listing (weight decay, early stopping) chooses among them.
        - `batch_size=100` is more than there is: an epoch is one step, 100 epochs are 100 steps.
        - `mse` is asked for twice, as loss and as metric; both columns are the same.

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
        - Pixels stay 0 to 255, where the next chapter divides: logits start 255 times too large
          and softmax saturated.
        - 70,000 pictures are flattened one by one in Python and then stacked; here a layer does
          it, so the builder takes pictures (a vector of 784 as well).
        - The text's two classes end with one formula; class 0 has `1 / (1 + exp(x b))`.

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
        - The text and the comment say 16 filters in the second convolution, the code 15: 3,151
          parameters fewer than the paper's 61,706.
        - The text describes 32x32 pictures and no padding, the code takes 28x28 and pads the
          first convolution; the maps are the same.
        - Maximum pooling and ReLU are today's; the paper of 1998 (the text says 1988) averages and
          squashes by tanh.

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
    """Build chapter 5's AlexNet: regular script or running script. 58,289,538 parameters.

    Errata:
        - The text names local response normalisation as one of six novelties; the listing has
          none. It costs nothing: VGG found no use for it (section 4.1 of that paper).
        - The text gives the second convolution stride 2 and 27x27 outputs, which exclude each
          other. The listing has stride 1, as the paper.
        - The second, fourth and fifth convolution are not split over two GPUs: 1.4 million
          parameters more, and faster on one device.
        - The text crops 224x224 out of 256x256 and flips; the listing feeds whole pictures, so
          nothing keeps its 58 million parameters from learning a small training set by heart.
        - The text's top-5 error of 18.9 % is nobody's: one network has 18.2 %, the entry that won
          15.3 %.

    Args:
        input_shape: `(height, width, channels)`, at least 67x67.
        classes: Number of classes.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    return alexnet.AlexNet(input_shape=input_shape, classes=classes, lrn=False, groups=1)


def VGG16(*, input_shape: tuple = (224, 224, 3), classes: int = 200) -> keras.Model:
    """Build chapter 5's VGG16: 200 kinds of birds. 14,821,140 parameters.

    Errata:
        - The listing's last layer has no softmax, yet trains with `categorical_crossentropy`,
          which divides the scores, negative ones too, by their sum and clips: it does not learn.
          This builder has the softmax; it adds no parameter.
        - The text's three dense layers are one, after global average pooling: 120 million
          parameters fewer than the paper's network for 200 classes.
        - The listing's comment normalises the input of every layer; it is that of each stage, 5 of
          14. The paper of 2014 has no batch normalisation.
        - The text gives the fourth pooling 256 channels; they are 512.

    Args:
        input_shape: `(height, width, channels)`, at least 32x32.
        classes: Number of classes.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = x = layers.Input(input_shape)
    for i, (convolutions, filters) in enumerate(vgg.STAGES[16], start=1):
        x = layers.BatchNormalization(momentum=MOMENTUM, name=f"block{i}_bn")(x)
        x = vgg.stage(x, filters, convolutions=convolutions, name=f"block{i}")
        # (112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)
    return _average_and_classify(image, x, classes=classes, name="vgg16")


def InceptionV1(*, input_shape: tuple = (224, 224, 3), classes: int = 17) -> keras.Model:
    """Build chapter 5's Inception-v1: 17 kinds of flowers. 4,724,689 parameters.

    Errata:
        - The 1x1 reductions before the 3x3 and 5x5 convolutions feed nothing: both read the
          module's input. Keras drops the reductions. The first module convolves with 393,472
          parameters, where the paper's has 163,696 by the very idea the chapter explains.
        - All nine modules have the filters of the paper's first, and each is followed by a pooling
          (the paper has two in nine): the maps are 1x1 after six, and of the last three modules'
          filters only the central weight ever sees anything but padding.
        - The first convolution has stride 1 instead of 2: four times its work, and the
          second's.
        - Where the text has global average pooling, the listing flattens; on 1x1 maps that is the
          same. The auxiliary classifiers and local response normalisation are missing.
        - Normalisation comes after ReLU.

    Args:
        input_shape: `(height, width, channels)`.
        classes: Number of classes.

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
    return _flatten_and_classify(image, x, classes=classes, name="inception_v1")


def ResNet(*, input_shape: tuple = (224, 224, 3), classes: int = 3) -> keras.Model:
    """Build chapter 5's residual network of 50 layers: 3 kinds of flowers. 57,460,611 parameters.

    Errata:
        - No stage halves its maps: all four stay 56x56, and 6.4 million numbers are flattened into
          the last layer (19.3 million parameters), where the paper averages 7x7 maps into 2,048.
          It costs memory and time: the listing trains with batches of one picture, of which batch
          normalisation sees no batch.
        - Each of the 16 shortcuts is a convolution with ReLU and normalisation (the paper: 4, and
          no ReLU), so nothing ever passes unchanged: the idea the chapter explains is missing.
        - Normalisation comes after ReLU, and the first stage's 3x3 convolutions have no ReLU where
          the other stages' have.
        - The number of classes is typed where the number of channels belongs; with three of each
          it works.

    Args:
        input_shape: `(height, width, channels)`.
        classes: Number of classes.

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
    return _flatten_and_classify(image, x, classes=classes, name="resnet")


def DenseNet(*, input_shape: tuple = (128, 128, 3), classes: int = 2) -> keras.Model:
    """Build chapter 6's DenseNet: women or men. 258,094 parameters.

    Errata:
        - A block hands on its last layer's 32 maps only; what its other layers and its input found
          is dropped, so features are reused within a block, never after it.
        - ReLU comes after the convolution (the paper: normalisation, ReLU, convolution), and the
          1x1 bottlenecks before the 3x3 convolutions are missing.
        - The first convolution is 3x3 at stride 1 without pooling, so the first block works on
          128x128 maps: most of the network's time.
        - Transitions make 32 maps; with 32 going in, they compress nothing.

    Args:
        input_shape: `(height, width, channels)`, at least 8x8.
        classes: Number of classes.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = layers.Input(input_shape)
    x = _bn_conv_relu(image, 64, 3)  # (128, 128, 64)
    for block in range(4):
        found = [x]
        for i in range(3):
            x = _bn_conv_relu(layers.Concatenate()(found) if i else x, 32, 3)
            found.append(x)
        if block < 3:
            x = _bn_conv_relu(x, 32, 1)
            x = layers.AveragePooling2D(2, 2)(x)  # (64, 64, 32), (32, 32, 32), (16, 16, 32)
    return _average_and_classify(image, x, classes=classes, name="densenet")


def MobileNet(*, input_shape: tuple = (112, 112, 3), classes: int = 10) -> keras.Model:
    """Build chapter 6's MobileNet: 10 breeds of dogs. 730,442 parameters.

    Errata:
        - Five separable convolutions stand for the paper's thirteen, at half its resolution:
          a quarter of the parameters for 10 classes, a sixteenth of the work.
        - The text says a separable convolution keeps the number of channels; each one here
          doubles it, as the paper's first of each resolution do.
        - The text counts 4x4x3 = 36 weights of a depthwise convolution; they are 48 (its sum of 63
          is right).
        - The listing's `zoom_range=2` zooms by factors from -1 to 3: some pictures stand on their
          heads, some are one smear. Its validation pictures are distorted like those for training.
        - The listing pads the first convolution by a layer of its own; at even sizes that is the
          paper's `"same"`, which stands here.

    Args:
        input_shape: `(height, width, channels)`, at least 32x32.
        classes: Number of classes.

    Returns:
        The model: `(batch, classes)` probabilities.
    """
    image = layers.Input(input_shape)
    x = mobilenet.stem(image, 32, alpha=1.0)  # (56, 56, 32)
    for i, (filters, strides) in enumerate(
        ((64, 1), (128, 2), (256, 2), (512, 2), (1024, 2)), start=1
    ):
        x = mobilenet.separable_block(x, filters, strides=strides, block_id=i)
        # (56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512), (3, 3, 1024)
    model = _average_and_classify(image, x, classes=classes, name="mobilenet")
    return blocks.with_momentum(model, MOMENTUM)


def FashionCNN(
    *, input_shape: tuple = (28, 28, 1), classes: int = 10, dropout: float | None = None
) -> keras.Model:
    """Build the Fashion-MNIST exercise's networks. 6,930 parameters, or 27,480 with dropout.

    Errata:
        - The first network has ReLU between its last layer and its softmax. A class whose score is
          below zero for all pictures gets no gradient any more: the exercise's table shows two
          classes with not one right answer. This builder leaves that ReLU out.

    Args:
        input_shape: `(height, width, channels)`, at least 10x10.
        classes: Number of classes.
        dropout: None for the first network; for the second, which has a hidden layer of 50 units,
            the share of them that each step leaves out (the exercise: 0.4).

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
    x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name="fashion_cnn")


def _conv_relu_bn(x, filters, kernel_size, *, strides=1, activation="relu"):
    x = layers.Conv2D(filters, kernel_size, strides, padding="same", activation=activation)(x)
    return layers.BatchNormalization(momentum=MOMENTUM)(x)


def _bn_conv_relu(x, filters, kernel_size):
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    return layers.Conv2D(filters, kernel_size, padding="same", activation="relu")(x)


def _average_and_classify(image, x, *, classes, name):
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name=name)


def _flatten_and_classify(image, x, *, classes, name):
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name=name)
