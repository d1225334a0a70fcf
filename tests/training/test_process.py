"""The process of a training: its memory, oneDNN, traces of a step, and signals.

The oracles are the kernel's count of page faults, TensorFlow's log, and a count of traces.
"""

import ctypes
import os
import platform
import signal
import subprocess
import sys

import keras
import pytest
import tiny_training as tiny

from keras_cnn.images import memory
from keras_cnn.training import interrupts
from keras_cnn.training import run as training

POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows cannot send these signals")
SCRIPT = """
import resource, sys
import numpy as np
from keras_cnn.images import memory
print(memory.keep() if sys.argv[1] == "keep" else None)
for _ in range(5):  # 24,000 pages of 4 kB each
    np.ones(10**8, np.uint8)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def _pages(mode):
    """Return whether memory is kept, and the page faults from the second array on."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    environment["NUMPY_MADVISE_HUGEPAGE"] = "0"  # otherwise NumPy asks for pages of 2 MB
    command = [sys.executable, "-c", SCRIPT, mode]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    kept, first, *_, last = run.stdout.split()
    return kept, int(last) - int(first)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_kept_memory_is_reused():
    kept, pages = _pages("keep")
    assert kept == "True" and pages < _pages("leave")[1] / 5


def test_malloc_is_not_tuned_on_other_systems_or_if_the_user_tunes_it(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert not memory.keep.__wrapped__()
    monkeypatch.delenv("MALLOC_ARENA_MAX")

    def missing(_):
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert not memory.keep.__wrapped__()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is for x86")
@pytest.mark.parametrize(("set_by_user", "on"), [(None, True), ("0", False)])
def test_tensorflow_uses_one_dnn_unless_the_user_switches_it_off(set_by_user, on):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "0"}
    environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
    if set_by_user:
        environment["TF_ENABLE_ONEDNN_OPTS"] = set_by_user
    command = [sys.executable, "-c", "import keras_cnn, tensorflow"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ("oneDNN custom operations are on" in run.stderr) == on


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow traces so")
@pytest.mark.parametrize("choices", [{}, {"ema": True}, {"precision": "float16"}])
def test_a_step_is_traced_once(tmp_path, monkeypatch, choices):
    traced = []
    step = keras.Model.train_step

    def counted(self, *values, **options):
        traced.append(self)
        return step(self, *values, **options)

    monkeypatch.setattr(keras.Model, "train_step", counted)
    monkeypatch.setattr(training, "conclude", tiny.conclude)
    tiny.run(tiny.recipe(tiny.draw(tmp_path / "set"), tmp_path / "out", epochs=1, **choices))
    assert len(traced) == 1  # large networks take many seconds each time


@pytest.fixture
def send():
    """Return a function that sends this process a signal; Python handles it at the next line."""
    # In the background of a shell SIGINT is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda number: os.kill(os.getpid(), number)
    signal.signal(signal.SIGINT, before)


@POSIX
def test_a_first_signal_waits_for_the_end_of_a_step(send, capsys):
    for begin in ("on_train_batch_begin", "on_test_batch_begin"):
        with interrupts.ended_between_steps() as ender:
            send(signal.SIGINT)
            assert "Ending after this step" in capsys.readouterr().out
            with pytest.raises(KeyboardInterrupt):
                getattr(ender, begin)(0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@POSIX
@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_raises_after_the_last_step_and_a_second_one_at_once(send, signals):
    steps = []
    with pytest.raises(KeyboardInterrupt), interrupts.ended_between_steps():
        for _ in range(signals):
            send(signal.SIGINT)
            steps.append("done")
    assert len(steps) == 1


@POSIX
@pytest.mark.parametrize("other", [signal.SIGINT, signal.SIGTERM])
def test_sigterm_keeps_its_exit_code_if_another_signal_follows(send, other):
    with pytest.raises(SystemExit) as ended, interrupts.ended_by_sigterm():
        with interrupts.ended_between_steps():
            send(signal.SIGTERM)
            send(other)
    assert ended.value.code == 143
