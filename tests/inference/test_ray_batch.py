"""Predictions by Ray equal those of a single process."""

import json
import os
import subprocess
import sys

import pytest
from tiny_networks import gap_network as network

from keras_cnn import ImageDataGenerator, InputError, Predictor, Recipe
from keras_cnn.cli import main
from keras_cnn.inference import ray_batch
from keras_cnn.splits import classification_splits


@pytest.fixture
def run(stripes, tmp_path):
    recipe = Recipe(name="case", dataset="stripes", data=stripes, image_size=20)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    (tmp_path / "run").mkdir()
    splits.save(network((20, 20, 3), 2), tmp_path / "run" / "model.keras")
    return tmp_path / "run"


def test_a_worker_returns_a_row_for_each_path(run, stripes):
    paths = sorted(map(str, (stripes / "test").rglob("*.png")))[:5]
    bad = str(stripes / "none.png")
    columns = ray_batch.Worker(run)({"path": [*paths[:2], bad, *paths[2:]]})
    assert columns["path"] == [*paths[:2], bad, *paths[2:]]
    assert columns["class"][2] is None and "no such file" in columns["error"][2]
    alone = Predictor.load(run)(paths)
    assert columns["class"][3:] == [answer.top(1)[0][0] for answer in alone[2:]]
    assert columns["error"][:2] == [None, None]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_two_workers_answer_as_a_single_process(run, stripes, tmp_path):
    pytest.importorskip("ray")
    parquet = pytest.importorskip("pyarrow.parquet")
    (stripes / "test" / "lying" / "bad.png").write_text("no picture")
    out = tmp_path / "answers"
    command = [sys.executable, "-m", "keras_cnn", "predict", str(run), str(stripes / "test")]
    engine = ["--engine", "ray", "--workers", "2", "--batch-size", "4", "--out", str(out)]
    environment = os.environ | {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    shown = subprocess.run(
        [*command, *engine], capture_output=True, text=True, env=environment, timeout=300
    )
    assert shown.returncode == 2, shown.stderr  # one picture is bad
    assert "17 pictures answered, 1 of them cannot be read" in shown.stdout
    rows = {row["path"]: row for row in parquet.read_table(out).to_pylist()}
    alone = subprocess.run([*command, "--json"], capture_output=True, text=True, env=environment)
    for answer in json.loads(alone.stdout):
        row = rows.pop(os.path.abspath(answer["path"]))
        assert row["class"] == answer["class"]
        assert row["score"] == pytest.approx(answer["score"], abs=1e-5)
    ((path, row),) = rows.items()
    assert path.endswith("bad.png") and "it is no picture" in row["error"]


def test_ray_without_out_or_without_its_package_is_refused(
    run, stripes, tmp_path, capsys, monkeypatch
):
    command = ["predict", str(run), str(stripes / "test"), "--engine", "ray"]
    assert main(command) == 2
    assert "--engine ray needs --out" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'keras-cnn[ray]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_empty_is_refused(run, stripes):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match="must be a new or empty folder"):
        ray_batch.predict(run, [], out=stripes)
