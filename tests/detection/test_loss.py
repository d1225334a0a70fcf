"""MultiboxLoss: equal to plain NumPy, and finite for every batch."""

import keras
import numpy as np
import pytest

from keras_cnn.detection.loss import MultiboxLoss


def reference(y_true, y_pred, ratio=3.0):
    """The paper's equations 1 to 3, picture by picture and prior by prior."""
    total, matches = 0.0, 0
    for truth, guess in zip(y_true.astype(float), y_pred.astype(float), strict=True):
        negatives, positives = [], 0
        for prior, answer in zip(truth, guess, strict=True):
            if prior[4] < 0:
                continue
            logits = answer[4:] - answer[4:].max()
            loss = np.log(np.exp(logits).sum()) - logits[int(prior[4])]
            if prior[4] == 0:
                negatives.append(loss)
                continue
            positives += 1
            total += loss
            for error in np.abs(prior[:4] - answer[:4]):
                total += 0.5 * error**2 if error < 1 else error - 0.5
        matches += positives
        total += sum(sorted(negatives, reverse=True)[: int(ratio * max(positives, 1))])
    return total / max(matches, 1)


def batch(*, positives, priors=40, classes=4, seed=0):
    """Random targets with the given number of matched priors per picture; random predictions."""
    rng = np.random.default_rng(seed)
    y_true = np.zeros((len(positives), priors, 5), np.float32)
    for truth, number in zip(y_true, positives, strict=True):
        chosen = rng.permutation(priors)[:number]
        truth[chosen, :4] = rng.normal(size=(number, 4))
        truth[chosen, 4] = rng.integers(1, classes, number)
    y_pred = rng.normal(size=(len(positives), priors, 4 + classes)) * 2
    return y_true, y_pred.astype(np.float32)


@pytest.mark.parametrize("positives", [[5, 2, 9], [0, 4], [20], [0], [40]])
def test_the_loss_is_the_papers(positives):
    y_true, y_pred = batch(positives=positives)
    value = float(MultiboxLoss()(y_true, y_pred))
    assert value == pytest.approx(reference(y_true, y_pred), rel=1e-5)


def test_priors_in_a_crowd_are_ignored():
    y_true, y_pred = batch(positives=[5, 0])
    background = np.argwhere(y_true[..., 4] == 0)
    hardest = background[:: len(background) // 12]
    y_true[hardest[:, 0], hardest[:, 1], 4] = -1
    y_pred[hardest[:, 0], hardest[:, 1], 5] = 20  # they would be the hardest negatives
    value = float(MultiboxLoss()(y_true, y_pred))
    assert value == pytest.approx(reference(y_true, y_pred), rel=1e-5)


def test_a_picture_without_objects_has_a_finite_loss_and_gradient():
    model = keras.Sequential([keras.Input((10, 8)), keras.layers.Dense(8)])
    model.compile(optimizer="sgd", loss=MultiboxLoss())
    y_true, pictures = batch(positives=[0, 0], priors=10)
    assert np.isfinite(model.train_on_batch(pictures, y_true))
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_logits_far_apart_leave_the_loss_exact():
    y_true, y_pred = batch(positives=[3, 3])
    y_pred[..., 4:] *= 1e3
    assert float(MultiboxLoss()(y_true, y_pred)) == pytest.approx(reference(y_true, y_pred), 1e-5)


def test_only_the_background_priors_with_the_highest_loss_count():
    y_true, y_pred = batch(positives=[1], priors=6)
    y_pred[0, :, 4:] = [9, 0, 0, 0]
    background = np.flatnonzero(y_true[0, :, 4] == 0)
    before = float(MultiboxLoss()(y_true, y_pred))
    y_pred[0, background[0], 4:] = [12, 0, 0, 0]  # a lower loss than the three that count
    assert float(MultiboxLoss()(y_true, y_pred)) == pytest.approx(before, rel=1e-5)
    y_pred[0, background[0], 4:] = [0, 5, 0, 0]
    assert float(MultiboxLoss()(y_true, y_pred)) > before + 4


def test_the_loss_of_half_precision_predictions_is_float32():
    y_true, y_pred = batch(positives=[2000], priors=8732)
    y_pred[..., :4] = 30
    half = y_pred.astype(np.float16)
    value = MultiboxLoss()(y_true, half)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == pytest.approx(reference(y_true, half), rel=1e-4)


def test_sample_weights_weigh_pictures():
    y_true, y_pred = batch(positives=[3, 4])
    alone = float(MultiboxLoss()(y_true, y_pred, sample_weight=np.array([1.0, 0.0])))
    assert alone < float(MultiboxLoss()(y_true, y_pred))


def test_the_loss_comes_back_from_its_config():
    loss = keras.losses.deserialize(keras.losses.serialize(MultiboxLoss(alpha=2.0)))
    y_true, y_pred = batch(positives=[3])
    assert float(loss(y_true, y_pred)) == float(MultiboxLoss(alpha=2.0)(y_true, y_pred))
