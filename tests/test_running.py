"""A training is seen from another process, and ended from there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_cnn import InputError, running

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has none")


@pytest.fixture
def case(tmp_path):
    return tmp_path / "case"


def _announce(folder, pid, **changes):
    """Write the file that a process would have written in a run's folder."""
    (folder / running.CHECKPOINT).mkdir(parents=True)
    entry = {"pid": pid, "started": running._started(pid), "host": running.socket.gethostname()}
    (folder / running.CHECKPOINT / "process.json").write_text(json.dumps(entry | changes))


def _save(folder, epoch, **changes):
    """Write the state of an epoch."""
    (folder / running.CHECKPOINT).mkdir(parents=True, exist_ok=True)
    state = {"history": {"loss": [0.5] * epoch}, "seconds": 2.0 * epoch}
    content = json.dumps(state | {"sha256": running.digest(state)} | changes)
    (folder / running.CHECKPOINT / f"state_{epoch:04d}.json").write_text(content)


def test_a_process_is_named_while_it_trains_and_not_after(case):
    case.mkdir()
    with running.announced(case, {"epochs": 3}):
        with running.announced(case, {"epochs": 4}):
            pass
        assert running.process(case) == os.getpid()
        assert running.recipe(case) == {"epochs": 3}
    assert running.process(case) is None
    assert not list(case.iterdir())


@needs_proc
def test_another_process_that_has_the_number_of_a_killed_training_is_left_alone(case):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    _announce(case, child.pid, started=running._started(os.getpid()))
    assert running.process(case) is None
    with pytest.raises(InputError, match="no process of this machine trains case"):
        running.end(case)
    assert child.poll() is None
    child.communicate(b"\n")


def test_a_training_of_another_machine_is_left_alone(case):
    _announce(case, os.getpid(), host="elsewhere")
    assert running.process(case) is None


@needs_proc
def test_a_training_is_ended_from_another_process(case):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    _announce(case, child.pid)
    running.end(case)
    assert child.wait(10) == -signal.SIGTERM
    child.stdin.close()
    assert running.process(case) is None


@needs_proc
def test_a_training_that_has_ended_unnoticed_by_its_parent_has_ended(case):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    _announce(case, child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert running.process(case) is None
    child.communicate()


def test_the_history_of_a_training_is_that_of_its_newest_whole_state(case):
    assert running.history(case) == ({}, 0.0)
    _save(case, 9)
    _save(case, 10)
    _save(case, 11, seconds=99.0)  # not what its checksum says
    assert running.history(case) == ({"loss": [0.5] * 10}, 20.0)
