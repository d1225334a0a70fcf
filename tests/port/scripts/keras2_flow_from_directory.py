import keras
from keras import optimizers
from keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from keras.layers import Conv2D, Dense, Flatten
from keras.models import Sequential, load_model
from keras.preprocessing.image import ImageDataGenerator

batch_size = 4
datagen = ImageDataGenerator(rescale=1. / 255, validation_split=0.25)
train = datagen.flow_from_directory('data/train', (16, 16), batch_size=batch_size, subset='training')
val = datagen.flow_from_directory('data/train', (16, 16), batch_size=batch_size, subset='validation')
model = Sequential([
    Conv2D(4, (3, 3), activation='relu', input_shape=(16, 16, 3)),
    Flatten(),
    Dense(train.num_classes, activation='softmax'),
])
model.compile(optimizer=optimizers.Adam(lr=1e-3, beta_1=0.9, epsilon=None, decay=0.0),
              loss='categorical_crossentropy', metrics=['accuracy'])
best = 'best.{epoch:02d}-{val_acc:.2f}.hdf5'
last = 'last.hdf5'
callbacks = [
    ModelCheckpoint(best, monitor='val_acc', save_best_only=True, mode='max', period=1),
    ModelCheckpoint(last),
    EarlyStopping(monitor='val_acc', patience=3),
    ReduceLROnPlateau(monitor='val_loss', factor=0.1, epsilon=1e-4),
    CSVLogger('log.csv'),
]
H = model.fit_generator(train, steps_per_epoch=train.samples // batch_size, epochs=2,
                        validation_data=val, validation_steps=val.samples // batch_size,
                        callbacks=callbacks, workers=4, use_multiprocessing=False, max_queue_size=10)
print(H.history['acc'][-1], H.history["val_acc"][-1])
print(load_model(last).evaluate_generator(val, steps=len(val)))
probabilities = model.predict_generator(val, steps=val.n // batch_size + 1, verbose=1)
assert len(probabilities) == val.n
