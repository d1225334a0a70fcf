import hashlib
import http.server
import importlib
import inspect
import json
import pickle
import re
import threading
import zipfile
from functools import partial

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from keras_cnn import models
from keras_cnn.models import book, weights
from keras_cnn.models.weights import File, decode_predictions, from_torch, load, preprocess_input

APPLICATIONS = keras.applications
slow = pytest.mark.slow


def tiny(*, channels=3, classes=5, include_top=True, filters=4, bias=True):
    """A network with every kind of layer weights files hold, and a branch."""
    inputs = keras.Input((8, 8, channels))
    x = layers.Conv2D(filters, 3, use_bias=bias, name="conv1")(inputs)
    x = layers.BatchNormalization(name="bn1")(x)
    y = layers.DepthwiseConv2D(1, use_bias=False, name="depthwise")(x)
    x = layers.Conv2D(filters, 1, name="conv2")(x)
    x = layers.Add(name="add")([x, y])
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dropout(0.5, name="dropout")(x)
        x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="tiny")


def randomise(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.weights])
    return model


def save(model, path):
    """Write `path` as Keras does; `.by_order.h5` as the published files of keras.applications."""
    if path.name.endswith(".by_order.h5"):
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
            for layer in model.layers:
                group = file.create_group(layer.name)
                variables = layer.trainable_weights + layer.non_trainable_weights
                group.attrs["weight_names"] = [variable.path.encode() for variable in variables]
                for variable in variables:
                    group[variable.path] = keras.ops.convert_to_numpy(variable)
    elif path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)
    return path


def assert_same_weights(model, expected):
    for mine, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


FORMATS = ["a.by_order.h5", "a.h5", "a.weights.h5", "a.keras"]
load_tiny = partial(load, architecture="tiny")


# --------------------------------------------------------------------------- files of Keras


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_each_format_gives_the_model_the_weights_it_was_saved_with(name, tmp_path):
    saved = randomise(tiny(), 1)
    path = save(saved, tmp_path / name)
    model = randomise(tiny(), 2)
    assert load_tiny(model, str(path)) is model
    assert_same_weights(model, saved)


@pytest.mark.parametrize("name", FORMATS)
def test_without_the_top_a_file_with_a_top_gives_the_rest(name, tmp_path):
    saved = randomise(tiny(), 1)
    path = save(saved, tmp_path / name)
    model = load_tiny(randomise(tiny(include_top=False), 2), path, include_top=False)
    expected = keras.Model(saved.input, saved.get_layer("add").output)
    assert_same_weights(model, expected)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"channels": 1},
            r"layer conv1 has shape \(3, 3, 1, 4\), .* in the file \(3, 3, 3, 4\); "
            r"build it with input_shape=\(height, width, 3\)",
        ),
        (
            {"classes": 7},
            r"layer predictions has shape \(144, 7\), .* in the file \(144, 5\); "
            "build it with classes=5, or with include_top=False",
        ),
        (
            {"filters": 3},
            r"layer conv1 has shape \(3, 3, 3, 3\), .* in the file \(3, 3, 3, 4\); "
            "build the network with the options it was saved with",
        ),
        ({"bias": False}, r"layer conv1 .*\[\(3, 3, 3, 4\)\], .*\[\(3, 3, 3, 4\), \(4,\)\]"),
        ({"include_top": False}, "has weights of (predictions|dense), which the model lacks"),
    ],
    ids=["channels", "classes", "filters", "bias", "top"],
)
def test_a_file_for_another_shape_names_the_layer_the_shapes_and_the_way_out(
    name, wrong, sentence, tmp_path
):
    path = save(tiny(), tmp_path / name)
    model = randomise(tiny(**wrong))
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=f"^{re.escape(str(path))} does not fit tiny: .*{sentence}"
    ):
        load_tiny(model, path)
    for mine, unchanged in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, unchanged)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_the_top_does_not_fill_a_top(name, tmp_path):
    path = save(tiny(include_top=False), tmp_path / name)
    with pytest.raises(ValueError, match="no weights for layer predictions"):
        load_tiny(tiny(), path)


