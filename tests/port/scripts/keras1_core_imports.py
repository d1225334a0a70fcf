import numpy as np
from keras.layers.convolutional import Convolution2D, MaxPooling2D, ZeroPadding2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.layers.normalization import BatchNormalization
from keras.models import Sequential
from keras.optimizers import SGD
from keras.utils import np_utils

X = np.random.rand(12, 12, 12, 1)
Y = np_utils.to_categorical(np.arange(12) % 3, 3)
model = Sequential()
model.add(ZeroPadding2D((1, 1), input_shape=(12, 12, 1)))
model.add(Convolution2D(4, 3, 3, init='he_normal', subsample=(2, 2), W_regularizer='l2', bias=False))
model.add(BatchNormalization(mode=0, axis=-1))
model.add(Activation('relu'))
model.add(MaxPooling2D((2, 2), strides=(2, 2), border_mode='same'))
model.add(Flatten())
model.add(Dropout(0.25))
model.add(Dense(3, activation='softmax'))
sgd = SGD(lr=0.01, decay=1e-6, momentum=0.9, nesterov=True)
model.compile(loss='categorical_crossentropy', optimizer=sgd, metrics=['accuracy'])
history = model.fit(X, Y, batch_size=4, nb_epoch=1, verbose=0, validation_split=0.25)
print(history.history['acc'], history.history['val_acc'])
classes = model.predict_classes(X)
assert classes.shape == (12,)
