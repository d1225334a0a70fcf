"""Published files come from the first address that has the right file, and whole or not at all."""

import contextlib
import errno
import hashlib
import http.server
import os
import re
import threading
import time
from pathlib import Path

import pytest
from download_server import BIRDS, BIRDS_ARRANGED, running, tree
from tiny_networks import assert_same_weights, load_tiny, randomise, save, tiny

from keras_cnn import InputError, datasets, downloads
from keras_cnn.downloads import DownloadError
from keras_cnn.models import weights

DEAD = "http://127.0.0.1:9"  # nobody listens
LOGIN = b"\n<!DOCTYPE html><html><title>Welcome to the hotel's network</title></html>"


@pytest.fixture
def weights_file(publisher, cache, tmp_path, monkeypatch):
    """Publish weights on a server that does not have them; return the model and the content."""
    saved = randomise(tiny(), 1)
    content = save(saved, tmp_path / "tiny.by_order.h5").read_bytes()
    row = weights.File(f"{publisher.url}/tiny.h5", hashlib.sha256(content).hexdigest(), "tf")
    monkeypatch.setitem(weights.FILES, ("tiny", True), row)
    monkeypatch.setattr(downloads, "STALLED", 0.3)
    return saved, content


@pytest.fixture
def unhashed(weights_file, monkeypatch):
    """Publish the weights without a hash."""
    row = weights.FILES["tiny", True]._replace(hash=None)
    monkeypatch.setitem(weights.FILES, ("tiny", True), row)
    return weights_file


def mirror(folder, content, name="models/tiny.h5"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder


@contextlib.contextmanager
def four_roots(name, content, *, fourth=True):
    """Yield the addresses of a dead, a slow, a forged and a right mirror."""
    with (
        running({name: content}, fault="stall") as slow,
        running({name: b"forged"}) as forged,
        running({name: content} if fourth else {}) as right,
    ):
        yield [DEAD, slow.url, forged.url, right.url]


def printed_reasons(printed, roots):
    """Return the reason that was printed for each root."""
    return [re.search(rf"from {re.escape(root)}/\S+\n  (.*)\n", printed)[1] for root in roots]


def assert_reasons(reasons):
    dead, slow, forged = reasons
    assert "refused" in dead and "timed out" in slow and "another file" in forged


def test_weights_come_from_the_fourth_mirror_if_others_are_dead_slow_and_forged(
    weights_file, cache, publisher, monkeypatch, capsys
):
    saved, content = weights_file
    with four_roots("models/tiny.h5", content) as roots:
        monkeypatch.setenv("KERAS_CNN_MIRRORS", ",".join(roots))
        assert_same_weights(load_tiny(tiny(), "imagenet"), saved)
    assert_reasons(printed_reasons(capsys.readouterr().out, roots[:3]))
    assert tree(cache) == {"tiny.h5": content} and publisher.requests == []


def test_a_data_set_comes_from_the_fourth_mirror_if_others_are_dead_slow_and_forged(
    place, publish, publisher, monkeypatch, capsys
):
    monkeypatch.setattr(downloads, "STALLED", 0.3)
    publish("birds", BIRDS)
    publisher.files.clear()
    content = BIRDS["CUB_200_2011.tgz"]
    with four_roots("birds/CUB_200_2011.tgz", content) as roots:
        monkeypatch.setenv("KERAS_CNN_MIRRORS", ",".join(roots))
        datasets.fetch("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED
    assert_reasons(printed_reasons(capsys.readouterr().out, roots[:3]))
    assert tree(place / "downloads") == {"birds/CUB_200_2011.tgz": content}
    assert publisher.requests == []


def test_one_sentence_names_file_digest_folder_and_each_address_with_its_reason(
    weights_file, cache, publisher, monkeypatch, tmp_path
):
    with four_roots("models/tiny.h5", weights_file[1], fourth=False) as roots:
        roots.append(str(tmp_path / "usb stick"))
        monkeypatch.setenv("KERAS_CNN_MIRRORS", ",".join(roots))
        with pytest.raises(DownloadError) as caught:
            load_tiny(tiny(), "imagenet")
    sentence = str(caught.value)
    assert isinstance(caught.value, InputError) and isinstance(caught.value, OSError)
    assert "\n" not in sentence and weights.FILES["tiny", True].hash in sentence
    assert f"put it at {cache / 'tiny.h5'}" in sentence
    pairs = re.findall(r"from (\S.*?) \((.*?)\)(?=, nor|: name a mirror)", sentence)
    assert_reasons([reason for _, reason in pairs[:3]])
    assert [address for address, _ in pairs] == [
        *(f"{root}/models/tiny.h5" for root in roots[:4]),
        str(tmp_path / "usb stick" / "models" / "tiny.h5"),
        f"{publisher.url}/tiny.h5",
    ]
    assert [reason for _, reason in pairs[3:]] == [
        "HTTP 404 Not Found",
        "there is no such file",
        "HTTP 404 Not Found",
    ]
    assert tree(cache) == {}


def test_the_publisher_is_asked_at_the_place_of_the_word_direct(
    weights_file, publisher, monkeypatch, tmp_path
):
    saved, content = weights_file
    publisher.files["tiny.h5"] = content
    folder = mirror(tmp_path / "mirror", b"not needed")
    monkeypatch.setenv("KERAS_CNN_MIRRORS", f"direct,{folder}")
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)
    assert publisher.requests == ["/tiny.h5"]


def test_the_cache_of_another_machine_is_a_mirror(weights_file, publisher, monkeypatch, tmp_path):
    saved, content = weights_file
    folder = mirror(tmp_path / "usb stick", content)
    monkeypatch.setenv("KERAS_CNN_MIRRORS", str(folder))
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)
    assert publisher.requests == []