def test_a_frozen_model_is_loaded_as_a_trained_one(tmp_path):
    saved = randomise(tiny(), 1)
    model = tiny()
    model.trainable = False
    load_tiny(model, save(saved, tmp_path / "a.by_order.h5"))
    assert_same_weights(model, saved)


def test_long_lists_of_names_in_pieces_are_read_whole(tmp_path):
    saved = randomise(tiny(), 1)
    path = save(saved, tmp_path / "a.by_order.h5")
    with h5py.File(path, "a") as file:
        names = file.attrs.pop("layer_names")
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:4], names[4:]
    assert_same_weights(load_tiny(randomise(tiny(), 2), path), saved)


@pytest.mark.parametrize(
    "builder",
    [
        pytest.param("MobileNet", marks=slow),
        pytest.param("ResNet50", marks=slow),
        pytest.param("DenseNet121", marks=slow),
        pytest.param("VGG16", marks=slow),
        pytest.param("InceptionV3", marks=slow),  # its layers are numbered, not named
    ],
)
def test_files_of_keras_applications_fit_our_builders(builder, tmp_path):
    options = {"weights": None, "include_top": False, "input_shape": (75, 75, 3)}
    peer = randomise(getattr(APPLICATIONS, builder)(**options), 1)
    path = save(peer, tmp_path / "published.by_order.h5")
    model = getattr(models, builder)(**{**options, "weights": path})
    assert_same_weights(model, peer)


def test_a_model_of_our_own_is_read_back_from_all_formats(tmp_path):
    saved = randomise(models.LeNet5(), 1)
    for name in FORMATS:
        path = save(saved, tmp_path / name)
        assert_same_weights(models.LeNet5(weights=path), saved)
    with pytest.raises(ValueError, match="layer predictions .* classes=10"):
        models.LeNet5(weights=path, classes=3)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("imagnet", r"weights must be None, 'imagenet' or the path of a file .*'imagnet'"),
        (3, r"weights must be .* received weights=3"),
        ("model.onnx", r"ends in \.h5, \.hdf5, \.keras, \.pth; received"),
        ("nowhere/model.h5", r"there is no file nowhere/model\.h5"),
    ],
)
def test_what_is_no_weights_file_is_answered_with_a_sentence(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_tiny(tiny(), value)


@pytest.mark.parametrize("name", ["a.h5", "a.weights.h5", "a.keras", "a.pth"])
def test_a_damaged_file_is_answered_with_a_sentence_and_changes_nothing(name, tmp_path):
    if name.endswith(".pth"):
        pytest.importorskip("torch")
    path = tmp_path / name
    path.write_bytes(b"<html>404: not found</html>")
    with pytest.raises(ValueError, match="a.* is not a weights file of Keras|damaged"):
        load_tiny(tiny(), path)


def test_a_truncated_file_changes_nothing(tmp_path):
    path = save(tiny(), tmp_path / "a.by_order.h5")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="damaged"):
        load_tiny(tiny(), path)


def test_an_hdf5_file_of_something_else_is_no_weights_file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["pictures"] = np.zeros(3)
    with pytest.raises(ValueError, match="is not a weights file of Keras.*layer_names"):
        load_tiny(tiny(), tmp_path / "a.h5")


def test_a_link_out_of_a_weights_file_is_not_followed(tmp_path):
    path = save(tiny(), tmp_path / "a.by_order.h5")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.zeros((3, 3, 3, 4))
    with h5py.File(path, "a") as file:
        del file["conv1/conv1/kernel"]
        file["conv1/conv1/kernel"] = h5py.ExternalLink("secret.h5", "kernel")
    with pytest.raises(ValueError, match="is a link"):
        load_tiny(tiny(), path)


def test_nothing_in_a_keras_archive_is_run(tmp_path):
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Lambda(lambda x: x * 2)(layers.Conv2D(2, 3)(inputs))
    saved = keras.Model(inputs, outputs)
    saved.save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert "Lambda" in archive.read("config.json").decode()
    model = keras.Model(inputs, layers.Conv2D(2, 3)(inputs))
    assert_same_weights(load_tiny(model, tmp_path / "a.keras"), saved)


# --------------------------------------------------------------------------- published files


