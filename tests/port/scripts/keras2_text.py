from keras.layers import LSTM, Bidirectional, Dense, Embedding, SpatialDropout1D
from keras.models import Sequential
from keras.preprocessing.sequence import pad_sequences
from keras.preprocessing.text import Tokenizer
import numpy as np

texts = ['a small cat', 'a large dog', 'a dog', 'cats']
tokenizer = Tokenizer(num_words=20)
tokenizer.fit_on_texts(texts)
x = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=4)
model = Sequential()
model.add(Embedding(20, 4, input_length=4))
model.add(SpatialDropout1D(0.1))
model.add(Bidirectional(LSTM(3)))
model.add(Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit(x, np.array([0, 1, 1, 0]), epochs=1, verbose=0)
