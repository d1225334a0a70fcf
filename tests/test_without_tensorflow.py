"""On JAX and PyTorch the package works on a machine without TensorFlow."""

import importlib.util
import os
import subprocess
import sys

import pytest

HIDE = """
import importlib.machinery
import sys

find = importlib.machinery.PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] == "tensorflow" else find(name, path, target)

importlib.machinery.PathFinder.find_spec = find_spec
from keras_cnn.cli import main

for words in {commands}:
    code = main(words)
    if code:
        sys.exit(code)
print("tensorflow" in sys.modules)
"""


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_without_tensorflow_a_network_is_trained_and_used(name, stripes, tmp_path):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    run = str(tmp_path / "run")
    network = "--model book.lenet5 --image-size 32 --epochs 1".split()
    commands = [
        ["train", str(stripes), *network, "--out", run],
        ["predict", run, str(stripes / "test")],
    ]
    shown = subprocess.run(
        [sys.executable, "-c", HIDE.format(commands=commands)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "KERAS_BACKEND": name},
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines()[-1] == "False"
