"""Unknown pictures: the scores that tell them, their threshold, and the entry in a saved model."""

import dataclasses
import io
import json
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import special
from scipy.spatial import distance
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from keras_cnn import InputError, Predictor, card
from keras_cnn.card import Card
from keras_cnn.cli import main
from keras_cnn.images.preparation import Preparation, Scaling
from keras_cnn.inference import left_out, unknown
from keras_cnn.inference.unknown import Pictures, Unknown
from keras_cnn.models import surgery


def _clusters(centres, *, number, spread=0.3, seed=0):
    """Return Gaussian pictures around centres; logits are minus half the squared distances."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(centres)), number)
    features = centres[labels] + spread * rng.normal(size=(len(labels), centres.shape[1]))
    logits = -(np.linalg.norm(features[:, None] - centres, axis=2) ** 2) / 2
    return Pictures(features.astype(np.float32), logits.astype(np.float32), labels)


def _splits(centres, **options):
    return [
        _clusters(centres, number=number, seed=seed, **options)
        for seed, number in enumerate((40, 20, 30))
    ]


# Scores


def test_auroc_is_the_share_of_pairs_in_order_and_false_answers_are_counted():
    rng = np.random.default_rng(1)
    values, is_unknown = rng.normal(size=90).round(1), rng.random(90) < 0.4  # with ties
    auroc, false = left_out.score(values, is_unknown)
    own, others = values[is_unknown], values[~is_unknown]
    pairs = (own[:, None] > others) + 0.5 * (own[:, None] == others)
    assert auroc == pytest.approx(pairs.mean())
    limit = np.sort(others)[int(np.ceil(0.95 * len(others))) - 1]
    assert false == pytest.approx(np.mean(own <= limit))


@pytest.mark.parametrize("number", [1, 2, 19, 20, 21, 40, 100])
def test_the_threshold_is_the_lowest_that_keeps_95_percent(number):
    values = np.random.default_rng(0).permutation(number).astype(float)
    assert unknown.threshold(values) == np.ceil(0.95 * number) - 1
    assert np.mean(values <= unknown.threshold(values)) >= 0.95


def test_the_odds_are_those_against_the_most_probable_class():
    logits = np.random.default_rng(0).normal(size=(6, 4))
    highest = special.softmax(logits, axis=1).max(axis=1)
    np.testing.assert_allclose(unknown.odds(logits), np.log((1 - highest) / highest))
    np.testing.assert_allclose(unknown.odds(np.full((2, 5), 7.0)), np.log(4))
    assert unknown.odds(np.array([[900.0, 0, 0]]))[0] == pytest.approx(np.log(2) - 900)
    assert unknown.odds(np.ones((3, 1))).tolist() == [0, 0, 0]


@pytest.mark.parametrize("width", [6, 40])
def test_the_distance_is_mahalanobis_to_the_nearest_class_centre(width):
    rng = np.random.default_rng(0)
    basis, labels = rng.normal(size=(width, width)), np.arange(300) % 3
    vectors = (rng.normal(size=(300, width)) + 3 * np.eye(3, width)[labels]) @ basis
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    train, classes = vectors[:200], labels[:200]
    detector = Unknown.of(Pictures(7 * train, np.zeros((200, 3)), classes))
    centres = np.stack([train[classes == k].mean(axis=0) for k in range(3)])
    spread, _ = ledoit_wolf(train - centres[classes], assume_centered=True)
    metric = np.linalg.inv(spread)
    expected = [
        min(distance.mahalanobis(row, centre, metric) ** 2 for centre in centres)
        for row in vectors[200:]
    ]
    found, _ = detector._parts(3 * vectors[200:], np.zeros((100, 3)))
    np.testing.assert_allclose(found / found.mean(), expected / np.mean(expected), rtol=0.02)


def test_what_is_kept_of_wide_features_is_small():
    rng = np.random.default_rng(0)
    labels = np.arange(150) % 3
    features = rng.normal(size=(150, 4096)) + 5 * np.eye(3, 4096)[labels]
    detector = Unknown.of(Pictures(features, np.zeros((150, 3)), labels))
    assert detector.axes.shape == (64, 4096)
    assert (
        sum(np.asarray(value).nbytes for value in dataclasses.asdict(detector).values()) < 600_000
    )


def test_a_class_apart_from_the_others_is_told_and_one_like_the_others_is_not():
    _, apart = left_out.choose(*_splits(np.eye(4) * 3))
    assert apart["auroc"] > 0.99 and apart["false_answers"] < 0.05
    assert apart["left_out"] == apart["classes"] == 4 and apart["pictures"] == 120
    alike = _splits(np.ones((4, 5)))
    _, alike = left_out.choose(*alike)
    assert alike["auroc"] == pytest.approx(0.5, abs=0.08)
    assert alike["false_answers"] == pytest.approx(0.95, abs=0.06)


def test_the_method_that_tells_better_on_validation_pictures_is_taken():
    train, validation, test = _splits(np.eye(4) * 3)
    assert left_out.choose(train, validation, test)[0].method in unknown.METHODS
    rng = np.random.default_rng(0)
    noise = [
        dataclasses.replace(each, logits=rng.normal(size=each.logits.shape))
        for each in (train, validation, test)
    ]
    assert left_out.choose(*noise)[0].method == "distance"
    blind = [
        dataclasses.replace(each, features=rng.normal(size=each.features.shape))
        for each in (train, validation, test)
    ]
    assert left_out.choose(*blind)[0].method == "both"


def test_max_softmax_is_measured_without_the_logit_of_the_class_left_out():
    train, validation, test = _splits(np.eye(3) * 3, spread=1.0)
    _, measured = left_out.choose(train, validation, test)
    expected = []
    for label in range(3):
        probabilities = special.softmax(np.delete(test.logits, label, axis=1), axis=1)
        pairs = roc_auc_score(test.labels == label, -probabilities.max(axis=1))
        expected.append(pairs)
    assert measured["softmax_auroc"] == pytest.approx(np.mean(expected))
    gain = measured["auroc"] - measured["softmax_auroc"]
    assert measured["gain_auroc"] == pytest.approx(gain)


def test_of_two_classes_max_softmax_tells_nothing_and_the_distance_is_taken():
    detector, measured = left_out.choose(*_splits(np.eye(2) * 3))
    assert detector.method == "distance" and measured["auroc"] > 0.99
    assert (measured["softmax_auroc"], measured["softmax_false_answers"]) == (0.5, 1.0)


def test_a_test_of_one_class_measures_nothing_but_the_share_that_is_kept():
    train, validation, test = _splits(np.eye(3) * 3)
    alone = Pictures(test.features[:30], test.logits[:30], test.labels[:30])
    _, measured = left_out.choose(train, validation, alone)
    assert "auroc" not in measured and 0.7 < measured["kept"] <= 1


@pytest.mark.parametrize("method", unknown.METHODS)
def test_the_threshold_keeps_its_share_of_new_pictures(method):
    train, validation, _ = _splits(np.eye(4) * 3)
    detector = Unknown.of(train).adjusted(validation, method=method)
    kept = detector.unlikeness(validation.features, validation.logits) <= 0
    assert kept.sum() == 76  # of 80
    new = _clusters(np.eye(4) * 3, number=500, seed=9)
    assert np.mean(detector.unlikeness(new.features, new.logits) <= 0) == pytest.approx(
        0.95, abs=0.04
    )
    assert (detector.unlikeness(-new.features, new.logits) > 0).all()


def test_features_that_cannot_be_used_are_refused():
    train, validation, test = _splits(np.eye(3))
    same = dataclasses.replace(train, features=np.ones_like(train.features))
    with pytest.raises(InputError, match="all pictures of a class are the same"):
        left_out.choose(same, validation, test)
    for name in ("features", "logits"):
        broken = getattr(train, name).copy()
        broken[0, 0] = np.nan
        with pytest.raises(InputError, match="not all finite"):
            dataclasses.replace(train, **{name: broken})
    wide = dataclasses.replace(train, features=np.ones((120, unknown.WIDEST + 1), np.float16))
    with pytest.raises(InputError, match="32,769 features, more than"):
        Unknown.of(wide)


# The entry in a saved model

_ARRAYS = {
    "mean": np.zeros(3, np.float32),
    "axes": np.eye(3, dtype=np.float16),
    "centres": np.array([[1, 0, 0]], np.float32),
    "scales": np.array([0, 1, 0, 1], np.float32),
}


@pytest.fixture
def saved(tmp_path):
    """Return a saved classifier whose features are the mean red and green, and its Unknown.

    The only class centre is red; a squared distance above 0.5 is unknown.
    """
    inputs = keras.Input((8, 8, 3))
    features = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(features))
    model.set_weights([np.array([[1.0, 0], [0, 1], [0, 0]]), np.zeros(2)])
    path = tmp_path / "model.keras"
    model.save(path)
    preparation = Preparation(size=(8, 8), scaling=Scaling(rescale=1 / 255))
    fields = {"class_names": ("red", "green"), "preparation": preparation.to_dict()}
    card.write(path, Card(task="classification", **fields))
    detector = Unknown("distance", 0.5, **_ARRAYS)
    detector.write(path)
    for colour in ("red", "green"):
        Image.new("RGB", (9, 9), (250, 0, 0) if colour == "red" else (0, 250, 0)).save(
            tmp_path / f"{colour}.png"
        )
    return path, detector


def test_what_tells_unknown_pictures_survives_a_new_card_and_leaves_the_model_alone(saved):
    path, detector = saved
    card.write(path, dataclasses.replace(card.read(path), scores={"accuracy": 1.0}))
    read = Unknown.read(path)
    assert read.method == detector.method
    for field in dataclasses.fields(Unknown):
        np.testing.assert_array_equal(getattr(read, field.name), getattr(detector, field.name))
    assert card.read(path).scores == {"accuracy": 1.0}
    assert keras.saving.load_model(path).count_params() == 8
    read.write(path)
    assert zipfile.ZipFile(path).namelist().count(unknown.ENTRY) == 1


def test_a_predictor_says_which_pictures_are_unknown_only_if_asked(saved):
    path, _ = saved
    predictor = Predictor.load(path)
    red, green = (path.with_name(f"{name}.png") for name in ("red", "green"))
    answers = predictor([red, green], unknown=True)
    assert [answer.is_unknown for answer in answers] == [False, True]
    assert [answer.name for answer in answers] == ["red", "green"]  # the best class all the same
    assert predictor(red, unknown=True).is_unknown is False
    assert [answer.unlikeness for answer in answers] == pytest.approx([-0.5, 1.5], abs=1e-3)
    assert predictor(red).is_unknown is None and predictor(red).unlikeness is None


def test_predict_answers_unknown_in_every_format(saved, capsys):
    path, _ = saved
    words = ["predict", str(path), str(path.with_name("*.png")), "--unknown"]

    def printed(*more):
        assert main([*words, *more]) == 0
        return capsys.readouterr().out

    lines = printed().splitlines()
    assert lines[0].split()[:2] == ["unknown", "–"] and lines[1].split()[0] == "red"
    lines = printed("--format", "csv", "--top-k", "2").splitlines()
    assert lines[0] == "path,class,score,class_2,score_2,best"
    assert ",unknown,,red," in lines[1] and lines[1].endswith(",green")
    green, red = json.loads(printed("--json"))
    assert (green["class"], green["score"], green["best"]) == ("unknown", None, "green")
    assert green["top"][0]["class"] == "green" and (red["class"], red["best"]) == ("red", "red")


def test_engines_without_features_refuse_and_auto_takes_keras(saved, capsys):
    path, _ = saved
    words = ["predict", str(path), str(path.with_name("green.png")), "--unknown", "--engine"]
    for engine in ("onnx", "litert", "ray"):
        assert main([*words, engine]) == 2
        assert f"which --engine {engine} does not give: answer by" in capsys.readouterr().err
    assert main([*words, "auto"]) == 0 and "unknown" in capsys.readouterr().out


def _bytes(**changes):
    buffer = io.BytesIO()
    np.savez(buffer, **{"method": "distance", "threshold": 0.5} | _ARRAYS | changes)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "cannot be understood"),
        (_bytes()[:-40], "cannot be understood"),
        (_bytes(method="tarot"), "their method is 'tarot'"),
        (_bytes(threshold=np.nan), "their threshold nan"),
        (_bytes(centres=np.zeros((4, 2))), "their shapes are"),
        (_bytes(centres=np.zeros((0, 3))), "their shapes are"),
        (_bytes(mean=np.zeros(5)), "their shapes are"),
        (_bytes(scales=np.zeros(3)), "their shapes are"),
        (_bytes(mean=np.full(3, np.inf)), "not all finite"),
        (_bytes(mean=np.array([{}, {}, {}])), "cannot be understood"),
        (_bytes(mean=np.zeros(5), axes=np.zeros((3, 5))), "is of another network"),
    ],
)
def test_a_damaged_entry_is_refused_with_a_sentence(saved, content, message):
    path, _ = saved
    card.put(path, unknown.ENTRY, content)
    with pytest.raises(InputError, match=message):
        Predictor.load(path)(path.with_name("red.png"), unknown=True)
    assert Predictor.load(path)(path.with_name("red.png")).name == "red"  # it is not needed


def test_an_entry_that_is_too_large_is_refused(saved, monkeypatch):
    path, _ = saved
    monkeypatch.setattr(card, "LARGEST_ENTRY", 100)
    with pytest.raises(InputError, match="more than 100, and is refused"):
        Unknown.read(path)


def test_a_model_that_holds_nothing_to_tell_by_names_the_way_out(saved, capsys):
    path, _ = saved
    predictor = Predictor.load(path)
    in_memory = Predictor(predictor.model, predictor.card, predictor.preparation)
    with pytest.raises(InputError, match="this model is in memory: load"):
        in_memory(path.with_name("red.png"), unknown=True)
    predictor.model.save(path)
    card.write(path, predictor.card)
    assert main(["predict", str(path), str(path.with_name("red.png")), "--unknown"]) == 2
    assert "holds nothing that detects unknown pictures" in capsys.readouterr().err


# The vector before the last layer


def _heads():
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, activation="relu")(inputs)
    pooled = layers.GlobalAveragePooling2D()(x)
    yield "dense", inputs, layers.Dense(4, activation="softmax")(pooled)
    yield "without bias", inputs, layers.Softmax()(layers.Dense(4, use_bias=False)(pooled))
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Reshape((4,))(layers.Conv2D(4, 1)(layers.Dropout(0.1)(y)))
    yield "convolution", inputs, layers.Activation("softmax")(y)


@pytest.mark.parametrize("head", list(_heads()), ids=lambda head: head[0])
def test_the_last_layer_of_the_features_gives_the_model_s_answers(head):
    _, inputs, outputs = head
    model = keras.Model(inputs, outputs)
    cut = surgery.penultimate(model)
    pictures = np.random.default_rng(0).random((3, 8, 8, 3), np.float32)
    features = np.asarray(cut.model.predict_on_batch(pictures))
    assert features.shape == (3, 5)
    expected = np.asarray(model.predict_on_batch(pictures))
    np.testing.assert_allclose(special.softmax(cut.logits(features), axis=1), expected, atol=1e-5)


def test_networks_without_a_vector_before_the_last_layer_are_refused():
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(inputs)
    flat = layers.Flatten()(inputs)
    for outputs in (
        layers.Softmax()(layers.GlobalAveragePooling2D()(x)),
        layers.Dense(1, activation="sigmoid")(flat),
        layers.Softmax()(layers.Dense(4, activation="relu")(flat)),
        keras.ops.softmax(keras.ops.mean(x, axis=(1, 2))),
    ):
        with pytest.raises(ValueError, match="must end with a dense layer and softmax"):
            surgery.penultimate(keras.Model(inputs, outputs))
