import pandas as pd
from keras import layers, models
from keras_preprocessing.image import ImageDataGenerator

table = pd.read_csv('table.csv', dtype=str)
datagen = ImageDataGenerator(rescale=1. / 255, validation_split=0.25)
train = datagen.flow_from_dataframe(
    dataframe=table, directory='data/train', x_col='name', y_col='label', subset='training',
    batch_size=4, seed=42, shuffle=True, class_mode='categorical', target_size=(16, 16))
valid = datagen.flow_from_dataframe(
    dataframe=table, directory='data/train', x_col='name', y_col='label', subset='validation',
    batch_size=4, seed=42, shuffle=True, class_mode='categorical', target_size=(16, 16))
model = models.Sequential()
model.add(layers.Conv2D(4, (3, 3), input_shape=(16, 16, 3)))
model.add(layers.Flatten())
model.add(layers.Dense(2, activation='softmax'))
model.compile('rmsprop', loss="categorical_crossentropy", metrics=["accuracy"])
STEP_SIZE_TRAIN = train.n // train.batch_size
STEP_SIZE_VALID = valid.n // valid.batch_size
model.fit_generator(generator=train, steps_per_epoch=STEP_SIZE_TRAIN, validation_data=valid,
                    validation_steps=STEP_SIZE_VALID, epochs=2)
model.evaluate_generator(generator=valid, steps=STEP_SIZE_VALID)
