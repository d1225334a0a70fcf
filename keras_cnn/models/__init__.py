"""The networks: one module per architecture, builders with the signature of Keras' own."""

from keras_cnn.models import book
from keras_cnn.models.alexnet import AlexNet
from keras_cnn.models.densenet import DenseNet121, DenseNet169, DenseNet201
from keras_cnn.models.fcn import FCN8s, FCN16s, FCN32s
from keras_cnn.models.inception_v1 import InceptionV1
from keras_cnn.models.inception_v2 import InceptionV2
from keras_cnn.models.inception_v3 import InceptionV3
from keras_cnn.models.inception_v4 import InceptionV4
from keras_cnn.models.lenet import LeNet5
from keras_cnn.models.linear import LinearRegression, SoftmaxRegression
from keras_cnn.models.mobilenet import MobileNet
from keras_cnn.models.resnet import ResNet18, ResNet34, ResNet50, ResNet101, ResNet152
from keras_cnn.models.ssd import SSD300
from keras_cnn.models.surgery import features, to_fully_convolutional
from keras_cnn.models.vgg import VGG11, VGG11LRN, VGG13, VGG16, VGG16C, VGG19
from keras_cnn.models.weights import decode_predictions, preprocess_input

__all__ = [
    "SSD300",
    "VGG11",
    "VGG13",
    "VGG16",
    "VGG19",
    "VGG11LRN",
    "VGG16C",
    "AlexNet",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "FCN8s",
    "FCN16s",
    "FCN32s",
    "InceptionV1",
    "InceptionV2",
    "InceptionV3",
    "InceptionV4",
    "LeNet5",
    "LinearRegression",
    "MobileNet",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "SoftmaxRegression",
    "book",
    "decode_predictions",
    "features",
    "preprocess_input",
    "to_fully_convolutional",
]
