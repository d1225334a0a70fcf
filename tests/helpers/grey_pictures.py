"""How pictures of one grey level each are read, and told from one another."""

SMALL = {"target_size": (16, 16), "batch_size": 4}


def greys(batch):
    """Each picture's level: it tells which picture it is."""
    return batch[:, 0, 0, 0]
