import numpy as np
from keras.preprocessing import image

img = image.load_img('data/train/a/0.png', target_size=(16, 16), grayscale=True)
x = np.expand_dims(image.img_to_array(img), axis=0)
datagen = image.ImageDataGenerator(rotation_range=10)
flow = datagen.flow(x, batch_size=1)
assert flow.next().shape == (1, 16, 16, 1)
