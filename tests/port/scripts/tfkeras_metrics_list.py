import numpy as np
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers import SGD

x = Input(shape=(4,))
model = Model([x], [Dense(2, activation='softmax')(x), Dense(1, activation='sigmoid')(x)])
model.compile(optimizer=SGD(lr=0.1), loss=['categorical_crossentropy', 'binary_crossentropy'],
              metrics=['accuracy'])
model.fit(np.zeros((4, 4)), [np.eye(2)[[0, 1, 0, 1]], np.zeros((4, 1))], epochs=1, verbose=0)
