"""Wrong labels are found, listed for correction, and corrected by the command."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from small_base import spread_of_rows_and_columns

from keras_cnn import InputError, card, models
from keras_cnn.cli import main
from keras_cnn.images.scaling import Scaling
from keras_cnn.transfer import Base, label_errors, labelled_features

SPREAD = Base(spread_of_rows_and_columns, Scaling(rescale=1 / 255))


@pytest.fixture
def swapped(stripes):
    """Return a function that puts pictures of stripes into the folder of the other class."""

    def swap(*indices, split="train"):
        files = []
        for number, index in enumerate(indices):
            own, other = ("lying", "upright")[:: 1 - 2 * (number % 2)]
            path = stripes / split / own / f"pen_u{index:04x}.png"
            shutil.move(path, stripes / split / other / f"wrong{index}.png")
            files.append(f"{split}/{other}/wrong{index}.png")
        return files

    return swap


def _blobs(*, pictures=60, wrong=3):
    """Features of three classes, of which some pictures have the label of the next class."""
    rng = np.random.default_rng(0)
    labels = np.arange(pictures) % 3
    features = rng.normal(size=(pictures, 5)) + 4 * np.eye(3, 5)[labels]
    labels[:wrong] = (labels[:wrong] + 1) % 3
    return features, labels, np.arange(pictures)


def test_probabilities_are_those_of_scikit_learns_cross_validation(monkeypatch):
    features, labels, groups = _blobs()
    groups[30:40] = 30
    monkeypatch.setattr(label_errors, "PENALTIES", [0.1 * 48])
    x = (features - features.mean(0)) / features.std(0)
    folds = list(StratifiedGroupKFold(5, shuffle=True, random_state=0).split(x, labels, groups))
    expected = np.empty((60, 3))
    for train, test in folds:
        model = LogisticRegression(C=0.1 * 48 / len(train), max_iter=2000)
        answers = cross_val_predict(
            model, x, labels, cv=[(train, test)] + _rest(test), method="predict_proba"
        )
        expected[test] = answers[test]
    actual = label_errors.out_of_fold(features, labels, groups)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def _rest(test):
    """The folds that complete a partition; their answers are not used."""
    others = np.setdiff1d(np.arange(60), test)
    return [(test, others)]


def test_the_penalty_with_the_lowest_cross_entropy_is_taken(monkeypatch):
    features, labels, groups = _blobs()
    chosen, tried = label_errors.out_of_fold(features, labels, groups), []
    for penalty in label_errors.PENALTIES:
        monkeypatch.setattr(label_errors, "PENALTIES", [penalty])
        tried.append(label_errors.out_of_fold(features, labels, groups))
    best = np.argmin([log_loss(labels, probabilities) for probabilities in tried])
    assert 0 < best < len(tried) - 1
    np.testing.assert_array_equal(chosen, tried[best])


def test_the_margin_is_the_probability_of_the_label_minus_the_best_other():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.7, 0.2, 0.1]])
    margins = label_errors.margin(probabilities, np.array([0, 1, 2]))
    np.testing.assert_allclose(margins, [0.5, -0.5, -0.6])


def test_a_copy_does_not_confirm_the_wrong_label_of_its_twin(monkeypatch):
    monkeypatch.setattr(label_errors, "PENALTIES", [1.0])
    features, labels, groups = _blobs(wrong=0)
    features, labels = np.concatenate([features, features[:12]]), np.append(labels, labels[:12])
    labels[[0, 60]] = 1
    together = np.append(groups, groups[:12])
    apart = np.arange(72)
    own = [label_errors.out_of_fold(features, labels, g)[0, 1] for g in (together, apart)]
    assert own[0] < own[1]


def test_a_picture_whose_class_was_not_learnt_keeps_its_label(monkeypatch):
    features, labels, groups = _blobs(wrong=0)
    labels[:2] = 3
    halves = np.array_split(groups, 2)
    monkeypatch.setattr(
        label_errors.StratifiedGroupKFold, "split", lambda *_: [halves, halves[::-1]]
    )
    probabilities = label_errors.out_of_fold(features, labels, groups)
    np.testing.assert_array_equal(probabilities[:2], np.eye(4)[[3, 3]])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_swapped_labels_come_first_with_the_right_class(stripes, swapped):
    wrong = [*swapped(1, 4, 7), *swapped(2, 5, split="test")]
    pictures = labelled_features.read(stripes, base=SPREAD, image_size=24)
    ranked = label_errors.suspects(pictures)
    assert len(ranked) == 56 and ranked["rank"].tolist() == list(range(1, 57))
    first = ranked.head(5)
    assert sorted(first["file"]) == sorted(wrong)
    assert (ranked["likely"] != ranked["label"]).all() and (first["probability"] > 0.5).all()
    assert (first["file"].str.split("/").str[1] == first["label"]).all()


def test_features_are_the_means_of_the_last_map_of_each_of_the_last_three_resolutions():
    base = models.MobileNet(include_top=False, weights=None, input_shape=(64, 64, 3), alpha=0.25)
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype("float32")
    names = ("conv_pw_5_relu", "conv_pw_11_relu", "conv_pw_13_relu")
    maps = keras.Model(base.inputs[0], [base.get_layer(name).output for name in names])
    expected = [np.asarray(each).mean(axis=(1, 2)) for each in maps.predict_on_batch(pixels)]
    actual = labelled_features.feature_means(base).predict_on_batch(pixels)
    np.testing.assert_allclose(actual, np.concatenate(expected, axis=1), atol=1e-5)


def test_an_output_that_is_no_feature_map_is_part_of_the_features():
    base = spread_of_rows_and_columns(input_shape=(24, 24, 3))
    assert labelled_features.feature_means(base).output_shape == (None, 2)
    image = keras.Input((24, 24, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    base = keras.Model(image, keras.layers.Dense(3)(x))
    assert labelled_features.feature_means(base).output_shape == (None, 4 + 3)


def test_a_set_that_cannot_be_judged_is_refused(stripes):
    shutil.rmtree(stripes / "test")
    for split in ("train",):
        for path in sorted((stripes / split / "lying").iterdir())[1:]:
            path.unlink()
    shutil.copy(next((stripes / "train/lying").iterdir()), stripes / "train/lying/copy.png")
    pictures = labelled_features.read(stripes, base=SPREAD, image_size=24)
    with pytest.raises(InputError, match="no copies of one another; 'lying' has 1: add pictures"):
        label_errors.suspects(pictures)
    shutil.rmtree(stripes / "train/lying")
    pictures = labelled_features.read(stripes, base=SPREAD, image_size=24)
    with pytest.raises(InputError, match="there is only 'upright': add a class"):
        label_errors.suspects(pictures)


def test_without_a_pretrained_network_the_way_out_is_told(stripes, monkeypatch):
    monkeypatch.setattr(labelled_features, "available_base", lambda: (None, "none (offline)"))
    with pytest.raises(InputError, match="need a pretrained network, and none .offline.: name a f"):
        labelled_features.read(stripes)


@pytest.fixture
def weights(run, tmp_path, monkeypatch):
    """Return the words of a small network, and keep the user's cache clean."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    its_card = card.read(run / "model.keras")
    models.book.LeNet5(input_shape=(24, 24, 3), classes=2).save(run / "model.keras")
    card.write(run / "model.keras", its_card)
    return ["--weights", str(run), "--image-size", "24"]


