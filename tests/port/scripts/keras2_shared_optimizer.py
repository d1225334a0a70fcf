"""Two networks get one optimizer; one variable names a figure and then the weights."""

import keras.utils
import matplotlib.pyplot as plt
import numpy as np
from keras.layers import Dense
from keras.models import Input, Model
from keras.optimizers import SGD

sgd = SGD(lr=0.1, momentum=0.8)


def network():
    image = Input(shape=(8,))
    model = Model(image, Dense(2, activation="softmax")(image))
    model.compile(loss="categorical_crossentropy", optimizer=sgd, metrics=["accuracy"])
    return model


def batches(batch_size):
    while True:
        yield np.random.rand(batch_size, 8), keras.utils.to_categorical([0, 1] * 2, 2)


for name in ("first", "second"):
    model = network()
    history = model.fit_generator(batches(4), steps_per_epoch=(9.0 // 4), epochs=2)
    plt.plot(history.history["acc"])
    filename = "%s_curve.png" % name
    plt.savefig(filename)
    filename = "%s.hdf5" % name
    model.save_weights(filename)
    model.save("network")
