"""Frames from a video or a camera, and a video from drawn frames."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically

CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "MJPG"}
USUAL_RATE = 25.0  # of a camera that does not tell its own, in frames per second


class Facts(NamedTuple):
    """What a video tells of itself.

    Attributes:
        rate: Frames per second.
        frames: Number of frames; None for a camera, and for a video that does not tell.
    """

    rate: float
    frames: int | None


def facts(source: str | os.PathLike | int) -> Facts:
    """Return the frame rate and the length of a video.

    Args:
        source: The video's file, of any format that OpenCV reads, or the number of a camera.

    Raises:
        InputError: It cannot be opened.
    """
    with _opened(source) as video:
        rate, frames = video.get(cv2.CAP_PROP_FPS), video.get(cv2.CAP_PROP_FRAME_COUNT)
    is_known = frames > 0 and not isinstance(source, int)
    return Facts(rate if rate > 0 else USUAL_RATE, int(frames) if is_known else None)


def frames(
    source: str | os.PathLike | int, *, times: Callable[[float], None] | None = None
) -> Iterator[np.ndarray]:
    """Yield the frames of a video, or of a camera without end.

    Args:
        source: As in `facts`.
        times: Called with the time of each frame in seconds from the start: in the video, or by the
            clock for a camera.

    Yields:
        Pictures, RGB, uint8, (height, width, 3).

    Raises:
        InputError: It cannot be opened.
    """
    with _opened(source) as video:
        rate, start, number = video.get(cv2.CAP_PROP_FPS) or USUAL_RATE, time.perf_counter(), 0
        while True:
            is_read, frame = video.read()
            if not is_read:
                return
            if times is not None:
                is_camera = isinstance(source, int)
                times(time.perf_counter() - start if is_camera else number / rate)
            number += 1
            yield frame[:, :, ::-1].copy()  # OpenCV's order is BGR


@contextlib.contextmanager
def _opened(source):
    video = cv2.VideoCapture(source if isinstance(source, int) else os.fspath(source))
    try:
        if not video.isOpened():
            if isinstance(source, int):
                raise InputError(f"cannot open the camera {source}: check it")
            raise InputError(
                f"cannot open the video {os.fspath(source)!r}: check it, and the video's format"
            )
        yield video
    finally:
        video.release()


@contextlib.contextmanager
def writer(path: str | os.PathLike, *, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Write a video; it gets its name when it is complete.

    Args:
        path: The file; its ending is a key of `CODECS`.
        rate: Frames per second.

    Yields:
        A function that takes each frame, RGB, uint8, all of one size.

    Raises:
        InputError: The ending is unknown, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in CODECS or not path.parent.is_dir():
        raise InputError(
            f"a video must end in {', '.join(CODECS)} and lie in a folder that exists; received "
            f"{os.fspath(path)}: name another"
        )
    with write_atomically(path) as beside:
        video = None

        def write(frame):
            nonlocal video
            if video is None:
                codec = cv2.VideoWriter_fourcc(*CODECS[path.suffix.lower()])
                video = cv2.VideoWriter(str(beside), codec, rate, frame.shape[1::-1])
                if not video.isOpened():
                    raise InputError(f"cannot write the video {path}: name another ending")
            video.write(np.ascontiguousarray(frame[:, :, ::-1]))

        try:
            yield write
        finally:
            if video is not None:
                video.release()
        if video is None:
            raise InputError(f"there was no frame for the video {path}: check the source")