def published_in_keras():
    """Yield (file name, MD5) of every call of get_file in keras.applications' source."""
    from keras.src.applications import resnet

    for name, hashes in resnet.WEIGHTS_HASHES.items():
        for ending, md5 in zip(("", "_notop"), hashes, strict=True):
            yield f"resnet/{name}_weights_tf_dim_ordering_tf_kernels{ending}.h5", md5
    for module in ("vgg16", "vgg19", "densenet", "inception_v3"):
        module = importlib.import_module(f"keras.src.applications.{module}")
        source = inspect.getsource(module)
        for constant, md5 in re.findall(
            r"get_file\(\s*\"[^\"]*\",\s*(\w+),.*?file_hash=\"(\w+)\"", source, re.DOTALL
        ):
            yield getattr(module, constant).partition("keras-applications/")[2], md5


def test_every_file_of_keras_has_the_address_and_the_hash_keras_has():
    theirs = dict(published_in_keras())
    ours = {
        file.address.partition("keras-applications/")[2]: file.hash
        for file in weights.FILES.values()
        if "keras-applications" in file.address and file.hash
    }
    assert len(ours) == 18
    assert ours == {name: theirs[name] for name in ours}


@pytest.mark.peers
def test_every_file_of_torchvision_has_the_address_torchvision_has(torchvision_models):
    addresses = {
        entry.url
        for name in torchvision_models.list_models(module=torchvision_models)
        for entry in torchvision_models.get_model_weights(name)
    }
    ours = {f.address for f in weights.FILES.values() if "download.pytorch.org" in f.address}
    assert len(ours) == 6 and ours <= addresses


def test_every_hash_is_an_md5_a_sha256_or_the_start_of_one():
    for file in {*weights.FILES.values(), weights.CLASS_INDEX}:
        name = file.address.rpartition("/")[2]
        if name.startswith("mobilenet"):
            assert file.hash is None
        elif name.endswith(".pth"):
            told = re.search(r"-([0-9a-f]{8})\.pth$", name)[1]
            assert file.hash.startswith(told) and len(file.hash) in (8, 64)
        else:
            assert re.fullmatch("[0-9a-f]{32}", file.hash)
        assert file.rule in ("caffe", "tf", "torch", "")
        assert file.address.startswith("https://")


