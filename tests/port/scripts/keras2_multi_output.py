import numpy as np
from keras.layers import Dense, Input
from keras.models import Model

picture = Input(shape=(6,))
x = Dense(4, activation='relu')(picture)
model = Model(inputs=picture, outputs=[Dense(2, activation='softmax', name='kind')(x),
                                       Dense(1, name='size')(x)])
model.compile(optimizer='adam', loss={'kind': 'categorical_crossentropy', 'size': 'mse'},
              metrics=['accuracy'])
model.fit(np.zeros((4, 6)), {'kind': np.eye(2)[[0, 1, 0, 1]], 'size': np.zeros((4, 1))}, epochs=1,
          verbose=0)
