import numpy as np
from keras import initializers
from keras.constraints import maxnorm
from keras.layers import Dense, GaussianNoise
from keras.models import Sequential
from keras.regularizers import l2

model = Sequential()
model.add(Dense(4, input_dim=3, kernel_initializer=initializers.normal(stddev=0.01),
                kernel_constraint=maxnorm(3), kernel_regularizer=l2(0.01)))
model.add(GaussianNoise(sigma=0.1))
model.add(Dense(1))
model.compile(loss='kullback_leibler_divergence', optimizer='adagrad')
model.fit(np.zeros((4, 3)), np.zeros(4), epochs=1, verbose=0)
