# Two classes, as blogs of 2016 trained them.
from keras.layers import Activation, Convolution2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator

side = 16
nb_train_samples, nb_validation_samples, nb_epoch = 12, 8, 1
model = Sequential()
model.add(Convolution2D(4, 3, 3, border_mode='same', input_shape=(side, side, 3)))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2), dim_ordering='tf'))
model.add(Flatten())
model.add(Dense(output_dim=4, init='uniform', activation='relu'))
model.add(Dropout(p=0.5))
model.add(Dense(1))
model.add(Activation('sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='rmsprop', metrics=['accuracy'])
train = ImageDataGenerator(rescale=1. / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True)
train_generator = train.flow_from_directory(
    'data/train', target_size=(side, side), batch_size=4, class_mode='binary')
validation_generator = ImageDataGenerator(rescale=1. / 255).flow_from_directory(
    'data/val', target_size=(side, side), batch_size=4, class_mode='binary')
model.fit_generator(
    train_generator,
    samples_per_epoch=nb_train_samples,  # pictures
    nb_epoch=nb_epoch,
    validation_data=validation_generator,
    nb_val_samples=nb_validation_samples)
model.save_weights('first.h5')
