"""Parity: with the same weights and pictures, each network has the logits of its peer."""

import importlib

import keras
import numpy as np
import pytest
from lively_weights import randomise

from keras_cnn import models
from keras_cnn.models import weights

slow = pytest.mark.slow
PEERS = {  # name of the test -> builder, its options
    "VGG16": ("VGG16", {}),
    "VGG19": ("VGG19", {}),
    "InceptionV3": ("InceptionV3", {}),
    "ResNet50": ("ResNet50", {}),
    "ResNet101": ("ResNet101", {}),
    "ResNet152": ("ResNet152", {}),
    "DenseNet121": ("DenseNet121", {}),
    "DenseNet169": ("DenseNet169", {}),
    "DenseNet201": ("DenseNet201", {}),
    "MobileNet": ("MobileNet", {}),
    "MobileNet-narrow": ("MobileNet", {"alpha": 0.5, "depth_multiplier": 2}),
}
# One network of each family; without its top only VGG16, whose dense head takes longest.
QUICK = ("InceptionV3", "ResNet50", "DenseNet121", "MobileNet", "MobileNet-narrow")
CASES = [
    pytest.param(
        *PEERS[peer],
        include_top,
        id=peer if include_top else f"{peer}-no-top",
        marks=() if (peer in QUICK if include_top else peer == "VGG16") else slow,
    )
    for peer in PEERS
    for include_top in (True, False)
]


