"""A trained model in use: predictions, test-time augmentation, export, predictions on a cluster."""
