import numpy as np
from keras.layers import AtrousConvolution2D, Convolution2D, Deconvolution2D, Input, UpSampling2D
from keras.models import Model

batch = 4
x = image = Input(shape=(8, 8, 1))
x = AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2), border_mode='same')(x)
x = Convolution2D(4, 3, 3, subsample=(2, 2), border_mode='same')(x)
x = Deconvolution2D(4, 3, 3, output_shape=(None, 8, 8, 4), subsample=(2, 2), border_mode='same')(x)
x = Convolution2D(1, 2, 2, border_mode='same')(UpSampling2D(size=(2, 2), dim_ordering='default')(x))
model = Model(input=image, output=x)
model.compile(optimizer='sgd', loss='mse')
model.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 16, 16, 1)), nb_epoch=1, batch_size=batch, verbose=0)
