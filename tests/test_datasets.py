"""Where data lie, and how they are fetched: a server on this machine plays the publisher."""

import dataclasses
import errno
import gzip
import hashlib
import http.server
import io
import os
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from keras_cnn import datasets
from keras_cnn.errors import InputError


def write_picture(path, value=128):
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, encoded = cv2.imencode(path.suffix, np.full((8, 8, 3), value, np.uint8))
    assert ok
    path.write_bytes(encoded.tobytes())


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty data folder, and a checkout whose samples hold `flowers` only."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("KERAS_CNN_DATA", str(data))
    monkeypatch.setattr(datasets, "_CHECKOUT", tmp_path / "checkout")
    write_picture(tmp_path / "checkout/data/samples/flowers/train/rose/0.png")
    return data


def test_the_environment_names_the_root(place):
    assert datasets.root() == place


def test_without_environment_the_root_is_data_here_then_data_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_CNN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert datasets.root() == Path(datasets.__file__).parents[1] / "data"
    (tmp_path / "data").mkdir()
    assert datasets.root().resolve() == tmp_path / "data"


def test_the_users_folder_goes_before_everything(place, tmp_path):
    (place / "flowers").mkdir()
    mine = tmp_path / "my flowers 花"
    mine.mkdir()
    assert datasets.locate("flowers", data=mine) == datasets.Location(mine)


def test_a_missing_users_folder_is_told_in_one_sentence(place):
    with pytest.raises(InputError, match=r"--data .*'nowhere'.*leave --data out") as caught:
        datasets.locate("flowers", data="nowhere")
    assert "\n" not in str(caught.value)


def test_the_real_set_goes_before_the_sample(place):
    (place / "flowers").mkdir()
    found = datasets.locate("flowers")
    assert found == datasets.Location(place / "flowers")


def test_keras_own_npz_at_the_root_is_found(place):
    (place / "mnist.npz").touch()
    assert datasets.locate("mnist").path == place / "mnist.npz"


def test_a_sample_says_so_and_how_to_get_the_real_set(place, tmp_path):
    found = datasets.locate("flowers")
    assert found.is_sample
    assert found.path == tmp_path / "checkout/data/samples/flowers"
    assert "sample" in found.note and str(place / "flowers") in found.note
    assert "\n" not in found.note


def test_a_set_that_is_nowhere_names_both_places(place, tmp_path):
    with pytest.raises(InputError) as caught:
        datasets.locate("bicycles")
    assert str(place / "bicycles") in str(caught.value)
    assert str(tmp_path / "checkout/data/samples/bicycles") in str(caught.value)


def test_a_typo_in_the_environment_is_no_reason_to_train_on_the_sample(place, monkeypatch):
    monkeypatch.setenv("KERAS_CNN_DATA", str(place / "typo"))
    with pytest.raises(InputError, match="KERAS_CNN_DATA must name an existing folder"):
        datasets.locate("flowers")


def test_the_table_lists_paths_and_class_names_of_one_split(tmp_path):
    for name in ("train/rose/b.png", "train/rose/a.png", "train/aster/c.png", "test/rose/d.png"):
        write_picture(tmp_path / name)
    write_picture(tmp_path / "train/.ipynb_checkpoints/a.png")
    assert datasets.splits(tmp_path) == ("train", "test")
    table = datasets.table(tmp_path, "train")
    assert list(table.columns) == ["path", "label"]
    assert list(table.label) == ["aster", "rose", "rose"]
    assert list(table.path) == [
        str(tmp_path / "train" / name) for name in ("aster/c.png", "rose/a.png", "rose/b.png")
    ]


def test_a_folder_of_classes_without_splits_is_listed_whole(tmp_path):
    for name in ("rose/a.png", "aster/c.png"):
        write_picture(tmp_path / name)
    assert datasets.splits(tmp_path) == ()
    assert list(datasets.table(tmp_path).label) == ["aster", "rose"]


def test_train_and_test_are_never_taken_for_classes(tmp_path):
    write_picture(tmp_path / "train/rose/a.png")
    with pytest.raises(InputError, match="already split"):
        datasets.table(tmp_path)


def test_a_missing_split_is_named(tmp_path):
    write_picture(tmp_path / "train/rose/a.png")
    with pytest.raises(InputError, match="test is no folder"):
        datasets.table(tmp_path, "test")


