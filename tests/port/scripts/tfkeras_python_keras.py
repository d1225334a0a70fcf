import numpy as np
from tensorflow.python.keras import backend as K
from tensorflow.python.keras.layers import Dense, Input
from tensorflow.python.keras.models import Model
from tensorflow.python.keras.optimizers import Adam

x = Input(shape=(3,))
model = Model(x, Dense(1)(x))
model.compile(Adam(lr=0.1), loss=lambda a, b: K.mean(K.square(a - b)))
model.fit(np.zeros((4, 3)), np.zeros((4, 1)), epochs=1, verbose=0)
