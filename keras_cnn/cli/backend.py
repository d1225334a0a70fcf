"""The import of Keras by a command, without the log lines of TensorFlow's libraries."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Lines that TensorFlow's libraries write before they read TF_CPP_MIN_LOG_LEVEL.
_LOG_LINE = re.compile(
    rb"WARNING: All log messages before absl::|[IW]\d{4} \d\d:|To enable the foll"
)
_NO_DRIVER = re.compile(rb"E\d{4} .*failed call to cuInit")


def import_keras() -> None:
    """Import Keras and its backend; drop the log lines that TensorFlow writes meanwhile.

    A user who sets TF_CPP_MIN_LOG_LEVEL to 0 or 1 sees all lines.
    """
    if "keras" in sys.modules:
        return
    wants_log = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2") < "2"
    with contextlib.nullcontext() if wants_log else _without_log_lines():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.list_physical_devices()  # writes the lines about drivers now
            if not wants_log:
                tf.get_logger().setLevel("ERROR")  # else warnings that pictures differ in size


@contextlib.contextmanager
def _without_log_lines() -> Iterator[None]:
    """Collect what is written to stderr, by C++ too, and write the other lines at the end."""
    try:
        stderr = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    has_driver = Path("/proc/driver/nvidia/version").exists() or sys.platform != "linux"
    with tempfile.TemporaryFile() as collected:
        os.dup2(collected.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            collected.seek(0)
            for line in collected:
                if not (_LOG_LINE.match(line) or not has_driver and _NO_DRIVER.match(line)):
                    os.write(2, line)
