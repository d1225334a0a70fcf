"""VGG as its first scripts wrote it: `stride`, and kernels that Theano saved."""

import numpy as np
from keras import backend as K
from keras.layers.convolutional import Convolution2D, MaxPooling2D, ZeroPadding2D
from keras.layers.core import Dense, Flatten
from keras.models import Sequential
from keras.utils.layer_utils import convert_all_kernels_in_model

model = Sequential()
model.add(ZeroPadding2D((1, 1), input_shape=(32, 32, 3)))
model.add(Convolution2D(4, 3, 3, activation="relu"))
model.add(ZeroPadding2D((1, 1)))
model.add(Convolution2D(4, 3, 3, activation="relu"))
model.add(MaxPooling2D((2, 2), stride=(2, 2)))
model.add(Flatten())
model.add(Dense(10, activation="softmax"))
if K.backend() == "theano":
    convert_all_kernels_in_model(model)
model.compile("sgd", "categorical_crossentropy")
model.fit(np.random.rand(4, 32, 32, 3), np.eye(10)[:4], nb_epoch=1)
