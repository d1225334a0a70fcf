"""A new head on a frozen base, the linear probe, and fine-tuning."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from small_base import body, small_recipe

from keras_cnn import InputError, Predictor, card
from keras_cnn.images.scaling import Scaling
from keras_cnn.training import run as training
from keras_cnn.transfer import Base, fit_features, fit_head, thaw

layers = keras.layers
NAMES = ("conv1", "bn1", "conv2", "bn2")


def _saved(out, names):
    model = card.load_model(out / "model.keras")
    return {name: model.get_layer(name).get_weights() for name in names}


def _same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_training_a_head_changes_no_bit_of_the_base(base, stripes, tmp_path):
    before = {n: base.build(input_shape=(24, 24, 3)).get_layer(n).get_weights() for n in NAMES}
    result = fit_head(base, small_recipe(stripes, tmp_path), augmentation={"horizontal_flip": True})
    after = _saved(tmp_path, NAMES)
    assert all(_same(before[name], after[name]) for name in NAMES)
    assert {"accuracy", "baseline"} <= set(result["test"])


def test_fine_tuning_starts_at_the_named_layer_and_skips_batch_normalisation(
    base, stripes, tmp_path, monkeypatch
):
    # The last weights: six validation pictures may find those before fine-tuning the best.
    monkeypatch.setattr(training.Checkpoint, "load_best", lambda self, model: None)
    before = {n: base.build(input_shape=(24, 24, 3)).get_layer(n).get_weights() for n in NAMES}
    fit_head(base, small_recipe(stripes, tmp_path), fine_tune=True, from_layer="conv2")
    after = _saved(tmp_path, NAMES)
    changed = [name for name in NAMES if not _same(before[name], after[name])]
    assert changed == ["conv2"]


def test_thawing_reaches_into_nested_models():
    inner = body(input_shape=(24, 24, 3))
    image = keras.Input((24, 24, 3))
    outer = keras.Model(image, layers.GlobalMaxPooling2D()(inner(image)))
    outer.trainable = False
    thaw(outer)
    assert [w.path.split("/")[-2] for w in outer.trainable_weights] == ["conv1", "conv2"]


def test_an_unknown_layer_is_refused_before_the_training(base, stripes, tmp_path):
    with pytest.raises(InputError, match="no layer 'conv9'.*close names are conv"):
        fit_head(base, small_recipe(stripes, tmp_path), fine_tune=True, from_layer="conv9")


def test_pixels_are_scaled_once_as_the_weights_need(base, stripes, tmp_path):
    with pytest.raises(InputError, match="rescale would scale them once more"):
        fit_head(base, small_recipe(stripes, tmp_path), augmentation={"rescale": 1 / 255})
    fit_features(base, small_recipe(stripes, tmp_path))
    assert card.read(tmp_path / "model.keras").preparation["scaling"]["rescale"] == 1 / 255


@pytest.mark.parametrize("random", [False, True])
def test_a_linear_probe_starts_where_logistic_regression_ends(base, stripes, tmp_path, random):
    base = Base(body, base.scaling) if random else base
    fit_features(base, small_recipe(stripes, tmp_path / "codes"), classifier="logistic")
    still = small_recipe(stripes, tmp_path / "head", epochs=1, learning_rate=1e-12, runs=2)
    assert fit_head(base, still, linear_probe=True, fine_tune=True)["linear_probe"]["seconds"] > 0
    paths = [str(path) for path in sorted((stripes / "test").rglob("*.png"))]
    expected, *untrained = (
        [answer.scores for answer in Predictor.load(tmp_path / run)(paths)]
        for run in ("codes", "head/run_1", "head/run_2")
    )
    assert len(expected) == 16
    np.testing.assert_allclose(untrained, [expected] * 2, atol=1e-4)


def test_fine_tuning_starts_at_a_layer_that_keras_named(stripes, tmp_path):
    """Keras numbers unnamed layers anew in every build, and the base is built twice."""

    def unnamed(*, input_shape):
        inputs = keras.Input(input_shape)
        x = keras.layers.Conv2D(4, 3)(inputs)
        x = keras.layers.Conv2D(4, 3)(x)
        return keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(x), name="unnamed")

    base, recipe = Base(unnamed, Scaling(rescale=1 / 255)), small_recipe(stripes, tmp_path)
    options = {"fine_tune": True, "from_layer": "conv2d_1"}
    with ThreadPoolExecutor(1) as pool:  # a thread has its own numbers, as a fresh process has
        pool.submit(fit_head, base, recipe, **options).result()
    names = [layer.name for layer in card.load_model(tmp_path / "model.keras").layers]
    assert [name for name in names if "conv" in name] == ["conv2d", "conv2d_1"]
