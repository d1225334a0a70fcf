import math

import numpy as np
from tensorflow.keras import layers, models
from tensorflow.keras.preprocessing.image import ImageDataGenerator

x, y = np.random.rand(10, 8, 8, 3), np.arange(10) % 2
datagen = ImageDataGenerator(featurewise_center=True, horizontal_flip=True)
datagen.fit(x)
model = models.Sequential([layers.Flatten(input_shape=(8, 8, 3)), layers.Dense(1)])
model.compile('sgd', 'mse', metrics=['mae'])
model.fit_generator(datagen.flow(x, y, batch_size=4), steps_per_epoch=len(x) / 4, epochs=2,
                    validation_data=(x, y))
model.fit(datagen.flow(x, y, batch_size=4), steps_per_epoch=math.ceil(len(x) / 4), epochs=1)
