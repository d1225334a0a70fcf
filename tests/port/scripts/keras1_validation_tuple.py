import numpy as np
from keras.datasets import mnist
from keras.layers.core import Dense, Flatten
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator

batch_size, nb_classes = 4, 2
X_train, Y_train = np.random.rand(12, 8, 8, 1), np.eye(2)[np.arange(12) % 2]
datagen = ImageDataGenerator(rotation_range=8, dim_ordering='tf')
model = Sequential()
model.add(Flatten(input_shape=(8, 8, 1)))
model.add(Dense(nb_classes, activation='softmax', b_regularizer=None))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit_generator(datagen.flow(X_train, Y_train, batch_size=batch_size),
                    samples_per_epoch=X_train.shape[0], nb_epoch=1,
                    validation_data=(X_train, Y_train), verbose=0)
