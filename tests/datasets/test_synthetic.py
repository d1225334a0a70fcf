import dataclasses
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.errors import InputError

CLASSES = {  # set -> number of classes, pictures of a class in train and in test, side
    "birds": (6, 40, 16, 160),
    "cats_dogs": (2, 80, 40, 160),
    "dogs": (10, 50, 12, 160),
    "faces": (2, 100, 40, 160),
    "fashion_mnist": (10, 100, 30, 28),
    "flowers": (3, 60, 30, 160),
    "flowers17": (17, 24, 6, 160),
}
IMPORT = "from keras_cnn.datasets.synthetic import draw as samples"
DRAW = "import sys; samples.draw(*sys.argv[1:])"


@pytest.fixture
def few(monkeypatch):
    """Make sets small: two training pictures and one test picture per class, six dishes."""
    for name, sample in synthetic._SAMPLES.items():
        monkeypatch.setitem(synthetic._SAMPLES, name, dataclasses.replace(sample, train=2, test=1))
    monkeypatch.setattr(synthetic, "_DISHES", 6)
    monkeypatch.setattr(synthetic.shapes, "SPLIT_SIZES", {"train": 2, "val": 1, "test": 1})


@pytest.fixture
def small(few, small_root):
    """Return a function that draws a small set, once for all tests that only read it."""
    return lambda name: synthetic.draw(name, small_root / name)


