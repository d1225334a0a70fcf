"""SSD300: its architecture equals the paper's; weights load completely or not at all."""

import h5py
import keras
import numpy as np
import pytest

from keras_cnn.detection import boxes
from keras_cnn.detection.loss import MultiboxLoss
from keras_cnn.models import ssd, ssd_weights, vgg


@pytest.fixture(scope="module")
def model():
    return ssd.SSD300()


@pytest.fixture(scope="module")
def light():
    return ssd.SSD300(base="mobilenet", classes=4)


def randomise(model, *, seed=0):
    """Random weights and biases that keep the scale of the activations."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = []
        for value in layer.get_weights():
            spread = (2 / np.prod(value.shape[:-1])) ** 0.5 if value.ndim > 1 else 0.1
            values.append(rng.normal(size=value.shape).astype("float32") * spread)
        if layer.name == "conv4_3_norm":
            values = [rng.uniform(5, 30, values[0].shape).astype("float32")]
        layer.set_weights(values)


def test_the_network_has_the_papers_size(model):
    assert model.count_params() == 26_285_486
    assert model.output_shape == (None, 8732, 25) and len(boxes.priors()) == ssd.PRIORS == 8732
    names = {layer.name for layer in model.layers}
    assert {"conv1_1", "conv5_3", "fc6", "fc7", "conv6_1", "conv9_2"} <= names
    assert {"conv4_3_norm", "conv4_3_norm_mbox_loc", "conv9_2_mbox_conf"} <= names
    assert model.get_layer("fc6").dilation_rate == (6, 6)
    np.testing.assert_array_equal(model.get_layer("conv4_3_norm").get_weights()[0], 20)
    cells = [model.get_layer(f"{name}_mbox_loc").output.shape[1] for name in ssd.MAPS]
    assert cells == list(boxes.CELLS)
    assert list(ssd.MAPS.values()) == [2 + 2 * len(ratios) for ratios in boxes.RATIOS]


def test_the_light_base_has_the_same_maps(light):
    assert light.output_shape == (None, 8732, 8)
    assert [light.get_layer(f"{name}_mbox_loc").output.shape[1] for name in ssd.MAPS] == list(
        boxes.CELLS
    )
    assert light.count_params() < 10e6


def test_alpha_thins_every_stage_of_the_light_network(light):
    thin = ssd.SSD300(base="mobilenet", classes=4, alpha=0.5)
    assert thin.output_shape == light.output_shape
    for layer in light.layers:
        if type(layer) is keras.layers.Conv2D and "mbox" not in layer.name:
            assert thin.get_layer(layer.name).filters * 2 == layer.filters, layer.name


def test_the_outputs_have_the_order_of_the_priors(light):
    """Each prior's output must depend on the pixels around that prior."""
    rng = np.random.default_rng(0)
    blank = np.full((1, 300, 300, 3), 127, "float32")
    before = light.predict(blank, verbose=0)
    marked = blank.copy()
    marked[:, 120:140, 220:240] = rng.uniform(0, 255, (20, 20, 3))
    change = np.abs(light.predict(marked, verbose=0) - before)[0].max(axis=1)
    first = slice(38 * 38 * 4)  # the finest map
    corners, weight = boxes.priors()[first], change[first, None] ** 2
    found = (weight * (corners[:, :2] + corners[:, 2:]) / 2).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(found, [230 / 300, 130 / 300], atol=0.06)


def test_invalid_options_are_refused():
    with pytest.raises(ValueError, match="base must be one of"):
        ssd.SSD300(base="resnet")
    with pytest.raises(ValueError, match="laid out for pictures of .300, 300, 3."):
        ssd.SSD300(input_shape=(512, 512, 3))
    with pytest.raises(ValueError, match="classes must count the background"):
        ssd.SSD300(classes=1)
    with pytest.raises(ValueError, match="must leave at least one of 32 filters"):
        ssd.SSD300(base="mobilenet", alpha=0.001)
    with pytest.raises(ValueError, match="existing file"):
        ssd.SSD300(base="mobilenet", weights="nowhere.h5")


