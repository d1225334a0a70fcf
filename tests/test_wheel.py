"""The sdist builds a wheel, and the wheel works in an environment outside the checkout."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import keras_cnn

ROOT = Path(keras_cnn.__file__).resolve().parents[1]
HIDING = ("PYTHONPATH", "KERAS_CNN_DATA")  # they may lead to the checkout
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in HIDING}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the folder of an sdist and of the wheel that is built from it."""
    pytest.importorskip("build")
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    build = subprocess.run(command, capture_output=True, text=True)
    assert build.returncode == 0, build.stdout + build.stderr
    return folder


@pytest.fixture(scope="module")
def python(built, tmp_path_factory):
    """Return Python of an environment with the wheel; the dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, env=ENVIRONMENT)
    (own,) = folder.glob("[Ll]ib/**/site-packages")
    others = [path for path in sys.path if Path(path).name == "site-packages"]
    (own / "dependencies.pth").write_text("\n".join(others))
    return python


@pytest.fixture
def run(python, tmp_path):
    """Return a function that runs Python in an empty folder and returns what it prints."""
    mine = {"KERAS_HOME": str(tmp_path / "home"), "PYTHONIOENCODING": "utf-8"}
    folder = tmp_path / "elsewhere"
    folder.mkdir()

    def run_python(*words):
        done = subprocess.run(
            [str(python), *words],
            cwd=folder,
            env=ENVIRONMENT | mine,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_python


def test_the_sdist_has_the_tests_and_no_real_data(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/conftest.py", "cases/digits_softmax.py", "CITATION.cff"} < names
    tops = {name.split("/")[1] for name in names if name.startswith("data/")}
    assert tops == {"README.md", "samples"} and not any("__pycache__" in name for name in names)


def test_the_wheel_carries_its_licences(built):
    (path,) = built.glob("*.whl")
    names = zipfile.ZipFile(path).namelist()
    for end in ("licenses/LICENSE", "report/font/OFL.txt", "samples/calligraphy/LICENSES.md"):
        assert any(name.endswith(end) for name in names)


def test_the_wheel_lists_its_cases(run):
    listed = run("-m", "keras_cnn", "case")
    names = {path.stem for path in (ROOT / "cases").glob("*.py")}
    assert {line.split()[0] for line in listed.splitlines()} == names
    assert str(ROOT) not in run("-c", "import keras_cnn; print(keras_cnn.__file__)")


def test_a_case_of_the_wheel_trains_on_its_sample(run, tmp_path):
    options = ("--epochs", "1", "--image-size", "67", "--cache", "none")
    run("-m", "keras_cnn.cases", "calligraphy_alexnet", *options)
    assert (tmp_path / "elsewhere/runs/calligraphy_alexnet/report.html").is_file()
