import os

import numpy as np
import tensorflow as tf
from tensorflow.keras.callbacks import EarlyStopping, ModelCheckpoint
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

weights = os.path.join('weights_{epoch:02d}.h5')
model = Sequential([Dense(1, input_shape=(3,))])
model.compile('adam', 'mse')
model.fit(np.zeros((4, 3)), np.zeros(4), epochs=1, verbose=0, validation_split=0.5, callbacks=[
    ModelCheckpoint(filepath=weights, monitor='val_loss', save_weights_only=True, period=1),
    EarlyStopping(patience=2)])
assert os.listdir('.').count('weights_01.weights.h5') == 1
model.save_weights('end.hdf5')
model.load_weights('end.hdf5')