@pytest.fixture(scope="session")
def small_root(tmp_path_factory):
    return tmp_path_factory.mktemp("small")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Return a function that draws a full set, once for all tests."""
    root = tmp_path_factory.mktemp("full")
    return lambda name: synthetic.draw(name, root / name)


def _bytes(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", synthetic.NAMES)
def test_a_set_has_the_same_bytes_in_every_run(name, small, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    again = synthetic.draw(name, tmp_path / name)
    assert _bytes(again) == _bytes(small(name)) != {}


def test_another_process_draws_the_same_bytes(small, tmp_path):
    program = (
        f"from keras_cnn.datasets.synthetic import draw as samples; samples._DISHES = 6; {DRAW}"
    )
    subprocess.run([sys.executable, "-c", program, "foodscore", str(tmp_path / "set")], check=True)
    assert _bytes(tmp_path / "set") == _bytes(small("foodscore"))


def test_more_pictures_do_not_change_the_others(few, small, tmp_path, monkeypatch):
    fewer = _bytes(small("faces"))
    sample = dataclasses.replace(synthetic._SAMPLES["faces"], train=3)
    monkeypatch.setitem(synthetic._SAMPLES, "faces", sample)
    more = _bytes(synthetic.draw("faces", tmp_path / "faces"))
    assert more.items() > fewer.items()


@pytest.mark.parametrize("name", CLASSES)
def test_the_layout_is_that_of_the_real_set(name, small):
    folder = small(name)
    classes = sorted(synthetic._SAMPLES[name].classes)
    side = CLASSES[name][-1]
    assert sorted(path.name for path in folder.iterdir()) == ["test", "train"]
    for split, count in (("train", 2), ("test", 1)):
        assert sorted(path.name for path in (folder / split).iterdir()) == classes
        for label in classes:
            files = sorted((folder / split / label).iterdir())
            assert len(files) == count
            picture = cv2.imread(str(files[0]), cv2.IMREAD_UNCHANGED)
            assert picture.shape == ((28, 28) if side == 28 else (side, side, 3))


@pytest.mark.parametrize("name", CLASSES)
def test_there_are_enough_pictures_for_a_score(name):
    sample = synthetic._SAMPLES[name]
    assert (len(sample.classes), sample.train, sample.test, sample.side) == CLASSES[name]
    assert len(sample.classes) * sample.test >= 80


def test_dishes_have_a_picture_for_each_score(small):
    folder = small("foodscore")
    table = pd.read_csv(folder / "FoodScore.csv")
    assert list(table.columns) == ["ID", "score"]
    assert table["ID"].is_unique and table["score"].between(1, 5).all()
    drawn = {path.name for path in (folder / "data_foodscore").iterdir()}
    assert drawn == {f"{identifier}.jpg" for identifier in table["ID"]}
    picture = cv2.imread(str(folder / "data_foodscore" / "pic1.jpg"))
    assert picture.shape == (240, 320, 3)


def test_garments_have_the_class_names_of_fashion_mnist():
    datasets = pytest.importorskip("keras_cnn.datasets")
    names = set(datasets.CATALOGUE["fashion_mnist"].classes)
    assert set(synthetic._SAMPLES["fashion_mnist"].classes) == names


@pytest.mark.parametrize("name", CLASSES)
def test_no_picture_is_in_both_train_and_test(name, small):
    contents = list(_bytes(small(name)).values())
    assert len(contents) == len(set(contents))


def test_a_set_that_exists_is_not_changed(few, tmp_path):
    folder = synthetic.draw("birds", tmp_path / "birds")
    (folder / "mine.txt").write_text("kept")
    assert synthetic.draw("birds", folder) == folder
    assert (folder / "mine.txt").read_text() == "kept"


def test_an_empty_folder_is_filled(few, tmp_path):
    (tmp_path / "birds").mkdir()
    assert (synthetic.draw("birds", tmp_path / "birds") / "train").is_dir()


def test_the_slower_of_two_programs_uses_the_set_of_the_faster(few, tmp_path, monkeypatch):
    folder, draw_classes = tmp_path / "birds", synthetic._draw_classes

    def draw_slowly(name, drawn):
        draw_classes(name, drawn)
        (folder / "train").mkdir(parents=True)  # another program has finished meanwhile

    monkeypatch.setattr(synthetic, "_draw_classes", draw_slowly)
    assert synthetic.draw("birds", folder) == folder
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failed_drawing_leaves_nothing(few, tmp_path, monkeypatch):
    def fail(picture, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(synthetic, "_save", fail)
    with pytest.raises(InputError, match="No space left on device.*KERAS_CNN_DATA"):
        synthetic.draw("birds", tmp_path / "birds")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL needs POSIX")
def test_a_killed_drawing_never_looks_complete(few, tmp_path):
    folder = tmp_path / "flowers17"
    program = f"{IMPORT}; {DRAW}"
    program = subprocess.Popen([sys.executable, "-c", program, "flowers17", str(folder)])
    deadline = time.monotonic() + 60
    while not any(tmp_path.rglob("*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.02)
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert any(tmp_path.rglob("*.jpg")), "the program was killed before it drew anything"
    assert not folder.exists()
    assert all(path.name.startswith(".") for path in tmp_path.iterdir())  # only the work folder
    assert (synthetic.draw("flowers17", folder) / "test").is_dir()


def test_an_unknown_sample_is_refused_with_the_known_names(tmp_path):
    with pytest.raises(InputError, match="'birds'.*received 'fish'"):
        synthetic.draw("fish", tmp_path / "fish")


def test_a_file_at_the_folders_path_is_reported(few, tmp_path):
    (tmp_path / "birds").write_text("")
    with pytest.raises(InputError, match="KERAS_CNN_DATA"):
        synthetic.draw("birds", tmp_path / "birds")


def _read(folder, split):
    paths = sorted(path for path in (folder / split).rglob("*") if path.is_file())
    return [cv2.imread(str(path)) for path in paths], [path.parent.name for path in paths]


def _histogram(picture):
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, [12, 4, 4], [0, 180, 0, 256, 0, 256]).ravel()
    return np.sqrt(counts / counts.sum())


def _grey(picture):
    """Return the local contrast of the picture without its colour, float32 (64, 64)."""
    small = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    grey -= cv2.GaussianBlur(grey, (0, 0), 4)
    return grey / (grey.std() + 8)


def _patch_model(train, test):
    """Return the features of a tiny network without colour: random training patches as filters."""
    rng = np.random.default_rng(0)
    pictures = [_grey(picture) for picture in train]
    corners = rng.integers(4, 52, (128, 2))
    chosen = rng.integers(len(pictures), size=128)
    patches = [pictures[n][y : y + 7, x : x + 7] for n, (y, x) in zip(chosen, corners, strict=True)]
    filters = [patch - patch.mean() for patch in patches]
    filters = [patch / (np.linalg.norm(patch) + 0.1) for patch in filters]

    def features(grey):
        maps = np.stack([cv2.filter2D(grey, -1, patch) for patch in filters])
        pooled = np.maximum(maps - 0.5, 0).reshape(-1, 2, 32, 2, 32).mean((2, 4))
        return np.concatenate([pooled.ravel(), maps.max((1, 2))])

    return (
        np.array([features(picture) for picture in pictures]),
        np.array([features(_grey(picture)) for picture in test]),
    )


def _accuracy(x, y, x_test, y_test, *, strength):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
    return model.fit(x, y).score(x_test, y_test)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
def test_a_small_model_learns_the_trait_without_colour(name, drawn):
    (train, labels), (test, answers) = _read(drawn(name), "train"), _read(drawn(name), "test")
    x, x_test = _patch_model(train, test)
    accuracy = _accuracy(x, labels, x_test, answers, strength=0.1)
    chance = 1 / CLASSES[name][0]
    deviation = np.sqrt(chance * (1 - chance) / len(answers))
    print(f"{name}: patches {accuracy:.2f}")
    assert accuracy > chance + 3 * deviation


# By default only birds: drawing every set takes minutes.
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n == "birds" else pytest.mark.slow) for n in CLASSES],
)
def test_colours_alone_do_not_solve_a_set(name, drawn):
    (train, labels), (test, answers) = _read(drawn(name), "train"), _read(drawn(name), "test")
    x, x_test = ([_histogram(picture) for picture in split] for split in (train, test))
    accuracies = [_accuracy(x, labels, x_test, answers, strength=c) for c in (0.01, 0.1, 1)]
    print(f"{name}: histograms {max(accuracies):.2f}")
    assert max(accuracies) < 0.8


@pytest.mark.slow
def test_scores_of_dishes_can_be_predicted_from_pixels(drawn):
    table = pd.read_csv(drawn("foodscore") / "FoodScore.csv")
    folder = drawn("foodscore") / "data_foodscore"
    x = np.array(
        [
            cv2.resize(cv2.imread(str(folder / f"{name}.jpg")), (32, 32)).ravel() / 255
            for name in table["ID"]
        ]
    )
    guessed = cross_val_predict(RidgeCV(np.logspace(-2, 4, 7)), x, table["score"], cv=5)
    explained = 1 - np.mean((guessed - table["score"]) ** 2) / table["score"].var()
    print(f"foodscore: R2 {explained:.2f}")
    assert 0.3 < explained < 0.9
