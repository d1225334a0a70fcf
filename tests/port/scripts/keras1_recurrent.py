import numpy as np
from keras.layers import LSTM, Convolution1D, Dense, Embedding
from keras.models import Sequential

model = Sequential()
model.add(Embedding(20, 8, init='uniform', input_length=10))
model.add(Convolution1D(nb_filter=4, filter_length=3, border_mode='same', activation='relu'))
model.add(LSTM(output_dim=5, inner_activation='hard_sigmoid', dropout_W=0.1, dropout_U=0.1))
model.add(Dense(1, activation='sigmoid'))
model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])
model.fit(np.random.randint(20, size=(6, 10)), np.arange(6) % 2, nb_epoch=1, verbose=0)
print(model.predict_classes(np.zeros((1, 10))))
