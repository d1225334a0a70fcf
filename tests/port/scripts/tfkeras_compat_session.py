import numpy as np
import tensorflow as tf
from tensorflow import keras

config = tf.compat.v1.ConfigProto(gpu_options=tf.compat.v1.GPUOptions(allow_growth=True))
session = tf.compat.v1.Session(config=config)
tf.compat.v1.keras.backend.set_session(session)
model = keras.Sequential([keras.layers.Dense(1, input_shape=(3,))])
model.compile(keras.optimizers.SGD(lr=0.1), 'mse')
model.fit(np.zeros((4, 3)), np.zeros(4), verbose=0)
