import numpy as np
from keras import backend as K
from keras.layers import Convolution2D, Dense, Flatten
from keras.models import Sequential

K.set_image_dim_ordering('tf')
if K.image_dim_ordering() == 'th':
    shape = (1, 10, 10)
else:
    shape = (10, 10, 1)
model = Sequential([
    Convolution2D(nb_filter=4, nb_row=3, nb_col=3, dim_ordering='tf', input_shape=shape),
    Flatten(),
    Dense(2, activation='softmax'),
])
model.compile(loss='categorical_crossentropy', optimizer='adadelta')
model.fit(np.zeros((4,) + shape), np.eye(2)[[0, 1, 0, 1]], nb_epoch=1, verbose=0)
