import keras
import numpy as np

epochs, lrate = 2, 0.1
decay = lrate / epochs
model = keras.Sequential()
model.add(keras.layers.Conv2D(2, 3, 3, input_shape=(8, 8, 1)))
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(2, activation='softmax'))
model.compile(loss=keras.losses.categorical_crossentropy,
              optimizer=keras.optimizers.SGD(lr=lrate, momentum=0.9, decay=decay),
              metrics=['accuracy'])
model.fit(np.zeros((4, 8, 8, 1)), np.eye(2)[[0, 1, 0, 1]], epochs=epochs, verbose=0)
model.save_weights('digits.h5')
model.load_weights('digits.h5')
