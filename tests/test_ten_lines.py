"""README's ten lines on real photographs, with published weights that a mirror serves."""

import os
import re
import shutil
from pathlib import Path

import documentation
import pytest
from download_server import running, tree

NAME = "mobilenet_2_5_224_tf_no_top.h5"


@pytest.fixture
def pets(tmp_path, monkeypatch):
    """Enter a folder with 64 photographs to train and 24 to test."""
    data = Path(os.environ.get("KERAS_CNN_DATA", ""))
    if not (data / "weights" / NAME).is_file() or not (data / "cats_dogs").is_dir():
        pytest.skip("needs weights and cats_dogs in KERAS_CNN_DATA")
    for split, count in (("train", 32), ("test", 12)):
        for label in ("cat", "dog"):
            folder = tmp_path / "pets" / split / label
            folder.mkdir(parents=True)
            for path in sorted((data / "cats_dogs" / split / label).iterdir())[:count]:
                shutil.copy(path, folder)
    cats = sorted((data / "cats_dogs" / "test" / "cat").iterdir())[12:15]
    shutil.copy(cats[0], tmp_path / "cat.jpg")
    (tmp_path / "list.txt").write_text("\n".join(map(str, cats[1:])))
    monkeypatch.chdir(tmp_path)
    return (data / "weights" / NAME).read_bytes()


def test_the_ten_lines_tell_cats_from_dogs(pets, cache, undrawn, monkeypatch, capsys):
    pytest.importorskip("tf2onnx")
    (lines,) = [e.text for e in documentation.python_blocks() if "transfer.Base.of" in e.text]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    names = {}
    with running({f"models/{NAME}": pets}) as mirror:
        monkeypatch.setenv("KERAS_CNN_MIRRORS", mirror.url)
        exec(lines.replace("epochs=5", "epochs=1, batch_size=4, learning_rate=0.01"), names)
        assert mirror.requests == [f"/models/{NAME}"]
    assert tree(cache) == {NAME: pets}
    assert names["result"]["test"]["accuracy"] >= 0.75  # 0.875; 0.5 by chance
    printed = capsys.readouterr().out
    assert re.search(r"^\[\('(cat|dog)', 0\.\d+\), ", printed, re.M)
    assert len(re.findall(r"^\S+/cat\.\d+\.jpg (?:cat|dog) 0\.\d+$", printed, re.M)) == 2
    assert Path("runs/pets/export_onnx/model.onnx").is_file()
