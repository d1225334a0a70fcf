import tensorflow as tf
from tensorflow.keras.optimizers import Adam

BATCH_SIZE = 4
train_datagen = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1. / 255, brightness_range=(0.8, 1.2))
train_data = train_datagen.flow_from_directory('data/train', target_size=(16, 16), batch_size=BATCH_SIZE)
model = tf.keras.models.Sequential([
    tf.keras.layers.Conv2D(4, 3, activation='relu', input_shape=(16, 16, 3)),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(2, activation='softmax'),
])
model.compile(loss='categorical_crossentropy', optimizer=Adam(lr=0.001), metrics=['acc'])
history = model.fit(train_data, steps_per_epoch=train_data.n // BATCH_SIZE, epochs=2, workers=4,
                    use_multiprocessing=True)
print(history.history['acc'])
model.save('my_model')
tf.keras.models.load_model('my_model')
