"""Sets are fetched from a local server and arranged by their official splits."""

import io
import os
import stat

import numpy as np
import pytest
from download_server import (
    BIRDS,
    BIRDS_ARRANGED,
    idx,
    jpeg,
    npz,
    refusal,
    tar,
    tree,
    write_picture,
    zipped,
)
from scipy.io import savemat

from keras_cnn import datasets
from keras_cnn.errors import InputError


def mat(**arrays):
    content = io.BytesIO()
    savemat(content, arrays)
    return content.getvalue()


def cells(*texts):
    column = np.empty((len(texts), 1), object)
    column[:, 0] = texts
    return column


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


def test_files_that_are_no_pictures_are_left_out_of_cats_dogs(place, publish):
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
    y_train, y_test = np.array([[1, 2, 0], [2, 0, 2]], np.uint8)
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


def test_a_second_fetch_sends_no_request(place, publish, publisher):
    publish("birds", BIRDS)
    datasets.fetch("birds")
    requests = len(publisher.requests)
    assert datasets.fetch("birds") == place / "birds"
    assert len(publisher.requests) == requests


def test_a_folder_filled_by_hand_is_not_changed(place, publish, publisher):
    publish("birds", BIRDS)
    write_picture(place / "birds/train/mine/0.png")
    datasets.fetch("birds")
    assert list(tree(place / "birds")) == ["train/mine/0.png"]
    assert not publisher.requests


def test_an_archive_that_is_already_there_is_used(place, publish, publisher):
    publish("birds", BIRDS)
    downloads = place / "downloads/birds"
    downloads.mkdir(parents=True)
    (downloads / "CUB_200_2011.tgz").write_bytes(BIRDS["CUB_200_2011.tgz"])
    datasets.fetch("birds")
    assert tree(place / "birds") == BIRDS_ARRANGED
    assert not publisher.requests


def test_the_root_can_be_chosen_and_is_made(place, publish, tmp_path):
    publish("birds", BIRDS)
    assert datasets.fetch("birds", root=tmp_path / "big disk") == tmp_path / "big disk/birds"
    assert tree(tmp_path / "big disk/birds") == BIRDS_ARRANGED
    assert not (place / "birds").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_other_users_may_read_the_set(place, publish):
    publish("birds", BIRDS)
    assert stat.S_IMODE(datasets.fetch("birds").stat().st_mode) == 0o755


def test_a_set_without_an_address_is_refused_with_its_folder_and_layout(place):
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
