import numpy as np
from keras.layers import Convolution2D, Dense, Flatten, Lambda
from keras.models import Sequential

batch_size = 4


def batches(samples, batch_size):
    while True:
        for start in range(0, len(samples), batch_size):
            part = samples[start:start + batch_size]
            yield part, part.mean(axis=(1, 2, 3))


samples = np.random.rand(12, 8, 8, 3)
train_generator = batches(samples, batch_size=batch_size)
model = Sequential()
model.add(Lambda(lambda x: x / 127.5 - 1., input_shape=(8, 8, 3)))
model.add(Convolution2D(4, 5, 5, subsample=(2, 2), activation="elu"))
model.add(Flatten())
model.add(Dense(1))
model.compile(loss='mse', optimizer='adam')
model.fit_generator(train_generator, samples_per_epoch=len(samples),
                    validation_data=batches(samples, batch_size=batch_size),
                    nb_val_samples=len(samples), nb_epoch=1, verbose=2)