def test_mixed_precision_answers_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = ssd.SSD300(base="mobilenet", classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert mixed.output.dtype == "float32"
    mixed.compile(optimizer="sgd", loss=MultiboxLoss())
    targets = np.zeros((1, 8732, 5), "float32")
    targets[:, 100, 4] = 1
    assert np.isfinite(mixed.train_on_batch(np.zeros((1, 300, 300, 3), "float32"), targets))


def test_a_saved_detector_needs_nothing_of_this_package(light, tmp_path):
    light.save(tmp_path / "model.keras")
    config = light.to_json()
    assert "keras_cnn" not in config
    again = keras.saving.load_model(tmp_path / "model.keras")
    picture = np.random.default_rng(0).uniform(0, 255, (1, 300, 300, 3)).astype("float32")
    np.testing.assert_array_equal(
        again.predict(picture, verbose=0), light.predict(picture, verbose=0)
    )


class FakeVGG16:
    """The dense layers of VGG16 as they come, without 138 million weights in each test."""

    def __init__(self):
        rng = np.random.default_rng(0)
        shapes = {"block1_conv1": (3, 3, 3, 64), "fc1": (25088, 4096), "fc2": (4096, 4096)}
        self.layers = [self.Layer(name, shape, rng) for name, shape in shapes.items()]

    class Layer:
        def __init__(self, name, shape, rng):
            self.name = name
            self.weights = [
                rng.random(shape, np.float32),
                rng.random(shape[-1], np.float32),
            ]

        def get_weights(self):
            return self.weights


def test_imagenet_weights_are_subsampled_as_in_the_paper_and_turned_to_rgb(model):
    classifier = FakeVGG16()
    first, fc1, fc2 = (layer.weights for layer in classifier.layers)
    ssd_weights.from_classifier(model, classifier)
    kernel, bias = model.get_layer("conv1_1").get_weights()
    np.testing.assert_array_equal(kernel[:, :, 0], first[0][:, :, 2])
    np.testing.assert_array_equal(bias, first[1])
    kernel, bias = model.get_layer("fc6").get_weights()
    for row, column, channel, filters in [(0, 0, 0, 0), (2, 1, 5, 9), (1, 2, 511, 1023)]:
        flat = (3 * row * 7 + 3 * column) * 512 + channel
        assert kernel[row, column, channel, filters] == fc1[0][flat, 4 * filters]
    np.testing.assert_array_equal(bias, fc1[1][::4])
    kernel, _ = model.get_layer("fc7").get_weights()
    assert kernel[0, 0, 3, 10] == fc2[0][12, 40]


def test_the_names_of_the_base_are_those_of_vgg16():
    names = [layer.name for layer in vgg.VGG16(include_top=False).layers if layer.weights]
    ours = [f"conv{name[5]}_{name[-1]}" for name in names]
    built = [layer.name for layer in ssd.SSD300(classes=2).layers if layer.weights]
    assert built[: len(ours)] == ours


def as_caffe_port(model, path, *, left_out=()):
    """Write weights as Keras 1 and 2 did: filters for BGR, the norm's factors as a vector."""
    with h5py.File(path, "w") as file:
        for layer in model.layers:
            group = file.create_group(layer.name)
            if layer.name in left_out:
                continue
            for value, part in zip(layer.get_weights(), "Wb", strict=False):
                if layer.name == "conv1_1" and part == "W":
                    value = value[:, :, ::-1]
                if layer.name == "conv4_3_norm":
                    value = value.reshape(-1)
                group.create_dataset(f"{layer.name}_{part}:0", data=value)
        del file["mean"]


def test_a_caffe_port_loads_by_name_and_turned_to_rgb(model, tmp_path):
    randomise(model, seed=3)
    as_caffe_port(model, tmp_path / "ssd.h5")
    loaded = ssd.SSD300(weights=str(tmp_path / "ssd.h5"))
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_that_do_not_fit_change_nothing(model, tmp_path):
    as_caffe_port(model, tmp_path / "part.h5", left_out=("conv7_2",))
    other = ssd.SSD300(classes=21)
    before = other.get_weights()[0]
    with pytest.raises(ValueError, match="it has no layer 'conv7_2'"):
        ssd_weights.load(other, tmp_path / "part.h5")
    np.testing.assert_array_equal(other.get_weights()[0], before)


def test_heads_for_other_classes_stay_random_and_are_named(model, tmp_path, capsys):
    as_caffe_port(model, tmp_path / "ssd.h5")
    loaded = ssd.SSD300(classes=4, weights=tmp_path / "ssd.h5")
    printed = capsys.readouterr().out
    assert all(f"{name}_mbox_conf" in printed for name in ssd.MAPS) and "mbox_loc" not in printed
    ours, theirs = (m.get_layer("fc7_mbox_loc").get_weights()[0] for m in (loaded, model))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["light.weights.h5", "light.keras"])
