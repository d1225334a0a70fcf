"""Linear classifiers on features, and the cache of features."""

import functools

import keras
import numpy as np
import pytest
from PIL import Image
from small_base import pictures_of_test, small_recipe, spread_of_rows_and_columns

import keras_cnn
from keras_cnn import InputError, Predictor, models
from keras_cnn.cli import main
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.scaling import Scaling
from keras_cnn.transfer import (
    CLASSIFIERS,
    Base,
    feature_cache,
    fit_codes,
    fit_features,
    fit_head,
    linear,
)

layers = keras.layers
RULE = Preparation(size=(24, 24), scaling=Scaling(rescale=1 / 255))


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_saved_model_answers_as_the_classifier_on_the_features(
    base, stripes, tmp_path, classifier
):
    recipe = small_recipe(stripes, tmp_path / "out", epochs=20)
    result = fit_features(base, recipe, classifier=classifier)
    assert result["test"]["accuracy"] >= 0.9
    predictor = Predictor.load(tmp_path / "out")
    assert predictor.evaluate(stripes)["test"]["accuracy"] == result["test"]["accuracy"]
    assert (tmp_path / "codes.sqlite").exists()


def test_three_classes_can_be_learned_too(base, stripes, tmp_path):
    for split in ("train", "test"):
        (stripes / split / "plain").mkdir()
        for number, path in enumerate(sorted((stripes / split / "lying").iterdir())):
            blank = Image.new("L", (24, 24), 100 + number)
            blank.save(stripes / split / "plain" / path.name)
    for classifier in ("logistic", "svm"):
        result = fit_features(base, small_recipe(stripes, tmp_path), classifier=classifier)
        assert result["test"]["accuracy"] >= 0.9


@pytest.mark.parametrize(("classifier", "least"), [("logistic", 0.9), ("svm", 0.3)])
def test_of_penalties_with_the_same_accuracy_the_one_with_the_lowest_loss_is_taken(
    stripes, tmp_path, classifier, least
):
    """The strongest penalty is as often right, but calls every picture 0.500."""
    easy = Base(spread_of_rows_and_columns, Scaling(rescale=1 / 255))
    result = fit_features(easy, small_recipe(stripes, tmp_path / "out"), classifier=classifier)
    assert result["test"]["accuracy"] == 1
    answers = Predictor.load(tmp_path / "out")([str(path) for path in pictures_of_test(stripes)])
    assert min(answer.value for answer in answers) > least


def test_an_unknown_classifier_is_refused(base, stripes, tmp_path):
    with pytest.raises(InputError, match="must be one of.*received 'tree'"):
        fit_features(base, small_recipe(stripes, tmp_path), classifier="tree")


def test_fit_codes_is_the_old_name_of_fit_features_and_warns(base, stripes, tmp_path):
    with pytest.warns(FutureWarning, match="transfer.fit_codes is now transfer.fit_features"):
        with pytest.raises(InputError, match="received 'tree'"):
            fit_codes(base, small_recipe(stripes, tmp_path), classifier="tree")


@pytest.mark.parametrize(
    "choice",
    [
        {"augment": "flip"},
        {"class_weights": "balanced"},
        {"weight_decay": 0.1},
        {"runs": 3},
        {"mix": "mixup"},
        {"test_crops": 5},
    ],
)
def test_options_that_a_linear_classifier_would_ignore_are_refused(base, stripes, tmp_path, choice):
    option = next(iter(choice)).replace("_", "-")
    with pytest.raises(InputError, match=f"leave out --{option} or --codes"):
        fit_features(base, small_recipe(stripes, tmp_path, **choice))


def test_where_only_the_run_s_folder_can_be_written_the_features_lie_in_it(
    base, stripes, tmp_path, monkeypatch
):
    out = tmp_path / "only" / "out"
    monkeypatch.setattr(linear.os, "access", lambda path, mode: path != out.parent)
    fit_features(base, small_recipe(stripes, out))
    assert (out / "codes.sqlite").is_file() and not (out.parent / "codes.sqlite").exists()


@pytest.mark.parametrize("fit", [fit_features, functools.partial(fit_head, linear_probe=True)])
def test_features_can_be_stored_in_another_file(base, stripes, tmp_path, fit):
    fit(
        base,
        small_recipe(stripes, tmp_path / "out", epochs=1),
        cache=tmp_path / "mine" / "a.sqlite",
    )
    assert (tmp_path / "mine" / "a.sqlite").is_file()
    assert not (tmp_path / "codes.sqlite").exists()