# --- fetching -------------------------------------------------------------------------------------


class Publisher(http.server.ThreadingHTTPServer):
    """Serves `files`; `cut` breaks off half-way, `stall` stops sending half-way."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.requests = []
        self.fault = None
        self.stalled = threading.Event()
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            return self.send_error(404)
        self.send_response(200)
        if self.server.fault != "cut without length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2 if self.server.fault else None])
        self.wfile.flush()
        if self.server.fault == "stall":
            self.server.stalled.set()
            self.server.closing.wait(20)

    def log_message(self, *args):
        pass


@pytest.fixture
def publisher(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def publish(publisher, monkeypatch):
    """Offer files under a set's name, with their right digests; return the catalogue's row."""

    def offer(name, files):
        publisher.files |= files
        row = dataclasses.replace(
            datasets.CATALOGUE[name],
            sources=tuple(
                datasets.Source(
                    f"{publisher.url}/{file}", hashlib.sha256(content).hexdigest(), megabytes=1
                )
                for file, content in files.items()
            ),
        )
        monkeypatch.setitem(datasets.CATALOGUE, name, row)
        return row

    return offer


def tar(files, mode="w"):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(data, bytes):
                member.size = len(data)
            else:  # (type, target) of a link
                member.type, member.linkname = data
            archive.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return content.getvalue()


def zipped(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def mat(**arrays):
    content = io.BytesIO()
    savemat(content, arrays)
    return content.getvalue()


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes())


def jpeg(value=128):
    return cv2.imencode(".jpg", np.full((16, 16, 3), value, np.uint8))[1].tobytes()


def cells(*texts):
    column = np.empty((len(texts), 1), object)
    column[:, 0] = texts
    return column


BIRDS = {
    "CUB_200_2011.tgz": tar(
        {
            "./CUB_200_2011/images/001.Auk/Auk_1.jpg": b"auk 1",
            "./CUB_200_2011/images/001.Auk/Auk_2.jpg": b"auk 2",
            "./CUB_200_2011/images/002.Wren/Wren_1.jpg": b"wren 1",
            "./CUB_200_2011/images/002.Wren/._Wren_1.jpg": b"not in the list",
            "./CUB_200_2011/images.txt": b"1 001.Auk/Auk_1.jpg\n2 001.Auk/Auk_2.jpg\n"
            b"3 002.Wren/Wren_1.jpg\n",
            "./CUB_200_2011/train_test_split.txt": b"1 1\n2 0\n3 1\n",
        },
        "w:gz",
    )
}
BIRDS_ARRANGED = {
    "train/Auk/Auk_1.jpg": b"auk 1",
    "test/Auk/Auk_2.jpg": b"auk 2",
    "train/Wren/Wren_1.jpg": b"wren 1",
}
FLOWERS_17 = {
    "17flowers.tgz": tar(
        {f"jpg/image_{n:04d}.jpg": b"%d" % n for n in (1, 80, 81, 1360)}
        | {"jpg/files.txt": b"image_0001.jpg"},
        "w:gz",
    ),
    "datasplits.mat": mat(trn1=[81], val1=[1, 1360], tst1=[80], trn2=[80], val2=[1], tst2=[81]),
}
FLOWERS_102 = {
    "102flowers.tgz": tar({f"jpg/image_{n:05d}.jpg": b"%d" % n for n in (1, 2, 3, 4)}, "w:gz"),
    "imagelabels.mat": mat(labels=[77, 1, 102, 77]),
    "setid.mat": mat(trnid=[2], valid=[1, 3], tstid=[4]),
}
DOGS = {
    "images.tar": tar({"Images/n01-Toy_poodle/n01_7.jpg": b"7", "Images/n02-a-b/n02_8.jpg": b"8"}),
    "lists.tar": tar(
        {
            "train_list.mat": mat(file_list=cells("n02-a-b/n02_8.jpg")),
            "test_list.mat": mat(file_list=cells("n01-Toy_poodle/n01_7.jpg")),
            "file_list.mat": mat(file_list=cells("n01-Toy_poodle/n01_7.jpg", "n02-a-b/n02_8.jpg")),
        }
    ),
}
VOC = {
    "VOCtrainval.tar": tar(
        {
            "VOCdevkit/VOC2007/JPEGImages/1.jpg": b"1",
            "VOCdevkit/VOC2007/ImageSets/Main/trainval.txt": b"1",
        }
    ),
    "VOCtest.tar": tar({"VOCdevkit/VOC2007/JPEGImages/2.jpg": b"2"}),
}


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refusal(name, **options):
    """The sentence with which fetching is refused; nothing that looks like the set is left."""
    with pytest.raises(InputError) as caught:
        datasets.fetch(name, **options)
    assert "\n" not in str(caught.value)
    assert not (datasets.root() / name).exists()
    assert not list(datasets.root().glob(f".{name}-*")), "a work folder was left behind"
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "files", "arranged"),
    [
        ("birds", BIRDS, BIRDS_ARRANGED),
        (
            "flowers17",
            FLOWERS_17,
            {
                "train/daffodil/image_0001.jpg": b"1",
                "test/daffodil/image_0080.jpg": b"80",
                "train/snowdrop/image_0081.jpg": b"81",
                "train/pansy/image_1360.jpg": b"1360",
            },
        ),
        (
            "flowers102",
            FLOWERS_102,
            {
                "train/passion flower/image_00001.jpg": b"1",
                "train/pink primrose/image_00002.jpg": b"2",
                "train/blackberry lily/image_00003.jpg": b"3",
                "test/passion flower/image_00004.jpg": b"4",
            },
        ),
        ("dogs", DOGS, {"test/Toy_poodle/n01_7.jpg": b"7", "train/a-b/n02_8.jpg": b"8"}),
        (
            "voc2007",
            VOC,
            {
                "JPEGImages/1.jpg": b"1",
                "ImageSets/Main/trainval.txt": b"1",
                "JPEGImages/2.jpg": b"2",
            },
        ),
    ],
)
def test_a_set_is_arranged_by_its_official_split(place, publish, name, files, arranged):
    publish(name, files)
    assert datasets.fetch(name) == place / name
    assert tree(place / name) == arranged
    assert datasets.locate(name) == datasets.Location(place / name)


def test_files_that_are_no_pictures_are_left_out_of_cats_and_dogs(place, publish):
    files = {
        "PetImages/Cat/5.jpg": jpeg(1),
        "PetImages/Cat/6.jpg": jpeg(2),
        "PetImages/Cat/666.jpg": b"",
        "PetImages/Dog/10.jpg": jpeg(3),
        "PetImages/Dog/11702.jpg": jpeg(4)[:-20],
        "PetImages/Dog/Thumbs.db": b"windows",
        "readme[1].txt": b"hello",
    }
    publish("cats_dogs", {"kagglecatsanddogs_5340.zip": zipped(files)})
    datasets.fetch("cats_dogs")
    assert tree(place / "cats_dogs") == {
        "test/cat/cat.5.jpg": jpeg(1),
        "train/cat/cat.6.jpg": jpeg(2),
        "test/dog/dog.10.jpg": jpeg(3),
    }


def test_mnist_and_fashion_are_fetched_and_loaded_as_arrays(place, publish):
    rng = np.random.default_rng(0)
    x_train, x_test = rng.integers(0, 256, (2, 3, 28, 28), np.uint8)
    y_train, y_test = np.array([[1, 2, 0], [3, 4, 9]], np.uint8)
    publish(
        "mnist", {"mnist.npz": npz(x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)}
    )
    publish(
        "fashion_mnist",
        {
            "train-images-idx3-ubyte.gz": idx(x_train),
            "train-labels-idx1-ubyte.gz": idx(y_train),
            "t10k-images-idx3-ubyte.gz": idx(x_test),
            "t10k-labels-idx1-ubyte.gz": idx(y_test),
        },
    )
    for name in ("mnist", "fashion_mnist"):
        datasets.fetch(name)
        for loaded, array in zip(
            sum(datasets.arrays(name), ()), (x_train, y_train, x_test, y_test), strict=True
        ):
            np.testing.assert_array_equal(loaded, array)


def test_a_second_fetch_asks_nobody(place, publish, publisher):
    publish("birds", BIRDS)
    datasets.fetch("birds")
    asked = len(publisher.requests)
    assert datasets.fetch("birds") == place / "birds"
    assert len(publisher.requests) == asked


def test_a_folder_filled_by_hand_is_left_alone(place, publish, publisher):
    publish("birds", BIRDS)
    write_picture(place / "birds/train/mine/0.png")
    datasets.fetch("birds")
    assert list(tree(place / "birds")) == ["train/mine/0.png"]
    assert not publisher.requests


def test_an_archive_brought_by_other_means_is_used(place, publish, publisher):
    publish("birds", BIRDS)
    downloads = place / "downloads/birds"
    downloads.mkdir(parents=True)
    (downloads / "CUB_200_2011.tgz").write_bytes(BIRDS["CUB_200_2011.tgz"])
    datasets.fetch("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED
    assert not publisher.requests


def test_the_root_can_be_named_and_is_made(place, publish, tmp_path):
    publish("birds", BIRDS)
    assert datasets.fetch("birds", root=tmp_path / "big disk") == tmp_path / "big disk/birds"
    assert tree(tmp_path / "big disk/birds") == BIRDS_ARRANGED
    assert not (place / "birds").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_others_may_read_the_set(place, publish):
    publish("birds", BIRDS)
    assert stat.S_IMODE(datasets.fetch("birds").stat().st_mode) == 0o755


@pytest.mark.parametrize("fault", ["cut", "cut without length", "stall"])
def test_an_interrupted_transfer_is_told_and_done_anew(
    place, publish, publisher, monkeypatch, fault
):
    monkeypatch.setattr(datasets, "_STALLED", 0.3)
    row = publish("birds", BIRDS)
    publisher.fault = fault
    sentence = refusal("birds")
    assert row.sources[0].url in sentence and str(place / "downloads/birds") in sentence
    assert not list((place / "downloads/birds").iterdir()), "half a file was left"
    assert ("timed out" in sentence) == (fault == "stall")
    publisher.fault = None
    datasets.fetch("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED


def test_a_file_with_another_digest_is_never_unpacked(place, publish, publisher):
    row = publish("birds", BIRDS)
    publisher.files["CUB_200_2011.tgz"] = tar({"CUB_200_2011/images.txt": b""}, "w:gz")
    sentence = refusal("birds")
    assert row.sources[0].digest in sentence and "CUB_200_2011.tgz" in sentence
    assert not list((place / "downloads/birds").iterdir())


def test_an_md5_is_checked_too(place, publish, publisher, monkeypatch):
    row = publish("birds", BIRDS)
    content = BIRDS["CUB_200_2011.tgz"]
    for digest in (hashlib.md5(content[1:]).hexdigest(), hashlib.md5(content).hexdigest()):
        source = dataclasses.replace(row.sources[0], digest=digest)
        row = dataclasses.replace(row, sources=(source,))
        monkeypatch.setitem(datasets.CATALOGUE, "birds", row)
        if digest == hashlib.md5(content).hexdigest():
            datasets.fetch("birds")
        else:
            assert digest in refusal("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED


def test_a_missing_address_is_told_with_the_place_for_the_file(place, publish, publisher):
    row = publish("birds", BIRDS)
    publisher.files.clear()
    sentence = refusal("birds")
    assert "404" in sentence and row.sources[0].url in sentence
    assert str(place / "downloads/birds") in sentence


def test_a_server_that_is_down_is_told(place, publish, publisher, monkeypatch):
    row = publish("birds", BIRDS)
    nobody = dataclasses.replace(row.sources[0], url="http://127.0.0.1:9/CUB_200_2011.tgz")
    monkeypatch.setitem(datasets.CATALOGUE, "birds", dataclasses.replace(row, sources=(nobody,)))
    assert "cannot be had from http://127.0.0.1:9/" in refusal("birds")


EVIL = {
    "above": ("../escaped.jpg", b"evil"),
    "deep": ("CUB_200_2011/images/../../../escaped.jpg", b"evil"),
    "absolute": ("/tmp/escaped.jpg", b"evil"),
    "backslash": ("..\\escaped.jpg", b"evil"),
    "drive": ("C:escaped.jpg", b"evil"),
    "symlink": ("CUB_200_2011/images/001.Auk", (tarfile.SYMTYPE, "/")),
    "symlink within": ("CUB_200_2011/link", (tarfile.SYMTYPE, "images.txt")),
    "hard link": ("CUB_200_2011/link", (tarfile.LNKTYPE, "/etc/passwd")),
    "device": ("CUB_200_2011/pipe", (tarfile.FIFOTYPE, "")),
}


@pytest.mark.parametrize("name", EVIL)
def test_a_tar_with_an_evil_member_is_refused_whole(place, tmp_path, publish, name):
    member, content = EVIL[name]
    publish(
        "birds",
        {
            "CUB_200_2011.tgz": tar(
                {
                    member: content,
                    "CUB_200_2011/images.txt": f"1 {member}\n".encode(),
                    "CUB_200_2011/train_test_split.txt": b"1 1\n",
                },
                "w:gz",
            )
        },
    )
    before = set(tmp_path.rglob("*"))
    assert f"holds {member!r}" in refusal("birds")
    assert not [path for path in tmp_path.rglob("*escaped*")]
    assert set(tmp_path.rglob("*")) - before == {
        place / "downloads",
        place / "downloads/birds",
        place / "downloads/birds/CUB_200_2011.tgz",
    }


@pytest.mark.parametrize("name", ["above", "absolute", "backslash", "drive"])
def test_a_zip_with_an_evil_member_is_refused_whole(place, tmp_path, publish, name):
    member, content = EVIL[name]
    publish("cats_dogs", {"pets.zip": zipped({member: content, "PetImages/Cat/1.jpg": jpeg()})})
    assert f"holds {member!r}" in refusal("cats_dogs")
    assert not [path for path in tmp_path.rglob("*escaped*")]


def test_a_link_in_a_zip_is_refused(place, publish):
    link = zipfile.ZipInfo("PetImages/Cat/1.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    publish("cats_dogs", {"pets.zip": content.getvalue()})
    assert "is a link or device" in refusal("cats_dogs")


def test_a_split_that_names_a_file_outside_the_archive_is_refused(place, tmp_path, publish):
    (tmp_path / "secret").write_text("mine")
    files = {
        "CUB_200_2011/images.txt": b"1 ../../../secret\n",
        "CUB_200_2011/train_test_split.txt": b"1 1\n",
    }
    publish("birds", {"CUB_200_2011.tgz": tar(files, "w:gz")})
    assert "its split names CUB_200_2011/images/../../../secret" in refusal("birds")


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        tar({"CUB_200_2011/else.txt": b"x" * 9999}, "w:gz"),
        BIRDS["CUB_200_2011.tgz"][:150],
    ],
    ids=["no archive", "another archive", "cut archive"],
)
def test_an_archive_that_is_not_the_set_is_refused(place, publish, content):
    publish("birds", {"CUB_200_2011.tgz": content})
    assert "CUB_200_2011.tgz" in refusal("birds")


def test_a_full_disk_while_unpacking_is_told(place, publish, monkeypatch):
    publish("birds", BIRDS)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(datasets.shutil, "copyfileobj", full)
        sentence = refusal("birds")
    assert os.strerror(errno.ENOSPC) in sentence and str(place) in sentence
    datasets.fetch("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED


def test_a_full_disk_while_downloading_is_no_failure_of_the_server(place, publish, monkeypatch):
    from keras.src.utils import file_utils

    publish("birds", BIRDS)

    def full(url, path, *_):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(file_utils, "urlretrieve", full)
    sentence = refusal("birds")
    assert os.strerror(errno.ENOSPC) in sentence and "make room" in sentence
    assert not list((place / "downloads/birds").iterdir())


def test_a_root_that_cannot_be_written_is_told(place, publish, tmp_path):
    publish("birds", BIRDS)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="birds cannot be written into .*file"):
        datasets.fetch("birds", root=tmp_path / "file")


def test_ctrl_c_leaves_nothing_half_made(place, publish, monkeypatch):
    publish("birds", BIRDS)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets.shutil, "copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        datasets.fetch("birds")
    assert [path.name for path in place.iterdir()] == ["downloads"]


KILLED = """
import dataclasses, pathlib, shutil, sys, time
from keras_cnn import datasets

