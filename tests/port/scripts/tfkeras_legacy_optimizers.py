import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.layers.experimental.preprocessing import Rescaling

model = keras.Sequential([
    Rescaling(1. / 255, input_shape=(6, 6, 1)),
    layers.experimental.preprocessing.RandomFlip('horizontal'),
    layers.Flatten(),
    layers.Dense(2, activation='softmax'),
])
model.compile(optimizer=tf.keras.optimizers.legacy.Adam(learning_rate=0.01, decay=1e-3),
              loss='categorical_crossentropy', metrics=['accuracy'])
checkpoint = keras.callbacks.ModelCheckpoint(filepath='training_1/cp.ckpt', save_weights_only=True)
model.fit(np.zeros((4, 6, 6, 1)), np.eye(2)[[0, 1, 0, 1]], epochs=1, verbose=0, callbacks=[checkpoint])
model.load_weights('training_1/cp.ckpt')
