from keras import backend as K
from keras.layers import Conv2D, Conv2DTranspose, Input
from keras.models import Model
from keras.preprocessing.image import ImageDataGenerator

side = 16
if K.image_data_format() == 'channels_first':
    shape = (3, side, side)
else:
    shape = (side, side, 3)
flow = ImageDataGenerator(rescale=1. / 255).flow_from_directory(
    'data/train', target_size=(side, side), batch_size=4, class_mode='input')
picture = Input(shape=shape)
code = Conv2D(4, 3, strides=2, padding='same', activation='relu')(picture)
autoencoder = Model(picture, Conv2DTranspose(3, 3, strides=2, padding='same')(code))
autoencoder.compile(optimizer='adadelta', loss='mean_squared_error')
autoencoder.fit_generator(flow, steps_per_epoch=flow.samples / flow.batch_size, epochs=1, verbose=0)
K.clear_session()
