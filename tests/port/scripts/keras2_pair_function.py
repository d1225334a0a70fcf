from keras.layers import *
from keras.models import *
from keras.optimizers import *
from keras.preprocessing.image import ImageDataGenerator


def trainGenerator(batch_size):
    image_datagen = ImageDataGenerator(zoom_range=0.05)
    mask_datagen = ImageDataGenerator(zoom_range=0.05)
    image_generator = image_datagen.flow_from_directory(
        'pairs', classes=['image'], class_mode=None, color_mode='grayscale', target_size=(16, 16),
        batch_size=batch_size, seed=1)
    mask_generator = mask_datagen.flow_from_directory(
        'pairs', classes=['mask'], class_mode=None, color_mode='grayscale', target_size=(16, 16),
        batch_size=batch_size, seed=1)
    train_generator = zip(image_generator, mask_generator)
    for (img, mask) in train_generator:
        yield img / 255, (mask > 127).astype('float32')


inputs = Input((16, 16, 1))
down = Conv2D(4, 3, activation='relu', padding='same')(inputs)
up = Conv2D(4, 2, padding='same')(UpSampling2D(size=(2, 2))(MaxPooling2D(pool_size=(2, 2))(down)))
merged = concatenate([down, up], axis=3)
model = Model(input=inputs, output=Conv2D(1, 1, activation='sigmoid')(merged))
model.compile(optimizer=Adam(lr=1e-4), loss='binary_crossentropy', metrics=['accuracy'])
model.fit_generator(trainGenerator(2), steps_per_epoch=2, epochs=1)
