"""Networks from scratch: gradients, training and files of weights."""

import importlib.metadata
import subprocess
import sys

import numpy as np
import pytest

from keras_cnn import InputError, scratch

NUMBERS = np.random.default_rng(0)


def tiny(kind, **options):
    """Return a network small enough for numerical gradients, and pictures with labels."""
    options = {"classes": 3, "dtype": "float64"} | options
    if kind == "multi":
        return scratch.MultiLayerNet(5, hidden=(4, 6), **options), pictures(5)
    if kind == "simple":
        options = {"filters": 2, "filter_size": 3, "hidden": 4, "initial_std": scratch.he} | options
        return scratch.SimpleConvNet((2, 6, 7), **options), pictures(2, 6, 7)
    return scratch.DeepConvNet((1, 6, 6), hidden=3, dropout=0.0, **options), pictures(1, 6, 6)


def pictures(*shape):
    return NUMBERS.random((4, *shape)), np.array([0, 2, 1, 1])


def stripes(n, *, seed=0):
    """Return pictures of upright or lying stripes, 12x12 pixels with noise, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    lying = np.broadcast_to((np.arange(12) % 3 == 0)[:, np.newaxis], (12, 12))
    x = np.where(labels[:, np.newaxis, np.newaxis], lying.T, lying)
    return (x + rng.normal(0, 0.5, x.shape)).astype("float32")[:, np.newaxis], labels


# -------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("multi", {}),
        ("multi", {"activation": scratch.Sigmoid, "initial_std": scratch.xavier}),
        ("multi", {"batch_norm": True, "weight_decay": 0.1}),
        ("simple", {"weight_decay": 0.1, "pad": 1, "stride": 2}),
    ],
)
def test_backpropagation_gives_the_numerical_gradient(kind, options):
    network, (x, labels) = tiny(kind, **options)
    loss, grads = network.loss_and_gradient(x, labels)
    assert loss == network.loss(x, labels, training=True)
    numerical = network.numerical_gradient(x, labels)
    assert list(grads) == list(network.params) == list(numerical)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, numerical[name], rtol=0, atol=1e-6, err_msg=name)


def test_every_weight_of_the_deep_network_gets_its_gradient():
    """Check one random direction per array: a numerical gradient would take minutes."""
    network, (x, labels) = tiny("deep")
    _, grads = network.loss_and_gradient(x, labels)
    for name, value in network.params.items():
        direction = NUMBERS.standard_normal(value.shape)
        losses = []
        for h in (1e-7, -2e-7):  # so small that hardly any ReLU changes its sign
            value += h * direction
            losses.append(network.loss(x, labels))
        value += 1e-7 * direction
        slope = (losses[0] - losses[1]) / 2e-7
        assert slope == pytest.approx((grads[name] * direction).sum(), abs=1e-6), name


def test_weight_decay_includes_weights_and_no_biases():
    network, (x, labels) = tiny("multi", weight_decay=0.5)
    for value in network.params.values():
        value += 1
    squares = sum((value**2).sum() for name, value in network.params.items() if name[0] == "W")
    decayed, network.weight_decay = network.loss(x, labels), 0.0
    assert decayed == pytest.approx(network.loss(x, labels) + 0.25 * squares)


# ------------------------------------------------------------------------------------- architecture


def test_the_networks_are_the_books():
    x = np.zeros((2, 1, 28, 28), "float32")
    kinds = {}
    for network in (scratch.SimpleConvNet(), scratch.DeepConvNet(score_dropout=0.5)):
        assert network.predict(x).shape == (2, 10)
        kinds[network.count_params()] = [type(layer).__name__ for layer in network.layers]
    head = ["Affine", "ReLU", "Dropout", "Affine", "Dropout"]
    assert kinds == {
        433_890: ["Convolution", "ReLU", "Pooling", "Affine", "ReLU", "Affine"],
        123_552: [*(["Convolution", "ReLU"] * 2 + ["Pooling"]) * 3, *head],
    }
    shapes = [value.shape for name, value in network.params.items() if name[0] == "W"]
    assert [shape[0] for shape in shapes[:6]] == [16, 16, 32, 32, 64, 64]
    assert shapes[6:] == [(64 * 4 * 4, 50), (50, 10)]


def test_optional_layers_stand_where_they_do_in_the_book():
    network = scratch.MultiLayerNet(6, hidden=(5,), batch_norm=True, dropout=0.2)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Affine", "BatchNormalization", "ReLU", "Dropout", "Affine"]
    assert list(network.params) == ["W1", "b1", "gamma1", "beta1", "W2", "b2"]
    assert list(network.state) == ["mean1", "variance1"]


def test_the_same_seed_builds_the_same_network():
    networks = [scratch.DeepConvNet(seed=seed) for seed in (1, 1, 2)]
    first, same, other = (network.params["W8"] for network in networks)
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_predictions_do_not_depend_on_the_size_of_the_batches():
    network = scratch.SimpleConvNet((1, 12, 12), classes=2, initial_std=scratch.he)
    x, labels = stripes(25)
    np.testing.assert_allclose(network.predict(x), network.predict(x, batch_size=7), atol=1e-5)
    one_hot = np.eye(2)[labels]
    assert network.accuracy(x, labels) == network.accuracy(x, one_hot, batch_size=4)


# ---------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize(
    "optimizer",
    [
        scratch.SGD(0.1),
        scratch.Momentum(0.05),
        scratch.Nesterov(0.05),
        scratch.AdaGrad(0.1),
        scratch.RMSprop(),
        scratch.Adam(0.01),
    ],
)
def test_a_convolutional_network_learns_stripes(optimizer):
    options = {"filters": 4, "filter_size": 3, "hidden": 10, "classes": 2}
    network = scratch.SimpleConvNet((1, 12, 12), **options, initial_std=scratch.he)
    trainer = scratch.Trainer(network, optimizer=optimizer, batch_size=20)
    test = stripes(200, seed=1)
    history = trainer.fit(*stripes(400), epochs=5, validation_data=test, verbose=False)
    assert history["val_accuracy"][-1] == network.accuracy(*test) > 0.95
    assert len(history["loss"]) == 5 * 20 and len(history["accuracy"]) == 5


def test_the_deep_network_learns_stripes():
    network = scratch.DeepConvNet((1, 12, 12), classes=2)
    trainer = scratch.Trainer(network, optimizer=scratch.Adam(), batch_size=20)
    trainer.fit(*stripes(400), epochs=2, verbose=False)
    assert network.accuracy(*stripes(100, seed=1)) > 0.95


def test_batch_normalisation_trains_a_network_whose_initial_weights_are_too_small():
    accuracy = []
    for batch_norm in (True, False):
        network = scratch.MultiLayerNet(
            144, hidden=(20,) * 4, classes=2, initial_std=0.001, batch_norm=batch_norm
        )
        trainer = scratch.Trainer(network, optimizer=scratch.SGD(0.1), batch_size=20)
        trainer.fit(*stripes(400), epochs=5, verbose=False)
        accuracy.append(network.accuracy(*stripes(200, seed=1)))
    assert accuracy[0] > 0.9 and accuracy[1] < 0.6


def test_each_epoch_sees_every_picture_once_and_in_another_order():
    x, labels = np.arange(25, dtype="float32").reshape(25, 1), np.zeros(25, int)
    batches = []

    def remember(batch, rng):
        batches.append(batch[:, 0])
        return batch

    trainer = scratch.Trainer(
        scratch.MultiLayerNet(1, hidden=(), classes=2),
        optimizer=scratch.SGD(0.0),
        batch_size=10,
        augment=remember,
    )
    trainer.fit(x, labels, epochs=2, verbose=False)
    assert [len(batch) for batch in batches] == [10, 10, 5] * 2
    epochs = np.concatenate(batches).reshape(2, 25)
    np.testing.assert_array_equal(np.sort(epochs), [np.arange(25)] * 2)
    assert not np.array_equal(*epochs)


def test_the_schedule_sets_the_rate_of_each_step():
    rates = []

    class Recorder(scratch.SGD):
        def update(self, params, grads):
            rates.append(self.learning_rate)

    trainer = scratch.Trainer(
        scratch.MultiLayerNet(144, hidden=(), classes=2), optimizer=Recorder(), batch_size=10
    )
    trainer.fit(*stripes(20), epochs=2, schedule=lambda done: 1 - done, verbose=False)
    assert rates == [1, 0.75, 0.5, 0.25]


def test_the_same_seeds_train_the_same_network(capsys):
    trained = []
    for _ in range(2):
        network = scratch.MultiLayerNet(144, hidden=(10,), classes=2, dropout=0.3)
        trainer = scratch.Trainer(network, optimizer=scratch.Adam(), batch_size=10)
        trainer.fit(*stripes(50), epochs=2, validation_data=stripes(20))
        trained.append(network.params["W2"])
    np.testing.assert_array_equal(*trained)
    assert capsys.readouterr().out.count("\n") == 4


def test_pictures_without_their_labels_are_refused():
    trainer = scratch.Trainer(scratch.MultiLayerNet(144), optimizer=scratch.SGD())
    x, labels = stripes(5)
    with pytest.raises(ValueError, match="5 pictures and 4 labels"):
        trainer.fit(x, labels[:4], epochs=1)
    with pytest.raises(ValueError, match="0 pictures and 0 labels"):
        trainer.fit(x[:0], labels[:0], epochs=1)
    with pytest.raises(ValueError, match=r"at least one picture; received shape \(0, 1, 12, 12\)"):
        trainer.network.predict(x[:0])
    with pytest.raises(ValueError, match="5x5 must fit.*4x4"):
        scratch.SimpleConvNet((1, 4, 4))


# ------------------------------------------------------------------------------------ save and load


def test_saved_weights_are_loaded_with_the_running_statistics(tmp_path):
    options = {"hidden": (8,), "classes": 2, "batch_norm": True}
    network = scratch.MultiLayerNet(144, **options)
    trainer = scratch.Trainer(network, optimizer=scratch.Adam())
    x, labels = stripes(100)
    trainer.fit(x, labels, epochs=2, verbose=False)
    network.save(tmp_path / "weights.npz")
    again = scratch.MultiLayerNet(144, **options, seed=1)
    array = again.params["W1"]
    again.load(tmp_path / "weights.npz")
    assert again.params["W1"] is array
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    assert [path.name for path in tmp_path.iterdir()] == ["weights.npz"]


def test_a_file_of_other_weights_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "weights.npz"
    scratch.MultiLayerNet(4, hidden=(3,)).save(path)
    network = scratch.MultiLayerNet(4, hidden=(5,))
    before = network.predict(np.ones((1, 4)))
    with pytest.raises(InputError, match=r"W1 is \(4, 3\) there and \(4, 5\) here"):
        network.load(path)
    np.testing.assert_array_equal(network.predict(np.ones((1, 4))), before)
    with pytest.raises(InputError, match="W3 is missing there"):
        scratch.MultiLayerNet(4, hidden=(3, 10)).load(path)
    with pytest.raises(InputError, match=r"W2 is \(3, 10\) there and missing here"):
        scratch.MultiLayerNet(4, hidden=(), classes=3).load(path)


@pytest.mark.parametrize(
    "content", [None, b"", b"no npz", b"\x80\x04]\x94.", "truncated", "one array"]
)
def test_a_file_without_weights_is_refused(tmp_path, content):
    path = tmp_path / "weights.npz"
    if content == "truncated":
        scratch.MultiLayerNet(4).save(path)
        content = path.read_bytes()[:-100]
    if content == "one array":
        np.save(path, np.zeros(3))
        content = (tmp_path / "weights.npz.npy").read_bytes()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="weights.npz is no file of weights"):
        scratch.MultiLayerNet(4).load(path)


def test_nothing_in_a_file_is_executed(tmp_path):
    np.savez(tmp_path / "weights.npz", W1=np.array([print], dtype=object))
    with pytest.raises(InputError, match="allow_pickle"):
        scratch.MultiLayerNet(4).load(tmp_path / "weights.npz")


# ----------------------------------------------------------------------------------------- imports


def test_nothing_but_numpy_is_imported():
    code = (
        "import sys; before = set(sys.modules); import keras_cnn.scratch;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split()) & set(importlib.metadata.packages_distributions())
    assert loaded - {"keras_cnn"} == {"numpy"}
