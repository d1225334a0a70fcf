import numpy as np
from keras.callbacks import Callback, LearningRateScheduler, TensorBoard
from keras.layers import Dense
from keras.models import Sequential


class Stop(Callback):
    def on_epoch_end(self, epoch, logs={}):
        if logs.get('acc') > 2:
            self.model.stop_training = True
        print(self.model.optimizer.lr)


model = Sequential([Dense(2, input_dim=3, activation='softmax')])
model.compile(loss='sparse_categorical_crossentropy', optimizer='sgd', metrics=['accuracy'])
model.fit(np.zeros((4, 3)), np.zeros(4), epochs=1, verbose=0, callbacks=[
    Stop(), LearningRateScheduler(lambda epoch: 0.1),
    TensorBoard(log_dir='logs', histogram_freq=0, write_grads=False, batch_size=32)])
