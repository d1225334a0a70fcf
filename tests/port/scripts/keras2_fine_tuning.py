import keras
from keras.applications.mobilenet import MobileNet
from keras.layers import Dense, GlobalAveragePooling2D
from keras.models import Model
from keras.optimizers import SGD
from keras.preprocessing.image import ImageDataGenerator

base_model = MobileNet(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.25)
x = GlobalAveragePooling2D()(base_model.output)
predictions = Dense(2, activation='softmax')(x)
model = Model(input=base_model.input, output=predictions)
for layer in base_model.layers:
    layer.trainable = False
    print(layer.name, layer.output_shape)
model.compile(optimizer=SGD(0.01, 0.9, 1e-4), loss='categorical_crossentropy', metrics=['acc'])
flow = ImageDataGenerator(preprocessing_function=keras.applications.mobilenet.preprocess_input)
flow = flow.flow_from_directory('data/train', target_size=(32, 32), batch_size=6)
history = model.fit_generator(flow, steps_per_epoch=len(flow), epochs=1)
print(history.history['acc'])
