"""Weights from PyTorch's files."""

import pickle
from functools import partial

import keras
import numpy as np
import pytest
from tiny_networks import conv_net, conv_net_of_torch, load_tiny, slow, tiny

from keras_cnn import models
from keras_cnn.models.weights import from_torch


def randomise_torch(torch, network):
    torch.manual_seed(1)
    for key, value in network.state_dict().items():
        if key.endswith(("running_var", "bn.weight")):
            value.uniform_(0.5, 1.5)
        elif key.endswith(("bias", "running_mean")):
            value.normal_(0, 0.2)
        elif value.ndim > 1:
            torch.nn.init.kaiming_normal_(value)
    return network.eval()


def assert_same_answers(torch, model, network, size):
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (2, size, size, 3)).astype("float32")
    images[1] *= np.linspace(0, 1, size)[:, None]
    with torch.no_grad():
        expected = network(torch.from_numpy(images.transpose(0, 3, 1, 2))).numpy()
    assert expected.std() > 1e-3 and abs(expected[0] - expected[1]).max() > 1e-3
    mine = keras.ops.convert_to_numpy(model(images, training=False))
    np.testing.assert_allclose(mine, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


LOGITS = {"classifier_activation": None}


@pytest.mark.peers
@pytest.mark.parametrize(
    ("peer", "mine", "size"),
    [
        ("resnet18", partial(models.ResNet18, input_shape=(32, 32, 3)), 32),
        pytest.param("resnet34", partial(models.ResNet34, input_shape=(64, 64, 3)), 64, marks=slow),
        pytest.param(
            "googlenet",
            partial(models.InceptionV1, batch_norm=True, input_shape=(64, 64, 3)),
            64,
            marks=slow,
        ),
        pytest.param("alexnet", partial(models.AlexNet, one_weird_trick=True), 224, marks=slow),
        pytest.param("vgg11", models.VGG11, 224, marks=slow),
        pytest.param("vgg16", models.VGG16, 224, marks=slow),
    ],
)
def test_a_model_with_a_pth_file_answers_as_torchvision(
    peer, mine, size, torch, torchvision_models, tmp_path
):
    options = {"init_weights": False} if peer == "googlenet" else {}
    network = randomise_torch(torch, getattr(torchvision_models, peer)(**options))
    torch.save(network.state_dict(), tmp_path / "a.pth")
    if peer == "googlenet":  # its published file holds auxiliary classifiers
        assert "aux2.fc2.bias" in network.state_dict()
    model = mine(weights=tmp_path / "a.pth", **LOGITS)
    assert_same_answers(torch, model, network, size)


@slow
@pytest.mark.peers
def test_inception_v4_answers_as_timm_without_the_background_class(torch, torchvision_models):
    timm = pytest.importorskip("timm")
    network = randomise_torch(torch, timm.create_model("inception_v4"))
    state_dict = network.state_dict()
    model = models.InceptionV4(input_shape=(None, None, 3), **LOGITS)
    published = {  # the file has a class more, the first
        key: torch.cat([torch.full_like(value[:1], 99.0), value]) if "last" in key else value
        for key, value in state_dict.items()
    }
    from_torch(model, published)
    assert_same_answers(torch, model, network, 80)


@slow
@pytest.mark.peers
def test_auxiliary_classifiers_are_loaded_if_the_model_has_them(torch, torchvision_models):
    network = randomise_torch(
        torch, torchvision_models.googlenet(aux_logits=True, init_weights=False)
    )
    model = models.InceptionV1(batch_norm=True, aux_logits=True)
    from_torch(model, network.state_dict())
    kernel = network.aux2.fc1.weight.detach().numpy()
    kernel = kernel.reshape(1024, 128, 4, 4).transpose(2, 3, 1, 0).reshape(2048, 1024)
    np.testing.assert_array_equal(model.get_layer("aux2_fc1").kernel, kernel)


def test_kernels_change_from_channels_first_to_channels_last(torch):
    state_dict = conv_net_of_torch(torch)
    images = np.random.default_rng(1).normal(size=(3, 6, 7, 3)).astype("float32")
    x = torch.from_numpy(images.transpose(0, 3, 1, 2))
    with torch.no_grad():
        for module in ("features.0", "features.3"):
            weight, bias = (state_dict[f"{module}.{variable}"] for variable in ("weight", "bias"))
            x = torch.relu(torch.nn.functional.conv2d(x, weight, bias))
        weight, bias = (state_dict[f"classifier.1.{variable}"] for variable in ("weight", "bias"))
        x = torch.relu(torch.flatten(x, 1) @ weight.T + bias)
        x = x @ state_dict["classifier.3.weight"].T + state_dict["classifier.3.bias"]
    model = from_torch(conv_net(), state_dict)
    np.testing.assert_allclose(model(images), x.numpy(), rtol=1e-4, atol=1e-4)


def test_a_pth_file_fits_a_network_without_top(torch, tmp_path):
    state_dict = conv_net_of_torch(torch)
    torch.save(state_dict, tmp_path / "a.pth")
    model = load_tiny(conv_net(include_top=False), tmp_path / "a.pth", include_top=False)
    kernel = state_dict["features.3.weight"].numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(model.layers[2].get_weights()[0], kernel)


def test_half_precision_tensors_are_read_as_float32(torch):
    state_dict = conv_net_of_torch(torch)
    halves = {key: value.to(torch.bfloat16) for key, value in state_dict.items()}
    model = from_torch(conv_net(), halves)
    bias = halves["features.0.bias"].float().numpy()
    np.testing.assert_array_equal(model.layers[1].get_weights()[1], bias)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"channels": 1}, r"features\.0 in the file \(3, 3, 3, 4\); .*\(height, width, 3\)"),
        ({"classes": 9}, r"predictions has shape \(7, 9\), classifier\.3 .* classes=5"),
    ],
)
def test_the_error_for_another_shape_names_the_layer_in_both_networks(wrong, sentence, torch):
    with pytest.raises(ValueError, match=sentence):
        from_torch(conv_net(**wrong), conv_net_of_torch(torch))


def test_tensors_of_another_network_are_refused(torch):
    with pytest.raises(ValueError, match=r"features\.5"):
        from_torch(conv_net(include_top=False), conv_net_of_torch(torch, last="features.5"))
    with pytest.raises(ValueError, match="resnet18: layer conv1_conv"):
        from_torch(models.ResNet18(), conv_net_of_torch(torch))


def test_a_pickle_is_never_run(torch, tmp_path):
    class Evil:
        def __reduce__(self):
            return (exec, ("open('proof', 'w')",))

    path = tmp_path / "a.pth"
    path.write_bytes(pickle.dumps({"weight": Evil()}))
    with pytest.raises(ValueError, match="holds more than tensors"):
        load_tiny(tiny(), path)
    torch.save({"weight": Evil()}, path)
    with pytest.raises(ValueError, match="holds more than tensors"):
        load_tiny(tiny(), path)


def test_a_training_checkpoint_is_refused(torch, tmp_path):
    torch.save({"epoch": 3, "state_dict": conv_net_of_torch(torch)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="is not a state_dict"):
        load_tiny(tiny(), tmp_path / "a.pth")


def test_a_pth_file_without_pytorch_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.pth").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ImportError, match=r"keras-cnn\[torch\]"):
        load_tiny(tiny(), tmp_path / "a.pth")
