"""Trainings on several devices and processes; tests that start processes are marked slow."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny_training as tiny

from keras_cnn import ImageDataGenerator, InputError, Recipe, environment
from keras_cnn.training import distribution
from keras_cnn.training.sharding import Feed, Share

TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="messages for TensorFlow"
)


def _recipe(**choices):
    return Recipe(name="case", dataset="none", **choices)


PLACES = {
    "options": ({"coordinator": "a:1", "processes": 3, "process": 2}, {}, ("a:1", 3, 2)),
    "keras": (
        {},
        {
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": "a:1,b:2",
            "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
            "KERAS_DISTRIBUTION_PROCESS_ID": "1",
        },
        ("a:1", 2, 1),
    ),
    "slurm": (
        {"distribute": "data-parallel"},
        {
            "SLURM_JOB_ID": "4097",
            "SLURM_PROCID": "3",
            "SLURM_NTASKS": "4",
            "SLURM_STEP_NODELIST": "gpu[03-05,9],login1",
        },
        ("gpu03:61441", 4, 3),
    ),
    "kubernetes": (
        {"distribute": "data-parallel", "coordinator": "job-0.job:1234", "processes": 2},
        {"JOB_COMPLETION_INDEX": "1"},
        ("job-0.job:1234", 2, 1),
    ),
    "alone": ({}, {}, None),
    "a SLURM job of one process": ({}, {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, None),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_process_finds_its_number_and_the_others_address(case):
    options, environment, expected = PLACES[case]
    assert distribution.processes(_recipe(**options), environment) == expected


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"processes": 2}, "--coordinator"),
        ({"processes": 2, "coordinator": "a:1"}, "--process"),
        ({"processes": 2, "coordinator": "a:1", "process": 2}, "between 0 and 1"),
        ({"coordinator": "a:1"}, "need --processes"),
        ({"process": 0}, "need --processes"),
    ],
)
def test_an_incomplete_address_gets_a_sentence(options, sentence):
    with pytest.raises(InputError, match=sentence):
        distribution.processes(_recipe(**options), {})


@TENSORFLOW
def test_several_machines_under_tensorflow_are_pointed_to_jax(monkeypatch):
    with pytest.raises(InputError, match="20585.*KERAS_BACKEND=jax"):
        distribution.set_up(_recipe(processes=2, coordinator="a:1", process=0))
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1", "b:1"]}}))
    with pytest.raises(InputError, match="20585.*KERAS_BACKEND=jax"):
        distribution.set_up(_recipe())
    assert distribution.set_up(_recipe(distribute="none")).share == Share()


@TENSORFLOW
def test_an_engine_of_another_backend_gets_a_sentence():
    with pytest.raises(InputError, match="data-parallel needs the backend jax.*KERAS_BACKEND=jax"):
        distribution.set_up(_recipe(distribute="data-parallel"))


def test_a_batch_that_devices_cannot_divide_gets_a_sentence():
    devices = distribution.Devices(Share(3))
    with pytest.raises(InputError, match="multiple of the 3 devices.*received 32"):
        distribution._checked(devices, _recipe())


@pytest.mark.parametrize(("gpus", "names"), [(2, ["gpu:0", "gpu:1"]), (0, ["cpu:0"])])
def test_devices_are_named_under_pytorch_too(monkeypatch, gpus, names):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert environment.devices() == names


def _parts(batches, *, samples, training, devices, processes):
    """Return what each process reads, batch by batch."""
    feeds = [
        Feed(
            batches(), samples=samples, share=Share(devices, processes, process), training=training
        )
        for process in range(processes)
    ]
    assert len({len(feed) for feed in feeds}) == 1
    return [[feed[index] for feed in feeds] for index in range(len(feeds[0]))]


@pytest.mark.parametrize("processes", [1, 2])
def test_processes_together_read_the_batches_of_one(processes):
    x = np.arange(22.0, dtype="float32")[:, None, None, None] * np.ones((1, 2, 2, 1), "float32")

    def batches():
        generator = ImageDataGenerator(brightness_range=(0.5, 1.5))
        flow = generator.flow(x, np.arange(22), batch_size=8, seed=1, shuffle=True)
        flow.seek(3)
        return flow

    alone = batches()
    shares = _parts(batches, samples=22, training=True, devices=4, processes=processes)
    for index, parts in enumerate(shares):
        together = [np.concatenate(part) for part in zip(*parts, strict=True)]
        kept = len(together[0])
        assert kept == {0: 8, 1: 8, 2: 4}[index]
        for read, whole in zip(together, alone[index], strict=True):
            np.testing.assert_array_equal(read, whole[:kept])


@pytest.mark.parametrize(("devices", "processes"), [(2, 2), (4, 2), (8, 1), (3, 3)])
@pytest.mark.parametrize("samples", [17, 24, 9, 2])
def test_a_validation_loss_counts_every_picture_once(samples, devices, processes):
    values = np.random.default_rng(0).normal(size=samples).astype("float32")

    def batches():
        return ImageDataGenerator().flow(
            np.zeros((samples, 1, 1, 1)), values, batch_size=24 if devices == 3 else 8,
            shuffle=False,
        )  # fmt: skip

    shares = _parts(batches, samples=samples, training=False, devices=devices, processes=processes)
    total, count = 0.0, 0  # as Keras weighs batches: by their number of pictures
    for parts in shares:
        values_, weights = (
            np.concatenate([p[k] if len(p) > k else np.ones(len(p[0])) for p in parts])
            for k in (1, 2)
        )
        assert len(values_) % devices == 0
        total += len(values_) * np.mean(values_ * weights)
        count += len(values_)
    assert total / count == pytest.approx(values.mean(), abs=1e-6)


def test_a_process_opens_only_its_own_files(tmp_path, monkeypatch):
    folder = tiny.draw(tmp_path / "set")
    flow = ImageDataGenerator(prefetch=1).flow_from_directory(
        folder / "train", target_size=(8, 8), batch_size=8, seed=0
    )
    opened = []
    read = type(flow)._read
    monkeypatch.setattr(
        type(flow), "_read", lambda self, path: (opened.append(path), read(self, path))[1]
    )
    feed = Feed(flow, samples=24, share=Share(2, 2, 1), training=True)
    feed.seek(0)
    images, labels = feed[0]
    flow._forget()
    assert images.shape[0] == labels.shape[0] == 4
    assert len(set(opened)) <= 4 * 2  # of this batch and of the next, which is begun ahead


# The tests below start processes of their own, each with its backend.


def _python(code, *, backend="jax", **environment):
    source = (
        f"import sys; sys.path.insert(0, {str(Path(tiny.__file__).parent)!r})\n"
        + textwrap.dedent(code)
    )
    return subprocess.Popen(
        [sys.executable, "-u", "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ
        | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "2"}
        | environment,
    )


TRAIN = """
    import os, pathlib, tiny_training as tiny
    from keras_cnn import script
    from keras_cnn.training import run as training
    training.conclude = tiny.conclude
    {first}
    script(lambda: tiny.run(tiny.recipe(
        pathlib.Path({folder!r}), pathlib.Path({out!r}), schedule="cosine", {options})))
