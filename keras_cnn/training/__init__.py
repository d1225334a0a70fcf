"""Training: `keras_cnn.run`, its checkpoints, schedules, mixup, and the devices it runs on."""

from keras_cnn.training import phases

__all__ = ["phases"]
