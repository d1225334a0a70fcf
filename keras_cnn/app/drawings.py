"""A drawing of the pad as a picture of a network's training."""

import numpy as np

from keras_cnn.app.studio import Loaded
from keras_cnn.app.texts import Text
from keras_cnn.images.strokes import Paper


def placed(paper: Paper, strokes: np.ndarray, loaded: Loaded) -> np.ndarray:
    """Return a drawing at the network's size, uint8 (height, width, channels).

    Args:
        paper: The paper of the training pictures; for photographs black on white is used.
        strokes: float (height, width), the share of ink, 0 to 1.
        loaded: The network.
    """
    height, width, channels = loaded.image_shape
    picture = (paper if paper.is_plain else Paper()).place(strokes, size=(height, width))
    return np.broadcast_to(picture, (height, width, channels)).copy()


def sentence(paper: Paper, text: Text) -> str:
    """Return what was done with a drawing.

    Args:
        paper: The paper of the training pictures.
        text: Gives a text in the page's language.
    """
    if not paper.is_plain:
        return text(
            "The network was trained on photographs: it sees the drawing black on white, and its "
            "answer says little."
        )
    return text(
        "As in the training pictures: paper {paper}, ink {ink}, as large as {share} % of the side, "
        "centred by {centre}.",
        paper=_tone(paper.paper),
        ink=_tone(paper.ink),
        share=round(100 * paper.share),
        centre=text("its mass") if paper.by_mass else text("its frame"),
    )


def _tone(levels):
    return "/".join(str(round(level)) for level in levels)
