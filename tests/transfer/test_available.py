"""Which pretrained network a training without a choice takes."""

import pytest

from keras_cnn import mirrors, models
from keras_cnn.models import published, weights
from keras_cnn.transfer import available
from keras_cnn.transfer.available import available_base


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("KERAS_CNN_MIRRORS", raising=False)
    monkeypatch.setattr(mirrors, "config_file", lambda: tmp_path / "none.toml")
    for key, file in published.FILES.items():
        name = file.address.rpartition("/")[2]
        row = file._replace(address=f"https://127.0.0.1:9/{name}")
        monkeypatch.setitem(weights.FILES, key, row)
    folder = tmp_path / "keras" / "models"
    folder.mkdir(parents=True)
    return folder


def test_without_files_and_network_there_is_a_reason_instead_of_a_base(cache):
    base, reason = available_base()
    assert base is None
    assert reason.startswith("none can be downloaded (mobilenet_1_0_224_tf_no_top.h5")


def test_a_file_of_the_cache_is_used_without_a_download(cache, tmp_path):
    small = models.MobileNet(alpha=0.25, include_top=False, input_shape=(32, 32, 3))
    small.save_weights(tmp_path / "a.weights.h5")
    (tmp_path / "a.weights.h5").rename(cache / "mobilenet_2_5_224_tf_no_top.h5")
    base, reason = available_base()
    assert base.label.startswith("MobileNet(alpha=0.25), weights of")
    assert reason == "its ImageNet weights are on this machine"
    assert base.build(input_shape=(32, 32, 3)).count_params() == small.count_params()


def test_a_gpu_gets_a_larger_network(cache, monkeypatch):
    monkeypatch.setattr(available.keras.distribution, "list_devices", lambda kind: ["gpu:0"])
    _, reason = available_base()
    assert reason.startswith("none can be downloaded (resnet50")
