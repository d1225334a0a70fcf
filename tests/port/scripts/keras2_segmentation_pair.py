from keras.layers import Conv2D
from keras.models import Sequential
from keras.optimizers import Adam
from keras.preprocessing.image import ImageDataGenerator

arguments = dict(rotation_range=20, width_shift_range=0.1, horizontal_flip=True)
options = dict(target_size=(16, 16), batch_size=2, class_mode=None, seed=1)
image_generator = ImageDataGenerator(rescale=1. / 255, **arguments).flow_from_directory(
    'pairs', classes=['image'], batch_size=2, target_size=(16, 16), class_mode=None, seed=1)
mask_generator = ImageDataGenerator(rescale=1. / 255, **arguments).flow_from_directory(
    'pairs', classes=['mask'], batch_size=2, target_size=(16, 16), class_mode=None, seed=1,
    color_mode='grayscale')
train_generator = zip(image_generator, mask_generator)
model = Sequential([Conv2D(1, 3, padding='same', activation='sigmoid', input_shape=(16, 16, 3))])
model.compile(optimizer=Adam(lr=1e-4), loss='binary_crossentropy', metrics=['accuracy'])
model.fit_generator(train_generator, steps_per_epoch=3, epochs=2)
