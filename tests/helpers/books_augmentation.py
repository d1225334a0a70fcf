"""What several tests of batches take: the chapter's augmentation, and a folder of pictures."""

import numpy as np
from PIL import Image

BOOK = {  # 王汉生's augmentation
    "shear_range": 0.5,
    "rotation_range": 30,
    "zoom_range": 0.2,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "horizontal_flip": True,
}


def draw_noise(folder):
    """Write ten pictures of noise in two classes, 90x80; return the folder."""
    rng = np.random.default_rng(0)
    for index in range(10):
        path = folder / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (80, 90, 3), np.uint8)).save(path)
    return folder
