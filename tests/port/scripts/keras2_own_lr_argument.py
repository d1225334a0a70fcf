"""A function's own arguments keep their names."""
import argparse

import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import Adam


def train(lr=0.1, nb_epoch=1, workers=2):
    model = Sequential([Dense(1, input_dim=2)])
    model.compile(loss='mse', optimizer=Adam(lr=lr))
    model.fit(np.zeros((4, 2)), np.zeros(4), epochs=nb_epoch, verbose=0)
    return dict(lr=lr, nb_epoch=nb_epoch, workers=workers)


parser = argparse.ArgumentParser()
parser.add_argument('--lr', type=float, default=0.1)
args = parser.parse_args([])
assert train(lr=args.lr, nb_epoch=1, workers=0)['lr'] == args.lr