@pytest.fixture
def server(tmp_path):
    """Serve a folder on this machine: `(folder, address, paths asked for)`."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_message(self, *args):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{served.server_port}", asked
        served.shutdown()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


@pytest.fixture
def publish(server, monkeypatch):
    """Put a file on the server and into the table; return its bytes."""
    folder, address, _ = server

    def publish(path, *, hash, architecture="tiny", top=True, rule="tf"):
        content = path.read_bytes()
        (folder / path.name).write_bytes(content)
        if callable(hash):
            hash = hash(content).hexdigest()
        row = File(f"{address}/{path.name}", hash, rule)
        monkeypatch.setitem(weights.FILES, (architecture, top), row)
        return content

    return publish


@pytest.mark.parametrize("algorithm", [hashlib.md5, hashlib.sha256])
def test_imagenet_downloads_the_published_file_once(algorithm, publish, cache, server, tmp_path):
    saved = randomise(tiny(), 1)
    content = publish(save(saved, tmp_path / "tiny.by_order.h5"), hash=algorithm)
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)
    assert server[2] == ["/tiny.by_order.h5"]
    assert [file.name for file in cache.iterdir()] == ["tiny.by_order.h5"]
    assert (cache / "tiny.by_order.h5").read_bytes() == content


def test_the_first_digits_of_a_hash_are_checked_where_no_more_are_published(
    publish, cache, tmp_path
):
    path = save(tiny(), tmp_path / "tiny.by_order.h5")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    publish(path, hash=digest[:8])
    load_tiny(tiny(), "imagenet")
    publish(path, hash="0" * 8 if digest[:8] != "0" * 8 else "1" * 8)
    with pytest.raises(ValueError, match=r"its SHA-256 must be 0{8}\.\.\. and is"):
        load_tiny(tiny(), "imagenet")


def test_the_file_without_the_top_is_another_one(publish, cache, server, tmp_path):
    publish(save(tiny(), tmp_path / "with.by_order.h5"), hash=hashlib.md5)
    saved = randomise(tiny(include_top=False), 1)
    publish(save(saved, tmp_path / "without.by_order.h5"), hash=hashlib.md5, top=False)
    model = load_tiny(tiny(include_top=False), "imagenet", include_top=False)
    assert_same_weights(model, saved)
    assert server[2] == ["/without.by_order.h5"]


def test_a_forged_file_is_refused_and_does_not_stay(publish, cache, tmp_path):
    path = save(tiny(), tmp_path / "tiny.by_order.h5")
    publish(path, hash="0" * 32)
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    model = tiny()
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=f"sent another file .* its MD5 must be {'0' * 32} and is {digest}"
    ):
        load_tiny(model, "imagenet")
    assert list(cache.iterdir()) == []
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_file_put_there_by_hand_is_used_without_a_network(publish, cache, server, tmp_path):
    saved = randomise(tiny(), 1)
    content = publish(save(saved, tmp_path / "tiny.by_order.h5"), hash=hashlib.md5)
    cache.mkdir(parents=True)
    (cache / "tiny.by_order.h5").write_bytes(content)
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)
    assert server[2] == []


def test_a_damaged_file_in_the_cache_is_replaced(publish, cache, tmp_path):
    saved = randomise(tiny(), 1)
    publish(save(saved, tmp_path / "tiny.by_order.h5"), hash=hashlib.md5)
    cache.mkdir(parents=True)
    (cache / "tiny.by_order.h5").write_bytes(b"half a file")
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)


@pytest.mark.parametrize("fault", ["404", "refused"])
def test_without_the_file_the_error_names_it_its_address_its_place_and_its_hash(
    fault, publish, cache, server, monkeypatch, tmp_path
):
    publish(save(tiny(), tmp_path / "tiny.by_order.h5"), hash=hashlib.md5)
    row = weights.FILES["tiny", True]
    if fault == "404":
        (server[0] / "tiny.by_order.h5").unlink()
    else:
        row = row._replace(address="http://127.0.0.1:9/tiny.by_order.h5")  # nobody listens
        monkeypatch.setitem(weights.FILES, ("tiny", True), row)
    try:
        load_tiny(tiny(), "imagenet")
    except OSError as error:  # pytest.raises would keep the socket of the answer alive
        sentence = str(error)
    for part in ("tiny.by_order.h5 is", row.address, str(cache / "tiny.by_order.h5"), row.hash):
        assert part in sentence
    assert ("404" in sentence) or (fault == "refused" and "refused" in sentence)
    assert "\n" not in sentence
    assert list(cache.iterdir()) == []


def test_a_file_without_a_published_hash_is_never_downloaded_but_can_be_given(
    publish, cache, server, tmp_path
):
    saved = randomise(tiny(), 1)
    path = save(saved, tmp_path / "tiny.by_order.h5")
    publish(path, hash=None)
    with pytest.raises(
        ValueError, match=r"tiny\.by_order\.h5 has no published hash.*http://.*path"
    ):
        load_tiny(tiny(), "imagenet")
    assert server[2] == []
    assert_same_weights(load_tiny(tiny(), path), saved)


@pytest.mark.parametrize(
    "name", ["mobilenet_2_5_128", "mobilenet_5_0_160", "mobilenet_7_5_192", "mobilenet_1_0_224"]
)
def test_all_published_mobilenets_are_known_but_refused(name):
    for top, ending in [(True, ""), (False, "_no_top")]:
        with pytest.raises(ValueError, match=rf"{name}_tf{ending}\.h5 has no published hash"):
            load(tiny(), "imagenet", architecture=name, include_top=top)


@pytest.mark.parametrize(
    ("architecture", "sentence"),
    [
        ("lenet5", "no weights are published for lenet5; pass weights=None"),
        ("alexnet", "for alexnet, only for its variant alexnet_owt"),
        ("inception_v1", "only for its variant inception_v1_bn"),
    ],
)
def test_imagenet_where_nothing_is_published_is_answered_with_a_sentence(architecture, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(tiny(), "imagenet", architecture=architecture)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"classes": 10}, "classes=10"), ({"input_shape": (224, 224, 1)}, "3 channels")],
)
def test_imagenet_for_other_classes_or_channels_is_answered_before_any_download(
    options, sentence, monkeypatch
):
    monkeypatch.setattr(weights, "_fetch", lambda file: 1 / 0)
    with pytest.raises(ValueError, match=sentence):
        models.VGG16(weights="imagenet", **options)


@slow
def test_all_builders_ask_for_a_row_of_the_table(monkeypatch):
    asked = []
    monkeypatch.setattr(weights, "_fetch", lambda file: asked.append(file.address) or 1 / 0)
    builders = {
        "AlexNet": {"one_weird_trick": True},
        "InceptionV1": {"batch_norm": True},
        **{
            name: {}
            for name in "VGG11 VGG13 VGG16 VGG19 InceptionV3 InceptionV4 ResNet18 ResNet34 ResNet50"
            " ResNet101 ResNet152 DenseNet121 DenseNet169 DenseNet201 MobileNet".split()
        },
    }
    for name, options in builders.items():
        with pytest.raises(ZeroDivisionError):
            getattr(models, name)(weights="imagenet", include_top=False, **options)
    assert len(set(asked)) == len(builders)


# --------------------------------------------------------------------------- PyTorch


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def torchvision_models(torch):
    try:
        return pytest.importorskip("torchvision.models")
    except RuntimeError:  # compiled for another torch; its networks are plain Python all the same
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        return importlib.import_module("torchvision.models")


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
def test_a_pth_file_of_torchvision_answers_as_torchvision(
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
def test_inception_v4_of_timm_answers_alike_and_loses_the_background(torch, torchvision_models):
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
def test_auxiliary_classifiers_are_loaded_where_the_model_has_them(torch, torchvision_models):
    network = randomise_torch(
        torch, torchvision_models.googlenet(aux_logits=True, init_weights=False)
    )
    model = models.InceptionV1(batch_norm=True, aux_logits=True)
    from_torch(model, network.state_dict())
    kernel = network.aux2.fc1.weight.detach().numpy()
    kernel = kernel.reshape(1024, 128, 4, 4).transpose(2, 3, 1, 0).reshape(2048, 1024)
    np.testing.assert_array_equal(model.get_layer("aux2_fc1").kernel, kernel)


def conv_net_of_torch(torch, last="classifier.3"):
    rng = np.random.default_rng(0)
    shapes = {
        "features.0": [(4, 3, 3, 3), (4,)],
        "features.3": [(6, 4, 3, 3), (6,)],
        "classifier.1": [(7, 6 * 2 * 3), (7,)],
        last: [(5, 7), (5,)],
    }
    return {
        f"{module}.{part}": torch.from_numpy(rng.normal(size=shape).astype("float32"))
        for module, pair in shapes.items()
        for part, shape in zip(("weight", "bias"), pair, strict=True)
    }


def conv_net(*, include_top=True, classes=5, channels=3):
    inputs = keras.Input((6, 7, channels))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    if include_top:
        x = layers.Flatten()(x)
        x = layers.Dropout(0.5)(x)
        x = layers.Dense(7, activation="relu")(x)
        x = layers.Dense(classes, name="predictions")(x)
    return keras.Model(inputs, x, name="net")


def test_convolutions_and_the_flattened_map_change_from_channels_first_to_last(torch):
    state_dict = conv_net_of_torch(torch)
    images = np.random.default_rng(1).normal(size=(3, 6, 7, 3)).astype("float32")
    x = torch.from_numpy(images.transpose(0, 3, 1, 2))
    with torch.no_grad():
        for module in ("features.0", "features.3"):
            weight, bias = (state_dict[f"{module}.{part}"] for part in ("weight", "bias"))
            x = torch.relu(torch.nn.functional.conv2d(x, weight, bias))
        weight, bias = (state_dict[f"classifier.1.{part}"] for part in ("weight", "bias"))
        x = torch.relu(torch.flatten(x, 1) @ weight.T + bias)
        x = x @ state_dict["classifier.3.weight"].T + state_dict["classifier.3.bias"]
    model = from_torch(conv_net(), state_dict)
    np.testing.assert_allclose(model(images), x.numpy(), rtol=1e-4, atol=1e-4)


def test_a_pth_file_gives_its_convolutions_to_a_network_without_top(torch, tmp_path):
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
def test_tensors_of_another_shape_name_the_layer_in_both_networks(wrong, sentence, torch):
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


def test_a_training_checkpoint_is_no_state_dict(torch, tmp_path):
    torch.save({"epoch": 3, "state_dict": conv_net_of_torch(torch)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="is not a state_dict"):
        load_tiny(tiny(), tmp_path / "a.pth")


def test_a_pth_file_without_pytorch_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.pth").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ImportError, match=r"keras-cnn\[torch\]"):
        load_tiny(tiny(), tmp_path / "a.pth")


# --------------------------------------------------------------------------- pictures and classes


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (2, 6, 5, 3)).astype("float32")


@pytest.mark.parametrize(
    ("builder", "module"),
    [
        ("VGG16", "vgg16"),
        ("VGG19", "vgg19"),
        ("ResNet50", "resnet"),
        ("ResNet152", "resnet"),
        ("DenseNet121", "densenet"),
        ("InceptionV3", "inception_v3"),
        ("MobileNet", "mobilenet"),
    ],
)
def test_pictures_are_prepared_as_keras_applications_does(builder, module, images):
    expected = getattr(APPLICATIONS, module).preprocess_input(images.copy())
    prepared = preprocess_input(images, getattr(models, builder))
    assert prepared.dtype == "float32"
    np.testing.assert_array_equal(prepared, expected)


@pytest.mark.peers
@pytest.mark.parametrize("builder", ["AlexNet", "VGG11", "VGG13", "ResNet18", "ResNet34"])
def test_pictures_are_prepared_as_torchvision_does(builder, images, torch, torchvision_models):
    peer = torchvision_models.get_model_weights(builder.lower()).DEFAULT.transforms()
    expected = (torch.from_numpy(images / 255) - torch.tensor(peer.mean)) / torch.tensor(peer.std)
    prepared = preprocess_input(images, getattr(models, builder))
    np.testing.assert_allclose(prepared, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.peers
def test_googlenet_undoes_the_scaling_of_torchvision_for_that_of_tensorflow(
    images, torch, torchvision_models
):
    network = torchvision_models.googlenet(
        transform_input=True, aux_logits=False, init_weights=False
    )
    peer = torchvision_models.get_model_weights("googlenet").DEFAULT.transforms()
    scaled = (torch.from_numpy(images / 255) - torch.tensor(peer.mean)) / torch.tensor(peer.std)
    expected = network._transform_input(scaled.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    prepared = preprocess_input(images, models.InceptionV1)
    np.testing.assert_allclose(prepared, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.peers
def test_inception_v4_is_prepared_as_timm_does(images, torchvision_models):
    config = pytest.importorskip("timm").create_model("inception_v4").default_cfg
    expected = (images / 255 - np.array(config["mean"])) / np.array(config["std"])
    np.testing.assert_allclose(
        preprocess_input(images, models.InceptionV4), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("builder", ["VGG16", "ResNet18", "MobileNet"])
def test_whole_numbers_single_pictures_and_tensors_are_prepared_alike(builder, images):
    builder = getattr(models, builder)
    images = images.astype("uint8")
    expected = preprocess_input(images.astype("float64"), builder)
    assert expected.dtype == "float32"
    np.testing.assert_array_equal(preprocess_input(images, builder), expected)
    np.testing.assert_array_equal(preprocess_input(images[0], builder), expected[0])
    np.testing.assert_array_equal(preprocess_input(images.tolist(), builder), expected)
    tensor = preprocess_input(keras.ops.convert_to_tensor(images), builder)
    assert keras.ops.is_tensor(tensor)
    np.testing.assert_allclose(tensor, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("builder", ["VGG16", "ResNet18", "MobileNet"])
def test_the_pictures_themselves_are_not_changed(builder, images):
    before = images.copy()
    preprocess_input(images, getattr(models, builder))
    np.testing.assert_array_equal(images, before)


def test_pictures_can_be_prepared_inside_a_model(images):
    inputs = keras.Input((6, 5, 3))
    model = keras.Model(inputs, preprocess_input(inputs, models.VGG16))
    np.testing.assert_allclose(model(images), preprocess_input(images, models.VGG16), rtol=1e-5)


def test_a_model_knows_the_rule_of_its_weights(images, tmp_path):
    expected = preprocess_input(images, models.VGG11)
    options = {"include_top": False, "input_shape": (32, 32, 3)}
    model = models.VGG11(name="mine", **options)
    np.testing.assert_array_equal(preprocess_input(images, model), expected)
    models.VGG11(**options).save(tmp_path / "a.keras")
    model = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(preprocess_input(images, model), expected)


def test_weights_of_torchvision_bring_their_own_rule(images, monkeypatch, torch, tmp_path):
    torch.save(conv_net_of_torch(torch), tmp_path / "a.pth")
    model = load(conv_net(), tmp_path / "a.pth", architecture="vgg16")
    torchs, caffes = (preprocess_input(images, b) for b in (models.VGG11, models.VGG16))
    np.testing.assert_array_equal(preprocess_input(images, model), torchs)
    assert abs(torchs - caffes).max() > 1


@pytest.mark.parametrize(
    "model",
    [
        models.LeNet5,
        models.LeNet5(),
        models.LeNet5(name="vgg16"),
        book.AlexNet,
        models.SoftmaxRegression,
        keras.Sequential(name="mine"),
        "vgg16",
    ],
)
def test_a_network_without_published_weights_has_no_rule(model, images):
    with pytest.raises(ValueError, match="no weights are published for .* no rule is known"):
        preprocess_input(images, model)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (2, 6, 5, 4), (1, 2, 6, 5, 3)])
def test_only_rgb_pictures_are_prepared(shape):
    with pytest.raises(ValueError, match=re.escape(f"received shape {shape}")):
        preprocess_input(np.zeros(shape), models.VGG16)


@pytest.fixture
def class_index(cache, monkeypatch):
    """A list of classes in Keras' cache, as a download would have left it."""
    classes = {str(i): [f"n{i:08}", f"thing_{i}"] for i in range(1000)}
    content = json.dumps(classes).encode()
    cache.mkdir(parents=True)
    (cache / "imagenet_class_index.json").write_bytes(content)
    row = weights.CLASS_INDEX._replace(hash=hashlib.md5(content).hexdigest())
    monkeypatch.setattr(weights, "CLASS_INDEX", row)
    return classes