def test_a_server_that_sends_a_few_bytes_at_a_time_is_given_up(weights_file, monkeypatch):
    finished = []

    class Trickle(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(500):  # 10 seconds
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.02)
                finished.append(self)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trickle) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        monkeypatch.setenv("KERAS_CNN_MIRRORS", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(OSError, match="timed out: below 1000 bytes per second"):
            load_tiny(tiny(), "imagenet")
        assert not finished, "the server was given up only when it had sent all"
        server.shutdown()


@pytest.mark.parametrize("hash", [True, False])
def test_the_login_page_of_a_network_is_called_a_web_page(
    weights_file, cache, monkeypatch, tmp_path, hash
):
    if not hash:
        row = weights.FILES["tiny", True]._replace(hash=None)
        monkeypatch.setitem(weights.FILES, ("tiny", True), row)
    folder = mirror(tmp_path / "mirror", LOGIN)
    monkeypatch.setenv("KERAS_CNN_MIRRORS", str(folder))
    with pytest.raises(DownloadError, match=r"models/tiny\.h5 \(it sent .*web page, such as"):
        load_tiny(tiny(), "imagenet")
    assert tree(cache) == {}


# ---------------------------------------------------------------- without a published hash


def test_a_file_without_a_published_hash_is_remembered_at_first_use(
    unhashed, cache, monkeypatch, tmp_path, capsys
):
    saved, content = unhashed
    folder = mirror(tmp_path / "mirror", content)
    monkeypatch.setenv("KERAS_CNN_MIRRORS", str(folder))
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)
    digest = hashlib.sha256(content).hexdigest()
    assert (cache / "tiny.h5.sha256").read_text() == f"{digest}  tiny.h5\n"
    assert capsys.readouterr().out.count("no digest is published; its SHA-256 is stored") == 1
    load_tiny(tiny(), "imagenet")
    assert capsys.readouterr().out == ""


