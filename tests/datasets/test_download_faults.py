"""After a failed fetch, no partial set is left, and the message says what to do."""

import dataclasses
import errno
import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile

import pytest
from download_server import BIRDS, BIRDS_ARRANGED, jpeg, refusal, tar, tree, zipped

from keras_cnn import datasets, downloads
from keras_cnn.datasets import download
from keras_cnn.errors import InputError


@pytest.mark.parametrize("fault", ["cut", "cut without length", "stall"])
def test_an_interrupted_download_is_reported_and_a_second_fetch_succeeds(
    place, publish, publisher, monkeypatch, fault
):
    monkeypatch.setattr(downloads, "STALLED", 0.3)
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


def test_a_404_names_the_address_and_the_folder_for_the_file(place, publish, publisher):
    row = publish("birds", BIRDS)
    publisher.files.clear()
    sentence = refusal("birds")
    assert "404" in sentence and row.sources[0].url in sentence
    assert str(place / "downloads/birds") in sentence


def test_a_server_that_is_down_is_reported(place, publish, publisher, monkeypatch):
    row = publish("birds", BIRDS)
    unreachable = dataclasses.replace(row.sources[0], url="http://127.0.0.1:9/CUB_200_2011.tgz")
    monkeypatch.setitem(
        datasets.CATALOGUE, "birds", dataclasses.replace(row, sources=(unreachable,))
    )
    assert "cannot be downloaded from http://127.0.0.1:9/" in refusal("birds")


MALICIOUS = {
    "above": ("../escaped.jpg", b"evil"),
    "deep": ("CUB_200_2011/images/../../../escaped.jpg", b"evil"),
    "absolute": ("/escaped.jpg", b"evil"),
    "backslash": ("..\\escaped.jpg", b"evil"),
    "drive": ("C:escaped.jpg", b"evil"),
    "symlink": ("CUB_200_2011/images/001.Auk", (tarfile.SYMTYPE, "/")),
    "symlink within": ("CUB_200_2011/link", (tarfile.SYMTYPE, "images.txt")),
    "hard link": ("CUB_200_2011/link", (tarfile.LNKTYPE, "/etc/passwd")),
    "device": ("CUB_200_2011/pipe", (tarfile.FIFOTYPE, "")),
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_tar_with_a_malicious_member_is_refused_whole(place, tmp_path, publish, name):
    member, content = MALICIOUS[name]
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
def test_a_zip_with_a_malicious_member_is_refused_whole(place, tmp_path, publish, name):
    member, content = MALICIOUS[name]
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


def test_a_full_disk_while_unpacking_is_reported(place, publish, monkeypatch):
    publish("birds", BIRDS)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(download.shutil, "copyfileobj", full)
        sentence = refusal("birds")
    assert os.strerror(errno.ENOSPC) in sentence and str(place) in sentence
    datasets.fetch("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED


def test_a_full_disk_while_downloading_is_not_blamed_on_the_server(place, publish, monkeypatch):
    publish("birds", BIRDS)

    def full(address, file, **_):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloads, "_receive", full)
    sentence = refusal("birds")
    assert os.strerror(errno.ENOSPC) in sentence and "make room" in sentence
    assert not list((place / "downloads/birds").iterdir())


def test_a_root_that_cannot_be_written_is_reported(place, publish, tmp_path):
    publish("birds", BIRDS)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="birds cannot be written into .*file"):
        datasets.fetch("birds", root=tmp_path / "file")


def test_ctrl_c_leaves_nothing_half_made(place, publish, monkeypatch):
    publish("birds", BIRDS)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(download.shutil, "copyfileobj", interrupt)
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


if archive:  # the download is skipped: the process is killed while it unpacks
    datasets.download._download = lambda source, folder: pathlib.Path(archive)
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
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, row.sources[0].url, row.sources[0].digest]
        + [str(archive) if stop_at == "unpacking" else ""],
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            if stop_at == "downloading":
                assert publisher.stalled.wait(120)
            else:
                assert any("now" in line for line in child.stdout)
        finally:
            child.kill()
    assert not (place / "birds").exists()
    if stop_at == "unpacking":
        assert list(place.glob(".birds-*")), "the test killed too early"
    publisher.fault = None
    for leftover in place.glob(".birds-*"):
        os.utime(leftover, (0, 0))
    datasets.fetch("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED
    assert sorted(path.name for path in place.iterdir()) == ["birds", "downloads"]


def test_two_fetches_of_one_set_do_not_disturb_each_other(place, publish, monkeypatch):
    publish("birds", BIRDS)
    (place / ".birds-fetch-other").mkdir()  # work folder of another fetch
    datasets.fetch("birds")
    names = sorted(path.name for path in place.iterdir())
    assert names == [".birds-fetch-other", "birds", "downloads"]
    shutil.rmtree(place / "birds")
    unpack = download._unpack

    def unpack_while_another_fetch_ends(archives, row, work):
        unpack(archives, row, work)
        (place / "birds").mkdir()
        (place / "birds" / "theirs").touch()

    monkeypatch.setattr(download, "_unpack", unpack_while_another_fetch_ends)
    assert datasets.fetch("birds") == place / "birds"
    assert [path.name for path in (place / "birds").iterdir()] == ["theirs"]
    assert len(list(place.glob(".birds-*"))) == 1
