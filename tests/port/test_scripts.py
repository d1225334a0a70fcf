"""Scripts in the style of 2015 to 2022 run on Keras 3 once they are ported."""

import importlib.util
import json
import runpy
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from keras_breakers import breakers
from PIL import Image

pytest.importorskip("libcst")
from keras_cnn.port import notebooks, rewriting

SCRIPTS = sorted((Path(__file__).parent / "scripts").iterdir())
FAST = ("keras1_cats_dogs", "keras2_flow_from_directory", "keras2_segmentation_pair")
FAST += ("notebook_cats_dogs", "tfkeras_flow")
NEEDS_LEGACY = ("keras2_preprocessing_module", "notebook_tf2")
RUN_TIME_ONLY = (  # what breaks them shows only when they run
    "keras2_multi_output",
    "tfkeras_compat_session",
    "tfkeras_custom_layer",
    "tfkeras_string_steps",
)
LISTED = {  # script -> part of the reason of a line that is not mended
    "keras1_vgg": "saved with TensorFlow",
    "keras2_multi_gpu": "one device",
    "keras2_callback": None,
}


def _skip_without_legacy(path):
    if path.stem in NEEDS_LEGACY and importlib.util.find_spec("keras_cnn.legacy") is None:
        pytest.skip("keras_cnn.legacy is not there")


def port(path):
    """Return a script after the command, and the findings; a notebook's magics become ``pass``."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return rewriting.port(text)
    new, findings = notebooks.port_notebook(text)
    sources = ["".join(c["source"]) for c in json.loads(new)["cells"] if c["cell_type"] == "code"]
    return "\n".join(notebooks._as_python(source, [])[0] for source in sources), findings


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder with the pictures and the table that the scripts read."""
    rng = np.random.default_rng(0)
    rows = ["name,label,size"]
    for place in (
        "data/train/a",
        "data/train/b",
        "data/val/a",
        "data/val/b",
        "pairs/image",
        "pairs/mask",
    ):
        (tmp_path / place).mkdir(parents=True)
        for index in range(6 if "train" in place else 4):
            pixels = rng.integers(0, 255, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / place / f"{index}.png")
            if "train" in place:
                label = place[-1]
                rows.append(f"{label}/{index}.png,{label},{index}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["script.py"])
    return tmp_path


def _run(path, folder):
    code, _ = port(path)
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="Your input ran out of data")
        runpy.run_path(str(script), run_name="__main__")
    keras.backend.clear_session()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_ported_script_has_no_known_breaker_and_a_second_run_changes_nothing(path):
    _skip_without_legacy(path)
    code, findings = port(path)
    assert breakers(code) == []
    assert rewriting.port(code)[0] == code
    if path.stem not in LISTED:
        assert findings == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_is_broken_before(path):
    if path.suffix == ".py" and path.stem not in RUN_TIME_ONLY:
        assert breakers(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.stem in FAST else pytest.mark.slow, id=path.stem)
        for path in SCRIPTS
    ],
)
def test_a_ported_script_runs(path, folder):
    _skip_without_legacy(path)
    _run(path, folder)