def test_a_changed_file_without_a_published_hash_is_refused_with_the_way_out(
    unhashed, cache, tmp_path, publisher
):
    mirror(cache.parent, unhashed[1])
    load_tiny(tiny(), "imagenet")
    other = save(randomise(tiny(), 2), tmp_path / "other.by_order.h5").read_bytes()
    mirror(cache.parent, other)
    with pytest.raises(InputError, match="changed since its first use.*delete tiny.h5 to download"):
        load_tiny(tiny(), "imagenet")
    assert (cache / "tiny.h5").read_bytes() == other and publisher.requests == []
    (cache / "tiny.h5.sha256").unlink()
    load_tiny(tiny(), "imagenet")


def test_a_download_is_compared_with_the_digest_of_the_first_use(
    unhashed, cache, monkeypatch, tmp_path
):
    saved, content = unhashed
    mirror(cache.parent, content)
    load_tiny(tiny(), "imagenet")
    (cache / "tiny.h5").unlink()
    other = save(randomise(tiny(), 2), tmp_path / "other.by_order.h5").read_bytes()
    folder = mirror(tmp_path / "mirror", other)
    monkeypatch.setenv("KERAS_CNN_MIRRORS", str(folder))
    with pytest.raises(DownloadError, match="as at its first use .else delete tiny.h5.sha256"):
        load_tiny(tiny(), "imagenet")
    mirror(folder, content)
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)


@pytest.mark.parametrize("fault", ["truncated", "of another network"])
def test_a_faulty_file_without_a_published_hash_is_neither_kept_nor_remembered(
    unhashed, cache, monkeypatch, tmp_path, fault
):
    content = unhashed[1][:-1000]
    if fault == "of another network":
        content = save(tiny(filters=3), tmp_path / "other.by_order.h5").read_bytes()
    folder = mirror(tmp_path / "mirror", content)
    monkeypatch.setenv("KERAS_CNN_MIRRORS", str(folder))
    with pytest.raises(DownloadError, match="another file: it (does not fit|is not a weights)"):
        load_tiny(tiny(), "imagenet")
    assert tree(cache) == {}


def test_a_redirection_away_from_https_is_not_followed_without_a_hash():
    with pytest.raises(downloads._Refused, match="redirects to an address without https"):
        downloads._SecureRedirects().redirect_request(
            None, None, 302, "Found", {}, "http://example.org/tiny.h5"
        )


def test_the_values_of_a_file_without_a_published_hash_are_checked_where_they_are_known(
    unhashed, cache, publisher, monkeypatch, tmp_path, capsys
):
    saved, content = unhashed
    digest = hashlib.sha256()
    for value in saved.get_weights():
        digest.update(value.astype("<f4").tobytes())
    row = weights.FILES["tiny", True]._replace(values=digest.hexdigest())
    monkeypatch.setitem(weights.FILES, ("tiny", True), row)
    other = save(randomise(tiny(), 2), tmp_path / "other.by_order.h5").read_bytes()
    folder = mirror(tmp_path / "mirror", other)
    publisher.files["tiny.h5"] = save(saved, tmp_path / "tiny.weights.h5").read_bytes()
    monkeypatch.setenv("KERAS_CNN_MIRRORS", str(folder))
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)  # from another kind of file
    assert "it has other values than the published" in capsys.readouterr().out
    assert list(tree(cache)) == ["tiny.h5"], "a file that is checked by its values needs no digest"


@pytest.mark.parametrize("include_top", [True, False])
def test_the_values_of_mobilenet_025_are_those_of_the_published_file(include_top, monkeypatch):
    import keras

    from keras_cnn import models

    data = os.environ.get("KERAS_CNN_DATA")
    if not data or not (Path(data) / "weights").is_dir():
        pytest.skip("needs the published weights in KERAS_CNN_DATA")
    options = {"alpha": 0.25, "include_top": include_top, "input_shape": (224, 224, 3)}
    path = Path(data) / f"weights/mobilenet_2_5_224_tf{'' if include_top else '_no_top'}.h5"
    peer = keras.applications.MobileNet(weights=str(path), **options)
    digest = hashlib.sha256(b"".join(v.astype("<f4").tobytes() for v in peer.get_weights()))
    published = weights.FILES["mobilenet_2_5_224", include_top]
    assert published.values == digest.hexdigest()
    model = models.MobileNet(weights=None, **options)
    weights._check(path, model=model, published=published, include_top=include_top)
    assert_same_weights(model, peer)