url, digest, archive = sys.argv[1:]
row = datasets.CATALOGUE["birds"]
source = datasets.Source(url, digest, 1)
datasets.CATALOGUE["birds"] = dataclasses.replace(row, sources=(source,))
copy = shutil.copyfileobj


def copy_and_wait(*files):
    copy(*files)
    print("now", flush=True)
    time.sleep(60)


if archive:  # already here: to be killed while unpacking, and Keras need not be imported
    datasets._download = lambda source, folder: pathlib.Path(archive)
    shutil.copyfileobj = copy_and_wait
datasets.fetch("birds")
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("stop_at", ["downloading", "unpacking"])
def test_a_killed_fetch_leaves_nothing_that_looks_complete(
    place, publish, publisher, tmp_path, stop_at
):
    row = publish("birds", BIRDS)
    publisher.fault = "stall"
    archive = tmp_path / "CUB_200_2011.tgz"
    archive.write_bytes(BIRDS[archive.name])
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, row.sources[0].url, row.sources[0].digest]
        + [str(archive) if stop_at == "unpacking" else ""],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"KERAS_BACKEND": "numpy"},  # the quickest to import
    )
    if stop_at == "downloading":
        assert publisher.stalled.wait(60)
    else:
        assert any("now" in line for line in child.stdout)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not (place / "birds").exists()
    if stop_at == "unpacking":
        assert list(place.glob(".birds-*")), "the test killed too early"
    publisher.fault = None
    datasets.fetch("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED
    assert sorted(path.name for path in place.iterdir()) == ["birds", "downloads"]


def test_a_set_without_an_address_says_what_to_put_where(place):
    sentence = refusal("foodscore")
    assert str(place / "foodscore") in sentence and "FoodScore.csv" in sentence


def test_an_unknown_set_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'mnist'.*received 'mnits'"):
        datasets.fetch("mnits")


@pytest.mark.parametrize("name", datasets.CATALOGUE)
def test_every_row_of_the_catalogue_is_complete(name):
    row = datasets.CATALOGUE[name]
    assert row.title and row.licence and row.citation and row.layout
    assert len(set(row.classes)) == len(row.classes)
    assert bool(row.sources) == bool(row.arrange)
    for source in row.sources:
        assert source.url.startswith("http") and source.megabytes > 0
        assert len(source.digest) in (32, 64) and int(source.digest, 16)
    assert len({source.name for source in row.sources}) == len(row.sources)


# --- arrays ---------------------------------------------------------------------------------------


def test_without_mnist_real_handwritten_digits_stand_in(place):
    found = datasets.locate("mnist")
    assert found.is_sample and 'fetch("mnist")' in found.note
    (x_train, y_train), (x_test, y_test) = datasets.arrays("mnist")
    assert x_train.shape == (1347, 28, 28) and x_test.shape == (450, 28, 28)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert x_train.max() == 255
    assert np.bincount(y_test).tolist() == [45, 46, 44, 46, 45, 46, 45, 45, 43, 45]
    again = datasets.arrays("mnist")[1][0]
    np.testing.assert_array_equal(x_test, again)


def test_pictures_keep_the_order_of_the_catalogues_classes(place):
    for split in ("train", "test"):
        for value, name in enumerate(datasets.CATALOGUE["fashion_mnist"].classes):
            path = place / f"fashion_mnist/{split}/{name}/0.png"
            path.parent.mkdir(parents=True)
            cv2.imencode(".png", np.full((28, 28), value, np.uint8))[1].tofile(path)
    for x, y in datasets.arrays("fashion_mnist"):
        assert x.shape == (10, 28, 28) and x.dtype == np.uint8
        np.testing.assert_array_equal(x[:, 0, 0], y)


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", npz(x_train=np.zeros(3)), npz(x_train=np.zeros(3))[:-30]],
    ids=["empty", "no zip", "without y", "cut"],
)
def test_a_file_that_is_not_mnist_is_told(place, content):
    (place / "mnist.npz").write_bytes(content)
    with pytest.raises(InputError, match="mnist.npz does not hold mnist"):
        datasets.arrays("mnist")


def test_a_cut_idx_file_is_told(place):
    folder = place / "fashion_mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(
        gzip.compress(gzip.decompress(idx(np.zeros((3, 28, 28), np.uint8)))[:-5])
    )
    with pytest.raises(InputError, match="does not hold fashion_mnist"):
        datasets.arrays("fashion_mnist")
