"""Training: `keras_cnn.run`, its checkpoints, schedules, mixup, and the devices it runs on."""