# ---------------------------------------------------------------- nothing half-written or lost


def test_a_full_disk_is_not_blamed_on_the_address(weights_file, cache, publisher, monkeypatch):
    publisher.files["tiny.h5"] = weights_file[1]

    def full(address, file, **_):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloads, "_receive", full)
    with pytest.raises(DownloadError, match=f"cannot be written .*{os.strerror(errno.ENOSPC)}"):
        load_tiny(tiny(), "imagenet")
    assert tree(cache) == {}


def test_a_file_larger_than_the_free_space_is_refused_before_the_download(
    weights_file, cache, publisher, monkeypatch
):
    publisher.files["tiny.h5"] = weights_file[1]
    usage = downloads.shutil.disk_usage(".")._replace(free=100)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DownloadError, match=f"cannot be written .*{os.strerror(errno.ENOSPC)}"):
        load_tiny(tiny(), "imagenet")
    assert tree(cache) == {}


def test_a_cache_that_cannot_be_written_is_reported_and_no_other_folder_is_used(
    weights_file, cache, publisher, monkeypatch
):
    publisher.files["tiny.h5"] = weights_file[1]
    cache.parent.write_text("a file in the place of the folder")
    with pytest.raises(DownloadError, match=r"cannot be written into .*home.*KERAS_HOME"):
        load_tiny(tiny(), "imagenet")
    assert publisher.requests == []


def test_a_read_only_cache_that_has_the_file_is_used(weights_file, cache, monkeypatch):
    def read_only(path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    saved, content = weights_file
    mirror(cache.parent, content)
    monkeypatch.setattr(downloads, "write_atomically", read_only)
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)
    row = weights.FILES["tiny", True]._replace(hash=None)
    monkeypatch.setitem(weights.FILES, ("tiny", True), row)
    assert_same_weights(load_tiny(tiny(), "imagenet"), saved)


@pytest.mark.parametrize("ending", ["dead", "forged", "interrupted", "full"])
def test_a_file_in_the_cache_outlives_a_failed_download(
    weights_file, cache, publisher, monkeypatch, ending
):
    (cache.parent / "models").mkdir(parents=True)
    (cache / "tiny.h5").write_bytes(b"mine, to be replaced by the right file only")

    def fail(address, file, **_):
        file.write(b"half")
        raise {
            "dead": downloads._Refused("dead"),
            "interrupted": KeyboardInterrupt(),
            "full": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        }[ending]

    publisher.files["tiny.h5"] = b"forged"
    if ending != "forged":
        monkeypatch.setattr(downloads, "_receive", fail)
    with pytest.raises((DownloadError, KeyboardInterrupt)) as caught:
        load_tiny(tiny(), "imagenet")
    assert tree(cache) == {"tiny.h5": b"mine, to be replaced by the right file only"}
    if ending in ("dead", "forged"):
        assert f"tiny.h5 in {cache} is another file than" in str(caught.value)


def test_what_a_killed_process_left_is_removed_a_day_later(weights_file, cache, publisher):
    publisher.files["tiny.h5"] = weights_file[1]
    cache.mkdir(parents=True)
    for name in ("partial_1_tiny.h5", "partial_2_tiny.h5"):
        (cache / name).write_bytes(b"half")
    os.utime(cache / "partial_1_tiny.h5", (0, 0))
    load_tiny(tiny(), "imagenet")
    assert sorted(tree(cache)) == ["partial_2_tiny.h5", "tiny.h5"]
