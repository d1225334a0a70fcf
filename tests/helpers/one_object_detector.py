"""A detector without a network."""

import numpy as np

from keras_cnn.detection.detector import Detections
from keras_cnn.errors import InputError
from keras_cnn.images import files


class OneObjectDetector:
    """Detector that finds the same object in each picture."""

    class_names = ("book", "书")

    @classmethod
    def load(cls, path, *, unsafe):
        return cls()

    def stream(self, pictures, *, on_error, **limits):
        for path in pictures:
            try:
                picture = files.read(path)
            except InputError as error:
                on_error(path, error)
                continue
            box, score, label = np.array([[2.0, 3.0, 12.0, 14.0]]), np.array([0.75]), np.array([2])
            yield path, Detections(box, score, label, self.class_names, picture)