"""


def _train(folder, out, *, first="", backend="jax", **options):
    arguments = ", ".join(f"{key}={value!r}" for key, value in options.items())
    code = TRAIN.format(folder=str(folder), out=str(out), options=arguments, first=first)
    return _python(code, backend=backend)


def _free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _pair(folder, out, **options):
    place = {"coordinator": f"127.0.0.1:{_free_port()}", "processes": 2}
    return [
        _train(folder, out, distribute="data-parallel", process=process, **place, **options)
        for process in range(2)
    ]


def _same_history(out, whole):
    history, expected = tiny.history(out), tiny.history(whole)
    assert len(history["loss"]) == len(expected["loss"]) > 1
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


def _ended(run):
    output = run.communicate(timeout=400)[0]
    assert run.returncode == 0, output[-3000:]
    return output


@pytest.mark.slow
@pytest.mark.parametrize("augment_on", ["host", "device"])
def test_two_jax_processes_train_as_one(tmp_path, augment_on):
    pytest.importorskip("jax")
    folder = tiny.draw(tmp_path / "set")
    options = {"epochs": 3, "augment_on": augment_on}
    _ended(_train(folder, tmp_path / "whole", distribute="none", **options))
    for run in _pair(folder, tmp_path / "out", **options):
        _ended(run)
    _same_history(tmp_path / "out", tmp_path / "whole")
    weights, expected = (
        keras.models.load_model(tmp_path / out / "model.keras").get_weights()
        for out in ("out", "whole")
    )
    for values, expected_values in zip(weights, expected, strict=True):
        np.testing.assert_allclose(values, expected_values, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("augment_on", ["host", "device"])
def test_two_devices_under_mirrored_train_as_one(tmp_path, augment_on):
    folder = tiny.draw(tmp_path / "set")
    options = {"backend": "tensorflow", "epochs": 3, "augment_on": augment_on}
    no_dropout = "tiny.DROPOUT = 0.0"  # each replica draws other numbers
    two_devices = f"{no_dropout}; tiny.two_devices()"
    _ended(_train(folder, tmp_path / "whole", first=no_dropout, distribute="none", **options))
    _ended(_train(folder, tmp_path / "out", first=two_devices, distribute="mirrored", **options))
    _same_history(tmp_path / "out", tmp_path / "whole")


@pytest.mark.slow
def test_the_others_wait_while_the_first_saves_and_reports(tmp_path):
    pytest.importorskip("jax")
    folder = tiny.draw(tmp_path / "set")
    phases = "training.run = functools.partial(training.run, fine_tune=lambda model: None)"
    first = f"import functools; {phases}; tiny.dawdle()"
    for run in _pair(folder, tmp_path / "out", epochs=1, first=first):
        _ended(run)
    assert len(tiny.history(tmp_path / "out")["loss"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "number", "sentence"),
    [
        (0, signal.SIGKILL, "a process of this training was lost"),
        (1, signal.SIGKILL, "a process of this training was lost"),
        (0, signal.SIGTERM, "another task died"),  # JAX's own, which aborts the others
    ],
)
def test_a_lost_process_ends_the_other_and_resume_goes_on(tmp_path, victim, number, sentence):
    pytest.importorskip("jax")
    folder, out = tiny.draw(tmp_path / "set"), tmp_path / "out"
    runs = _pair(folder, out, epochs=5000)
    while not list(out.glob("checkpoint/state_000[5-9].json")):
        time.sleep(0.1)
        assert all(run.poll() is None for run in runs)
    runs[victim].send_signal(number)
    killed = time.monotonic()
    output = runs[1 - victim].communicate(timeout=120)[0]
    assert time.monotonic() - killed < 60
    assert runs[1 - victim].returncode != 0
    assert sentence in output, output[-3000:]
    runs[victim].communicate(timeout=60)
    saved = max(int(path.stem[-4:]) for path in out.glob("checkpoint/state_*.json"))
    for run in _pair(folder, out, epochs=saved + 2, resume=True):
        _ended(run)
    assert len(tiny.history(out)["loss"]) == saved + 2
