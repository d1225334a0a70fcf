import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

physical_devices = tf.config.experimental.list_physical_devices('GPU')
for gpu in physical_devices:
    tf.config.experimental.set_memory_growth(gpu, True)
classifier = Sequential([Dense(1, input_dim=3, activation='sigmoid')])
classifier.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
X_test = np.zeros((4, 3))
y_pred = classifier.predict_classes(X_test)
y_prob = classifier.predict_proba(X_test)
assert y_pred.shape == y_prob.shape == (4, 1)