def pictures(height, width, number=2):
    """Return random pictures in [-1, 1] that differ in brightness, contrast and content."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.5, 0.5, (number, height, width, 3))
    ramp = np.linspace(-0.4, 0.4, width)[:, None] * np.linspace(-1, 1, number).reshape(-1, 1, 1, 1)
    return (noise + ramp + rng.uniform(-0.1, 0.1, (number, 1, 1, 3))).astype("float32")


def predict(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))  # compiling takes 5 times as long


def assert_informative(logits):
    """Check that logits differ among pictures and classes: equal logits prove nothing."""
    assert np.isfinite(logits).all()
    spread = logits.std()
    assert spread > 1e-3
    assert np.abs(logits[0] - logits[1]).max() > 1e-2 * spread
    assert len(np.unique(logits)) > logits.size // 3


def assert_equal_logits(mine, peer, size):
    x = pictures(*size)
    assert_close(predict(mine, x), predict(peer, x))


def assert_close(mine, theirs):
    assert_informative(theirs)
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


def constants(model):
    """Return settings of each layer that the logits of a few pictures hardly depend on."""
    keys = ("name", "epsilon", "momentum", "use_bias", "strides")
    return [
        {key: value for key, value in layer.get_config().items() if key in keys}
        for layer in model.layers
        if layer.weights
    ]


def both(name, shape, **options):
    """Build our network and that of Keras, each with layer numbers from 0 on."""
    options = {"weights": None, "classifier_activation": None, **options}
    keras.utils.clear_session()
    mine = getattr(models, name)(input_shape=shape, **options)
    keras.utils.clear_session()
    # Keras accepts pictures of any size with its top only by way of input_tensor.
    peer = getattr(keras.applications, name)(input_tensor=keras.Input(shape), **options)
    return mine, keras.Model(peer.inputs[0], peer.outputs[0])


@pytest.mark.parametrize(("name", "options", "include_top"), CASES)
def test_logits_equal_those_of_keras_applications(name, options, include_top, tmp_path):
    sizes = [(75, 96), (97, 80)]
    inputs = [((None, None, 3), sizes)]
    if include_top and name.startswith("VGG"):  # the number of its weights depends on the size
        inputs = [((*size, 3), [size]) for size in sizes]
    for shape, sizes_of_shape in inputs:
        mine, peer = both(name, shape, include_top=include_top, **options)
        assert constants(mine) == constants(peer)
        randomise(peer, 1).save(tmp_path / "peer.h5")
        mine.load_weights(tmp_path / "peer.h5", by_name=True)
        for size in sizes_of_shape:
            assert_equal_logits(mine, peer, size)
        # The order of the weights is the same too, so that set_weights of the peer's works.
        for ours, theirs in zip(mine.get_weights(), peer.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def equal_to_its_peer():
    mine, peer = both("MobileNet", (96, 96, 3))
    mine.set_weights(randomise(peer, 1).get_weights())
    assert_equal_logits(mine, peer, (96, 96))
    return mine


def _wider_epsilon(layer):
    config = layer.get_config()
    if layer.name == "conv_pw_13_bn":
        config["epsilon"] = 1.1e-3
    return layer.__class__.from_config(config)


def _no_bias(layer):
    config = layer.get_config()
    if layer.name == "conv_preds":
        config["use_bias"] = False
    return layer.__class__.from_config(config)


def _padding_on_the_other_side(layer):
    config = layer.get_config()
    if layer.name == "conv_pad_12":
        config["padding"] = ((1, 0), (1, 0))
    return layer.__class__.from_config(config)


def _other_stride(layer):
    config = layer.get_config()
    if layer.name == "conv_dw_13":
        config["strides"] = (2, 2)
    return layer.__class__.from_config(config)


@pytest.mark.parametrize(
    "mistake", [_wider_epsilon, _no_bias, _padding_on_the_other_side, _other_stride]
)
def test_the_parity_check_sees_a_small_mistake(mistake, equal_to_its_peer):
    peer = equal_to_its_peer
    wrong = keras.models.clone_model(peer, clone_function=mistake)
    wrong.set_weights(peer.get_weights()[: len(wrong.weights)])
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_equal_logits(wrong, peer, (96, 96))


# --------------------------------------------------------------------------- torchvision and timm


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def torchvision_models(torch):
    try:
        return pytest.importorskip("torchvision.models")
    except RuntimeError:  # compiled for another version of torch; its networks are plain Python
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        return importlib.import_module("torchvision.models")


def randomise_torch(torch, network):
    """Give a torch network random statistics, factors and biases; return it for inference."""
    torch.manual_seed(1)
    for key, value in network.state_dict().items():
        bn = key.replace(key.rsplit(".", 1)[-1], "running_var") in network.state_dict()
        if key.endswith("running_var") or (bn and key.endswith("weight")):
            value.uniform_(0.5, 1.5)
        elif key.endswith(("bias", "running_mean")):
            value.normal_(0, 0.2)
        elif key.endswith("weight"):
            torch.nn.init.kaiming_normal_(value)
    return network.eval()


def assert_equals_torch(torch, model, network, sizes):
    weights.from_torch(model, randomise_torch(torch, network).state_dict())
    for size in sizes:
        x = pictures(*size)
        with torch.no_grad():
            expected = network(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy()
        assert_close(predict(model, x), expected)


ANY_SIZE = {"input_shape": (None, None, 3), "classifier_activation": None}


@pytest.mark.peers
@pytest.mark.parametrize("size", [(224, 224), (260, 99)])
def test_one_weird_trick_equals_alexnet_of_torchvision(torch, torchvision_models, size):
    options = {**ANY_SIZE, "input_shape": (*size, 3)}
    mine = models.AlexNet(one_weird_trick=True, **options)
    assert_equals_torch(torch, mine, torchvision_models.alexnet(), [size])


@pytest.mark.peers
@pytest.mark.parametrize("depth", [18, pytest.param(34, marks=slow)])
def test_resnet_equals_that_of_torchvision(torch, torchvision_models, depth):
    mine = getattr(models, f"ResNet{depth}")(**ANY_SIZE)
    peer = getattr(torchvision_models, f"resnet{depth}")()
    assert_equals_torch(torch, mine, peer, [(96, 96), (75, 90)])


@pytest.mark.peers
def test_inception_v1_with_batch_norm_equals_googlenet_of_torchvision(torch, torchvision_models):
    mine = models.InceptionV1(batch_norm=True, **ANY_SIZE)
    peer = torchvision_models.googlenet(aux_logits=False, init_weights=False)
    assert_equals_torch(torch, mine, peer, [(96, 96), (75, 90)])


@pytest.mark.peers
def test_auxiliary_classifiers_equal_those_of_googlenet(torch, torchvision_models):
    options = {**ANY_SIZE, "input_shape": (100, 150, 3)}
    mine = models.InceptionV1(batch_norm=True, aux_logits=True, **options)
    peer = torchvision_models.googlenet(aux_logits=True, init_weights=False)
    weights.from_torch(mine, randomise_torch(torch, peer).state_dict())
    peer.training = True  # of the model only: normalisations and dropouts stay in inference mode
    x = pictures(100, 150)
    with torch.no_grad():
        top, aux2, aux1 = peer(torch.from_numpy(x.transpose(0, 3, 1, 2)))
    for ours, theirs in zip(mine(x, training=False), (top, aux1, aux2), strict=True):
        assert_close(keras.ops.convert_to_numpy(ours), theirs.numpy())


@slow
@pytest.mark.peers
def test_inception_v4_equals_that_of_timm(torch, torchvision_models):
    timm = pytest.importorskip("timm")
    mine = models.InceptionV4(**ANY_SIZE)
    assert_equals_torch(torch, mine, timm.create_model("inception_v4"), [(96, 96), (75, 90)])
