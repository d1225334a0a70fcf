import numpy as np
from keras.layers import Dense
from keras.layers.advanced_activations import LeakyReLU
from keras.models import Sequential
from keras.utils import Sequence
from keras.utils.np_utils import to_categorical


class Batches(Sequence):
    def __init__(self, n):
        super(Batches, self).__init__()
        self.x, self.y = np.random.rand(n, 5), to_categorical(np.arange(n) % 2)

    def __len__(self):
        return len(self.x) // 4

    def __getitem__(self, i):
        return self.x[i * 4:i * 4 + 4], self.y[i * 4:i * 4 + 4]


train = Batches(12)
model = Sequential()
model.add(Dense(4, input_dim=5))
model.add(LeakyReLU(alpha=0.1))
model.add(Dense(2, activation='softmax'))
model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])
model.fit_generator(generator=train, validation_data=train, epochs=1, use_multiprocessing=True,
                    workers=2)
