import keras
import numpy as np
import tensorflow as tf
from keras.backend.tensorflow_backend import set_session

config = tf.ConfigProto()
# Take only the memory that is needed.
config.gpu_options.allow_growth = True
config.gpu_options.per_process_gpu_memory_fraction = 0.5
sess = tf.Session(config=config)
set_session(sess)
tf.set_random_seed(1)
model = keras.models.Sequential([keras.layers.Dense(2, input_dim=3)])
model.compile(loss=keras.losses.mse, optimizer=keras.optimizers.RMSprop(lr=0.001, decay=1e-6))
model.fit(np.zeros((4, 3)), np.zeros((4, 2)), epochs=1, verbose=0)