def test_the_option_codes_cache_names_the_file_of_features(stripes, tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(keras_cnn.transfer, "fit_features", lambda *_, **o: calls.append(o) or {})
    models.MobileNet(include_top=False, alpha=0.25).save_weights(tmp_path / "a.weights.h5")
    command = ["train", str(stripes), "--model", "mobilenet", "--weights"]
    command += [str(tmp_path / "a.weights.h5"), "--codes-cache", str(tmp_path / "b.sqlite")]
    assert main(command) == 2
    assert "--codes-cache stores the features of --codes: add" in capsys.readouterr().err
    assert main([*command, "--codes", "svm"]) == 0
    assert calls == [{"classifier": "svm", "cache": str(tmp_path / "b.sqlite")}]


def _vectors(base):
    model = base.build(input_shape=(24, 24, 3))
    return keras.Model(model.input, layers.GlobalAveragePooling2D()(model.output))


def _count(monkeypatch):
    read = []
    of_class = Preparation.read
    monkeypatch.setattr(
        Preparation, "read", lambda self, path: (read.append(path), of_class(self, path))[1]
    )
    return read


def test_features_of_a_moved_picture_come_from_the_cache(base, stripes, tmp_path, monkeypatch):
    read = _count(monkeypatch)
    paths, cache = pictures_of_test(stripes), tmp_path / "codes.sqlite"
    first = feature_cache.compute(_vectors(base), RULE, paths, cache=cache)
    np.testing.assert_array_equal(feature_cache.compute(_vectors(base), RULE, paths), first)
    read.clear()
    moved = [path.rename(path.with_name(f"moved_{path.name}")) for path in paths]
    again = feature_cache.compute(_vectors(base), RULE, [*moved, moved[0]], cache=cache)
    assert not read
    np.testing.assert_array_equal(again, [*first, first[0]])


def test_features_are_computed_again_after_a_change_of_picture_weights_or_scaling(
    base, stripes, tmp_path, monkeypatch
):
    read = _count(monkeypatch)
    paths, cache = pictures_of_test(stripes), tmp_path / "codes.sqlite"
    feature_cache.compute(_vectors(base), RULE, paths, cache=cache)
    read.clear()
    Image.new("RGB", (24, 24)).save(paths[3])
    feature_cache.compute(_vectors(base), RULE, paths, cache=cache)
    assert read == [str(paths[3])]
    model = _vectors(base)
    model.get_layer("bn2").moving_mean.assign_add([1e-6] * 16)
    feature_cache.compute(model, RULE, paths, cache=cache)
    assert len(read) == 1 + len(paths)
    other = Preparation(size=(24, 24), scaling=Scaling("tf"))
    feature_cache.compute(model, other, paths, cache=cache)
    assert len(read) == 1 + 2 * len(paths)


def test_a_file_that_is_no_cache_is_refused(base, stripes, tmp_path):
    (tmp_path / "codes.sqlite").write_bytes(b"no table " * 200)
    with pytest.raises(InputError, match="cannot be used.*delete it"):
        feature_cache.compute(
            _vectors(base), RULE, pictures_of_test(stripes), cache=tmp_path / "codes.sqlite"
        )


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_folds_answer_each_picture_by_a_classifier_that_has_not_seen_it(
    base, stripes, tmp_path, monkeypatch, classifier
):
    fitted, fit = [], linear.fit_linear

    def watched(kind, features, labels, *rest, **options):
        fitted.append((len(labels["train"]), len(labels["validation"])))
        return fit(kind, features, labels, *rest, **options)

    monkeypatch.setattr(linear, "fit_linear", watched)
    recipe = small_recipe(stripes, tmp_path / "out", folds=4, validation_split=0.25)
    result = fit_features(base, recipe, classifier=classifier)
    assert fitted == [(31, 11)] * 4 + [(56, 56)]  # 14 of 56 pictures are tested in each fold
    assert result["test"]["samples"] == 56 and result["test"]["accuracy"] >= 0.8
    assert len(result["folds"]["accuracy"]["values"]) == 4
    assert Predictor.load(tmp_path / "out").card.data["train"]["pictures"] == 56


def test_softmax_has_no_folds(base, stripes, tmp_path):
    recipe = small_recipe(stripes, tmp_path / "out", folds=4)
    with pytest.raises(InputError, match="--folds 4 goes with --codes logistic and svm"):
        fit_features(base, recipe, classifier="softmax")
    with pytest.raises(InputError, match="--folds 4 has no linear_probe"):
        fit_head(base, recipe, linear_probe=True)