def test_the_command_lists_draws_moves_and_moves_back(weights, stripes, swapped, tmp_path, capsys):
    swapped(1, 4)
    (stripes / "train/lying/bad.png").write_bytes(b"no picture")
    before = sorted(path for path in stripes.rglob("*"))
    out = tmp_path / "runs" / f"{stripes.name}_clean"
    assert main(["clean", str(stripes), *weights]) == 0
    shown = capsys.readouterr()
    assert "56 pictures of 2 classes; the network of" in shown.out
    assert "left out: train/lying/bad.png" in shown.err
    text = (out / "suspects.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(text.decode("utf-8-sig").splitlines()))
    assert list(rows[0]) == ["rank", "file", "label", "likely", "probability", "label_probability"]
    assert len(rows) == 6  # a tenth
    with Image.open(out / "suspects.png") as drawn:
        assert drawn.height > drawn.width / 3
    # As it is, the table moves nothing; edited, it moves what was edited.
    apply = ["clean", str(stripes), "--apply", str(out / "suspects.csv")]
    assert main(apply) == 0 and "0 pictures moved" in capsys.readouterr().out
    assert sorted(stripes.rglob("*")) == before
    rows[0]["label"], rows[1]["label"] = rows[0]["likely"], "quarantine"
    with open(out / "suspects.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert main([*apply, "--json"]) == 0
    moved = json.loads(capsys.readouterr().out)["moves"]
    assert [source for source, _ in moved] == [rows[0]["file"], rows[1]["file"]]
    assert main(["clean", str(stripes), *weights, "--share", "0.5", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["suspects"]) == round(answer["pictures"] / 2)
    assert (out / "suspects_before.csv").exists()  # what the user has edited is kept
    assert main(["clean", str(stripes), "--undo"]) == 0
    assert "2 pictures moved back" in capsys.readouterr().out
    assert sorted(stripes.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--apply", "a.csv", "--undo"], "leave out one of the two"),
        (["--apply", "a.csv", "--share", "0.2"], "--share is for the search"),
        (["--undo", "--weights", "imagenet"], "--weights is for the search"),
        (["--undo"], "there is nothing to undo"),
        (["--apply", "absent.csv"], "cannot read absent.csv: no such file"),
        (["--model", "mobilenet"], "--model needs --weights"),
        (["--alpha", "0.25"], "--alpha belongs to a network: add --model NAME"),
        (["--weights", "absent.h5"], "there is no 'absent.h5'"),
        (["--out", "{folder}/train/lying/pen_u0000.png/out"], "must be a folder that can be writ"),
    ],
)
def test_options_that_contradict_one_another_are_refused(stripes, capsys, words, message):
    words = [word.format(folder=stripes) for word in words]
    assert main(["clean", str(stripes), *words]) == 2
    assert message in capsys.readouterr().err