def test_heads_for_other_classes_stay_random_with_our_own_files_too(light, tmp_path, capsys, name):
    path = tmp_path / name
    light.save_weights(path) if name.endswith(".h5") else light.save(path)
    loaded = ssd.SSD300(base="mobilenet", classes=5, weights=path)
    printed = capsys.readouterr().out
    assert all(f"{name}_mbox_conf" in printed for name in ssd.MAPS) and "mbox_loc" not in printed
    for layer in loaded.layers:
        if layer.weights and not layer.name.endswith("_mbox_conf"):
            theirs = light.get_layer(layer.name).get_weights()
            for value, expected in zip(layer.get_weights(), theirs, strict=True):
                np.testing.assert_array_equal(value, expected)
    with pytest.raises(ValueError, match="does not fit ssd300.*has shapes"):
        ssd.SSD300(base="mobilenet", classes=4, alpha=0.5, weights=path)


@pytest.fixture(scope="module")
def torchvision_ssd():
    torch = pytest.importorskip("torch")
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        try:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:
            pass  # a torchvision built with its operators brings its own
    detection = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    network = detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=5).eval()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if "scale_weight" in name:
                value.uniform_(5, 30)
            elif value.ndim > 1:
                value.normal_(std=(2 / value[0].numel()) ** 0.5)
            else:
                value.normal_(std=0.1)
    return torch, network


@pytest.mark.peers
def test_the_network_equals_torchvisions(torchvision_ssd, tmp_path):
    torch, network = torchvision_ssd
    torch.save(network.state_dict(), tmp_path / "ssd.pth")
    ours = ssd.SSD300(classes=5, weights=tmp_path / "ssd.pth")
    picture = np.random.default_rng(1).uniform(0, 255, (2, 300, 300, 3)).astype("float32")
    with torch.no_grad():
        pixels = torch.from_numpy(picture.transpose(0, 3, 1, 2)) / 255
        images, _ = network.transform(list(pixels))
        features = list(network.backbone(images.tensors).values())
        theirs = network.head(features)
    expected = np.concatenate([theirs["bbox_regression"], theirs["cls_logits"]], axis=-1)
    assert 0.1 < np.abs(expected).mean() < 100 and expected.std(axis=1).min() > 0.05
    np.testing.assert_allclose(
        ours.predict(picture, verbose=0), expected, rtol=1e-3, atol=1e-3 * expected.std()
    )


@pytest.mark.peers
def test_the_second_row_of_the_prior_table_is_torchvisions(torchvision_ssd):
    torch, _ = torchvision_ssd
    from torchvision.models.detection import anchor_utils, image_list

    generator = anchor_utils.DefaultBoxGenerator(
        [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
        scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        steps=[8, 16, 32, 64, 100, 300],
    )
    pictures = image_list.ImageList(torch.zeros(1, 3, 300, 300), [(300, 300)])
    maps = [torch.zeros(1, 1, cells, cells) for cells in (38, 19, 10, 5, 3, 1)]
    theirs = generator(pictures, maps)[0].numpy() / 300
    np.testing.assert_allclose(boxes.priors("torchvision"), theirs, atol=1e-6)
