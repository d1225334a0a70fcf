import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import multi_gpu_model

gpus = 2
model = Sequential([Dense(1, input_shape=(3,))])
if gpus > 1:
    parallel_model = multi_gpu_model(model, gpus=gpus)
else:
    parallel_model = model
parallel_model.compile(loss='mse', optimizer='sgd')
parallel_model.fit(np.zeros((4, 3)), np.zeros(4), epochs=1, verbose=0)
