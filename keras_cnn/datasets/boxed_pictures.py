"""Pictures with boxes, as the readers of annotations return them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture's file and its objects.

    Attributes:
        path: The picture's file.
        boxes: Corners in pixels, shape (n, 4).
        labels: Class ids from 1 on, shape (n,).
        difficult: Whether each object may be missed, shape (n,).
        source: The annotation's file, with the line or picture in a file of many pictures.
        stated_size: Width and height in pixels that the annotation states, or None.
        crowd: Whether each box holds a crowd, which is difficult too, shape (n,); None for none.
    """

    path: str
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    source: str
    stated_size: tuple[int, int] | None = None
    crowd: np.ndarray | None = None

    @property
    def crowds(self) -> np.ndarray:
        """Whether each box holds a crowd, shape (n,)."""
        return np.zeros(len(self.boxes), bool) if self.crowd is None else self.crowd

    @property
    def truth(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes, class ids, and 1 for difficult objects and 2 for crowds, as metrics take them."""
        return self.boxes, self.labels, self.difficult.astype(int) + self.crowds

    def only(self, kept: np.ndarray, *, boxes: np.ndarray) -> "Picture":
        """Return the picture with some of its objects.

        Args:
            kept: Mask, shape (n,).
            boxes: Corners of all objects in pixels, shape (n, 4).
        """
        arrays = {key: getattr(self, key)[kept] for key in ("labels", "difficult")}
        return dataclasses.replace(self, boxes=boxes[kept], crowd=self.crowds[kept], **arrays)


@dataclasses.dataclass(frozen=True)
class Annotations:
    """One split of a set.

    Attributes:
        class_names: Names of the classes; class id k is number k - 1.
        pictures: The pictures.
        notes: (place, reason) of what was passed over without harm.
    """

    class_names: tuple[str, ...]
    pictures: tuple[Picture, ...]
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def without_objects(self) -> list[str]:
        """The classes that no object has."""
        used = {label for picture in self.pictures for label in picture.labels.tolist()}
        return [name for label, name in enumerate(self.class_names, 1) if label not in used]