def test_predictions_are_decoded_as_keras_does(class_index, monkeypatch):
    from keras.src.applications import imagenet_utils

    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", class_index)
    scores = np.random.default_rng(0).dirichlet(np.ones(1000), 3).astype("float32")
    for top in (1, 5, 1000):
        expected = imagenet_utils.decode_predictions(scores, top=top)
        assert decode_predictions(scores, top=top) == expected
    (best, *_), *_ = decode_predictions(keras.ops.convert_to_tensor(scores))
    assert best == (f"n{scores[0].argmax():08}", f"thing_{scores[0].argmax()}", scores[0].max())


def test_keras_and_we_read_the_same_list_of_classes():
    from keras.src.applications import imagenet_utils

    assert weights.CLASS_INDEX.address == imagenet_utils.CLASS_INDEX_PATH
    assert f'file_hash="{weights.CLASS_INDEX.hash}"' in inspect.getsource(imagenet_utils)


def test_scores_of_other_classes_are_not_decoded(class_index):
    with pytest.raises(ValueError, match=r"\(batch, 1000\); received shape \(2, 10\)"):
        decode_predictions(np.zeros((2, 10)))


def test_without_the_list_of_classes_the_error_says_where_to_put_it(cache, monkeypatch):
    row = weights.CLASS_INDEX._replace(address="http://127.0.0.1:9/imagenet_class_index.json")
    monkeypatch.setattr(weights, "CLASS_INDEX", row)
    with pytest.raises(OSError, match=f"put it at {cache}/imagenet_class_index.json; its MD5"):
        decode_predictions(np.zeros((1, 1000)))
