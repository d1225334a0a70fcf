"""Published weights: their addresses and hashes, downloads from a local server."""

import hashlib
import http.server
import importlib
import inspect
import re
import threading

import numpy as np
import pytest
from tiny_networks import assert_same_weights, load_tiny, randomise, save, slow, tiny

from keras_cnn import downloads, models
from keras_cnn.models import weights
from keras_cnn.models.weights import File, load


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


def test_addresses_and_hashes_of_keras_files_equal_those_of_keras():
    theirs = dict(published_in_keras())
    ours = {
        file.address.partition("keras-applications/")[2]: file.hash
        for file in weights.FILES.values()
        if "keras-applications" in file.address and "mobilenet" not in file.address
    }
    assert len(ours) == 18
    assert ours == {name: theirs[name] for name in ours}


@pytest.mark.peers
def test_addresses_of_torchvision_files_equal_those_of_torchvision(torchvision_models):
    addresses = {
        entry.url
        for name in torchvision_models.list_models(module=torchvision_models)
        for entry in torchvision_models.get_model_weights(name)
    }
    ours = {f.address for f in weights.FILES.values() if "download.pytorch.org" in f.address}
    assert len(ours) == 6 and ours <= addresses


def test_every_hash_is_an_md5_or_a_sha256_or_its_first_digits():
    for file in {*weights.FILES.values(), weights.CLASS_INDEX}:
        name = file.address.rpartition("/")[2]
        if name in ("mobilenet_2_5_224_tf.h5", "mobilenet_2_5_224_tf_no_top.h5"):
            assert file.hash is None and re.fullmatch("[0-9a-f]{64}", file.values)
        elif name.startswith("mobilenet") and not name.startswith("mobilenet_1_0_224"):
            assert file.hash is None and file.values is None
        elif name.endswith(".pth"):
            digits = re.search(r"-([0-9a-f]{8})\.pth$", name)[1]
            assert file.hash.startswith(digits) and len(file.hash) in (8, 64)
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


def test_the_published_file_without_the_top_is_another_file(publish, cache, server, tmp_path):
    publish(save(tiny(), tmp_path / "with.by_order.h5"), hash=hashlib.md5)
    saved = randomise(tiny(include_top=False), 1)
    publish(save(saved, tmp_path / "without.by_order.h5"), hash=hashlib.md5, top=False)
    model = load_tiny(tiny(include_top=False), "imagenet", include_top=False)
    assert_same_weights(model, saved)
    assert server[2] == ["/without.by_order.h5"]


def test_a_forged_file_is_refused_and_deleted(publish, cache, tmp_path):
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


def test_a_file_that_the_user_put_into_the_cache_needs_no_download(
    publish, cache, server, tmp_path
):
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
def test_a_failed_download_names_the_file_its_address_its_path_and_its_hash(
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
    for text in ("tiny.by_order.h5 is", row.address, str(cache / "tiny.by_order.h5"), row.hash):
        assert text in sentence
    assert ("404" in sentence) or (fault == "refused" and "refused" in sentence)
    assert "\n" not in sentence
    assert list(cache.iterdir()) == []


def test_a_file_without_a_published_hash_is_not_downloaded_over_http_but_can_be_passed(
    publish, cache, server, tmp_path
):
    saved = randomise(tiny(), 1)
    path = save(saved, tmp_path / "tiny.by_order.h5")
    publish(path, hash=None)
    with pytest.raises(OSError, match=r"http://.* \(no digest is published .* only https"):
        load_tiny(tiny(), "imagenet")
    assert server[2] == [] and list(cache.iterdir()) == []
    assert_same_weights(load_tiny(tiny(), path), saved)


@pytest.mark.parametrize(
    "name", ["mobilenet_2_5_128", "mobilenet_5_0_160", "mobilenet_7_5_192", "mobilenet_1_0_224"]
)
def test_all_published_mobilenets_are_asked_for_over_https(name, cache, monkeypatch):
    asked = []

    def refuse(address, file, *, secure):
        asked.append((address.partition("keras-applications/")[2], secure))
        raise downloads._Refused("no network")

    monkeypatch.setattr(downloads, "_receive", refuse)
    for top, ending in [(True, ""), (False, "_no_top")]:
        with pytest.raises(OSError, match=r"https://storage\S* \(no network\)"):
            load(tiny(), "imagenet", architecture=name, include_top=top)
        assert asked.pop() == (f"mobilenet/{name}_tf{ending}.h5", name != "mobilenet_1_0_224")


@pytest.mark.parametrize(
    ("architecture", "sentence"),
    [
        ("lenet5", "no weights are published for lenet5; pass weights=None"),
        ("alexnet", "for alexnet, only for its variant alexnet_owt"),
        ("inception_v1", "only for its variant inception_v1_bn"),
    ],
)
def test_imagenet_without_published_weights_is_refused(architecture, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(tiny(), "imagenet", architecture=architecture)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"classes": 10}, "classes=10"), ({"input_shape": (224, 224, 1)}, "3 channels")],
)
def test_imagenet_for_other_classes_or_channels_is_refused_before_a_download(
    options, sentence, monkeypatch
):
    monkeypatch.setattr(weights, "_fetch", lambda *_: 1 / 0)
    with pytest.raises(ValueError, match=sentence):
        models.VGG16(weights="imagenet", **options)


@slow
def test_every_builder_asks_for_a_published_file(monkeypatch):
    asked = []
    monkeypatch.setattr(weights, "_fetch", lambda file, _: asked.append(file.address) or 1 / 0)
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
