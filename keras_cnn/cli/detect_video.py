"""``detect`` on a video or a camera."""

import argparse
import collections
import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_cnn.cli import output
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, say

ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")


def source(paths: Sequence[str]) -> str | int | None:
    """Return the video, or the number of a camera; None for pictures.

    Args:
        paths: The paths that the user named.

    Raises:
        InputError: A video stands beside other paths.
    """
    chosen = [
        path
        for path in paths
        if path.lower().endswith(ENDINGS) or (path.isdecimal() and not Path(path).exists())
    ]
    if not chosen:
        return None
    if len(paths) > 1:
        raise InputError(f"a video must be named alone; {chosen[0]} is one of {len(paths)} paths")
    return int(chosen[0]) if chosen[0].isdecimal() else chosen[0]


def run(detector: Any, video_source: str | int, options: argparse.Namespace, limits: dict) -> None:
    """Find objects in each frame, and write the frames with their boxes to ``--draw``.

    Ctrl-C ends a camera; the video is then complete.

    Args:
        detector: A `detection.Detector`.
        video_source: What `source` returned.
        options: Options of the command.
        limits: Those of `Detector.stream`.
    """
    from keras_cnn.detection import video

    rate, frames = video.facts(video_source)
    times, counted = collections.deque(), 0
    stream = detector.stream(
        video.frames(video_source, times=times.append),
        batch_size=1 if isinstance(video_source, int) else 8,
        **limits,
    )
    started = time.perf_counter()

    def rows(write):
        nonlocal counted
        for _, found in output.progress(stream, total=frames, unit=N_("frames")):
            place = {"frame": counted, "time": round(times.popleft(), 3)}
            counted += 1
            if write is not None:
                write(found.draw())
            objects = found.to_dicts()
            if options.style != "csv":
                yield place | {"objects": objects}
            for entry in objects if options.style == "csv" else ():
                corners = dict(zip(("x1", "y1", "x2", "y2"), entry.pop("box"), strict=True))
                yield place | entry | corners

    drawn = video.writer(options.draw, rate=rate) if options.draw else contextlib.nullcontext()
    with drawn as write:
        try:
            output.write_rows(rows(write), style=options.style, line=_line)
        except KeyboardInterrupt:
            if not isinstance(video_source, int):
                raise
    seconds = time.perf_counter() - started
    say(f"{counted} frames, {counted / seconds:.1f} per second", file=sys.stderr)


def _line(row):
    names = collections.Counter(entry["class"] for entry in row["objects"])
    text = ", ".join(f"{number} {name}" for name, number in names.items()) or "0 objects"
    return f"{row['time']:.2f} s: {text}"
