"""Published weight files (to be written)."""
def load(model, weights, *, architecture, include_top):
    """Return the model."""; return model
