"""Where data lie, what the sets are, and how they are fetched.

A set's name is its folder's name: `birds` lies in `data/birds/{train,test}/<class>/`. A folder that
holds the classes directly, without `train` and `test`, is a set not split yet: `splits` tells which
it is, and `table(directory, split=None)` lists it whole, so that training splits it.

`CATALOGUE` is a table: to add a set is to add a row, and at most a function that says which member
of its archives goes where.
"""

import errno
import gzip
import importlib.util
import io
import os
import re
import shutil
import socket
import stat
import tarfile
import tempfile
import urllib.error
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from keras_cnn.errors import InputError

SPLITS = ("train", "test")
_CHECKOUT = Path(__file__).resolve().parents[1]
_CLASS_FOLDERS = "{train,test}/<class>/*"
_VOC_FOLDERS = "Annotations/*.xml, JPEGImages/*.jpg and ImageSets/Main/*.txt"
_STALLED = 60  # seconds without a byte after which a download is given up
_FASHION = tuple(  # "T-shirt" is "T-shirt/top" in the paper, which no folder can be called
    "T-shirt, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot".split(", ")
)
_FLOWERS_17 = tuple(
    "daffodil, snowdrop, lily of the valley, bluebell, crocus, iris, tiger lily, tulip, fritillary"
    ", sunflower, daisy, colt's foot, dandelion, cowslip, buttercup, windflower, pansy".split(", ")
)
_FLOWERS_102 = tuple(
    " ".join(
        """
pink primrose, hard-leaved pocket orchid, canterbury bells, sweet pea, english marigold, tiger
lily, moon orchid, bird of paradise, monkshood, globe thistle, snapdragon, colt's foot, king
protea, spear thistle, yellow iris, globe-flower, purple coneflower, peruvian lily, balloon
flower, giant white arum lily, fire lily, pincushion flower, fritillary, red ginger, grape
hyacinth, corn poppy, prince of wales feathers, stemless gentian, artichoke, sweet william,
carnation, garden phlox, love in the mist, mexican aster, alpine sea holly, ruby-lipped
cattleya, cape flower, great masterwort, siam tulip, lenten rose, barbeton daisy, daffodil,
sword lily, poinsettia, bolero deep blue, wallflower, marigold, buttercup, oxeye daisy, common
dandelion, petunia, wild pansy, primula, sunflower, pelargonium, bishop of llandaff, gaura,
geranium, orange dahlia, pink-yellow dahlia, cautleya spicata, japanese anemone, black-eyed
susan, silverbush, californian poppy, osteospermum, spring crocus, bearded iris, windflower,
tree poppy, gazania, azalea, water lily, rose, thorn apple, morning glory, passion flower,
lotus, toad lily, anthurium, frangipani, clematis, hibiscus, columbine, desert-rose, tree
mallow, magnolia, cyclamen, watercress, canna lily, hippeastrum, bee balm, ball moss, foxglove,
bougainvillea, camellia, mallow, mexican petunia, bromelia, blanket flower, trumpet creeper,
blackberry lily
""".split()
    ).split(", ")
)


@dataclass(frozen=True)
class Source:
    """One file of a set, as its publisher offers it.

    Attributes:
        url: Its address.
        digest: Its published SHA-256 (64 hexadecimal digits) or MD5 (32).
        megabytes: Its size, about.
    """

    url: str
    digest: str
    megabytes: int

    @property
    def name(self) -> str:
        """The file's name, without the query of its address."""
        return PurePosixPath(urllib.parse.urlsplit(self.url).path).name


@dataclass(frozen=True)
class Dataset:
    """A row of the catalogue.

    Attributes:
        title: The set's full name.
        licence: What its publisher allows.
        citation: The paper to cite, or where it comes from.
        layout: What its folder holds.
        sources: Its files; empty where no stable public address is known.
        arrange: From the names of all files in the archives, and a function that reads one, to
            {name in the archive: path in the set's folder}.
        classes: The class names in the order of the set's own labels, where files hold numbers.
        broken: Whether the publisher's archive holds files that are no pictures; `fetch` leaves
            them out.
    """

    title: str
    licence: str
    citation: str
    layout: str = _CLASS_FOLDERS
    sources: tuple[Source, ...] = ()
    arrange: Callable | None = None
    classes: tuple[str, ...] = ()
    broken: bool = False


# Each arranging function below only names files that were found in the archives, whose names
# `_open_archive` has judged: no line of a split file can lead out of the set's folder.


def _as_is(names, read):
    """The files themselves are the set."""
    return {name: name for name in names}


def _voc(names, read):
    """Pascal VOC keeps its own folders, without the two above them."""
    return {name: "/".join(parts[2:]) for name in names if len(parts := name.split("/")) > 2}


def _birds(names, read):
    """`images.txt` numbers the files, `train_test_split.txt` has 1 for train and 0 for test."""
    files, in_train = (
        dict(line.split() for line in read(f"CUB_200_2011/{name}.txt").decode().splitlines())
        for name in ("images", "train_test_split")
    )
    return {
        f"CUB_200_2011/images/{file}": f"{'train' if in_train[n] == '1' else 'test'}/{_plain(file)}"
        for n, file in files.items()
    }


def _dogs(names, read):
    """`train_list.mat` and `test_list.mat` list the files below `Images`."""
    return {
        f"Images/{file}": f"{split}/{_plain(file)}"
        for split in SPLITS
        for file in np.ravel(_mat(read(f"{split}_list.mat"))["file_list"])
    }


def _plain(file):
    """Drop the code before a class name: `001.Black_footed_Albatross`, `n02085620-Chihuahua`."""
    return re.sub(r"^(\d+\.|n\d+-)", "", file)


def _flowers(names, read, *, classes, split_file, train, test):
    """Arrange the files by number; the authors' validation part joins train.

    `split_file` lists the numbers of each part; the label of a number is told by `imagelabels.mat`,
    or else it is 80 pictures a class, one class after the other.
    """
    parts = _mat(read(split_file))
    labels = _mat(read("imagelabels.mat"))["labels"] if "imagelabels.mat" in names else None
    splits = {n: "train" for key in train for n in np.ravel(parts[key])}
    splits |= {n: "test" for n in np.ravel(parts[test])}
    targets = {}
    for name in names:
        if found := re.fullmatch(r"jpg/image_(\d+)\.jpg", name):
            number = int(found[1])  # from 1, as the labels
            label = (number - 1) // 80 if labels is None else np.ravel(labels)[number - 1] - 1
            targets[name] = f"{splits[number]}/{classes[label]}/{PurePosixPath(name).name}"
    return targets


def _cats_dogs(names, read):
    """No official split exists: every fifth number is a test picture."""
    targets = {}
    for name in names:
        if found := re.fullmatch(r"PetImages/(Cat|Dog)/(\d+)\.jpg", name):
            label, number = found[1].lower(), int(found[2])
            targets[name] = f"{'train' if number % 5 else 'test'}/{label}/{label}.{number}.jpg"
    return targets


def _mat(content):
    from scipy.io import loadmat

    return loadmat(io.BytesIO(content), squeeze_me=True)


_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data/flowers"
_PASCAL = "https://thor.robots.ox.ac.uk/pascal/VOC"
_STANFORD = "http://vision.stanford.edu/aditya86/ImageNetDogs"
_ZALANDO = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

# Digests: SHA-256 as in Keras (mnist), TensorFlow Datasets (fashion_mnist, flowers102, dogs) and
# public code that downloads the same address (cats_dogs); MD5 as in torchvision (voc2007, voc2012),
# dm-nevis (flowers17) and Avalanche (birds). Licences in the words of each set's page or archive.
CATALOGUE = {
    "mnist": Dataset(
        title="MNIST, 60,000 + 10,000 handwritten digits of 28×28 pixels",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document "
        "recognition, Proceedings of the IEEE 86, 1998",
        layout="mnist.npz",
        sources=(
            Source(
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                11,
            ),
        ),
        arrange=_as_is,
        classes=tuple("0123456789"),
    ),
    "fashion_mnist": Dataset(
        title="Fashion-MNIST, 60,000 + 10,000 articles of clothing of 28×28 pixels, 10 classes",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017",
        layout="{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz",
        sources=(
            Source(
                f"{_ZALANDO}/train-images-idx3-ubyte.gz",
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                26,
            ),
            Source(
                f"{_ZALANDO}/train-labels-idx1-ubyte.gz",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                1,
            ),
            Source(
                f"{_ZALANDO}/t10k-images-idx3-ubyte.gz",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                4,
            ),
            Source(
                f"{_ZALANDO}/t10k-labels-idx1-ubyte.gz",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                1,
            ),
        ),
        arrange=_as_is,
        classes=_FASHION,
    ),
    "birds": Dataset(
        title="CUB-200-2011, 5,994 + 5,794 photos of 200 bird species",
        licence="non-commercial research and education",
        citation="Wah, Branson, Welinder, Perona & Belongie, The Caltech-UCSD Birds-200-2011 "
        "Dataset, CNS-TR-2011-001, 2011",
        sources=(
            Source(
                "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz?download=1",
                "97eceeb196236b17998738112f37df78",
                1151,
            ),
        ),
        arrange=_birds,
    ),
    "flowers17": Dataset(
        title="Oxford 17 flowers, 1,020 + 340 photos, by the first of its three splits",
        licence="none stated",
        citation="Nilsback & Zisserman, A visual vocabulary for flower classification, CVPR 2006",
        sources=(
            Source(f"{_OXFORD}/17/17flowers.tgz", "b59a65d8d1a99cd66944d474e1289eab", 60),
            Source(f"{_OXFORD}/17/datasplits.mat", "4828cddfd0d803c5abbdebcb1e148a1e", 1),
        ),
        arrange=partial(
            _flowers,
            classes=_FLOWERS_17,
            split_file="datasplits.mat",
            train=("trn1", "val1"),
            test="tst1",
        ),
        classes=_FLOWERS_17,
    ),
    "flowers102": Dataset(
        title="Oxford 102 flowers, 2,040 + 6,149 photos",
        licence="none stated",
        citation="Nilsback & Zisserman, Automated flower classification over a large number of "
        "classes, ICVGIP 2008",
        sources=(
            Source(
                f"{_OXFORD}/102/102flowers.tgz",
                "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
                345,
            ),
            Source(
                f"{_OXFORD}/102/imagelabels.mat",
                "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
                1,
            ),
            Source(
                f"{_OXFORD}/102/setid.mat",
                "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
                1,
            ),
        ),
        arrange=partial(
            _flowers,
            classes=_FLOWERS_102,
            split_file="setid.mat",
            train=("trnid", "valid"),
            test="tstid",
        ),
        classes=_FLOWERS_102,
    ),
    "dogs": Dataset(
        title="Stanford Dogs, 12,000 + 8,580 photos of 120 breeds",
        licence="pictures of ImageNet: non-commercial research and education",
        citation="Khosla, Jayadevaprakash, Yao & Fei-Fei, Novel dataset for fine-grained image "
        "categorization, FGVC workshop at CVPR 2011",
        sources=(
            Source(
                f"{_STANFORD}/images.tar",
                "a443fc2f9a851aa1a7b8e4fa4af94b8459fce2c9f5a2f4dd4669cf9673a4ec58",
                794,
            ),
            Source(
                f"{_STANFORD}/lists.tar",
                "34b47cacd9a98b5d150e084f24d29391c084c55272295ec65c85651bc35f4d6c",
                1,
            ),
        ),
        arrange=_dogs,
    ),
    "cats_dogs": Dataset(
        title="Dogs vs Cats, 25,000 photos; no official split: every fifth number is for test",
        licence="none stated in the archive; see microsoft.com/download/details.aspx?id=54765",
        citation="Elson, Douceur, Howell & Saul, Asirra: a CAPTCHA that exploits interest-aligned "
        "manual image categorization, CCS 2007",
        sources=(
            Source(
                "https://download.microsoft.com/download/3/E/1/"
                "3E1C3F21-ECDB-4869-8368-6DEBA77B919F/kagglecatsanddogs_5340.zip",
                "b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
                825,
            ),
        ),
        arrange=_cats_dogs,
        broken=True,
    ),
    "voc2007": Dataset(
        title="Pascal VOC 2007, 5,011 + 4,952 photos with boxes of 20 classes",
        licence="photos under Flickr's terms of use",
        citation="Everingham, Van Gool, Williams, Winn & Zisserman, The Pascal Visual Object "
        "Classes (VOC) challenge, IJCV 88, 2010",
        layout=_VOC_FOLDERS,
        sources=(
            Source(
                f"{_PASCAL}/voc2007/VOCtrainval_06-Nov-2007.tar",
                "c52e279531787c972589f7e41ab4ae64",
                460,
            ),
            Source(
                f"{_PASCAL}/voc2007/VOCtest_06-Nov-2007.tar",
                "b6e924de25625d8de591ea690078ad9f",
                451,
            ),
        ),
        arrange=_voc,
    ),
    "voc2012": Dataset(
        title="Pascal VOC 2012, train and val (its test boxes are not public)",
        licence="photos under Flickr's terms of use",
        citation="Everingham, Eslami, Van Gool, Williams, Winn & Zisserman, The Pascal Visual "
        "Object Classes challenge: a retrospective, IJCV 111, 2015",
        layout=_VOC_FOLDERS,
        sources=(
            Source(
                f"{_PASCAL}/voc2012/VOCtrainval_11-May-2012.tar",
                "6cd6e144f989b92b3379bac3b3de84fd",
                2000,
            ),
        ),
        arrange=_voc,
    ),
    # Sets without a stable public address: `layout` says what to put where.
    "foodscore": Dataset(
        title="FoodScore, photos of dishes with a mean score",
        licence="none stated",
        citation="the textbook's own set (chapter 2)",
        layout="FoodScore.csv (columns ID, score) and data_foodscore/<ID>.jpg",
    ),
    "calligraphy": Dataset(
        title="ChineseStyle, characters in regular and running script",
        licence="none stated",
        citation="the textbook's own set (chapter 5)",
        layout="{train,test}/<style>/*",
    ),
    "calligraphy_masters": Dataset(
        title="single brushed characters by four masters",
        licence="none stated",
        citation="gathered from the web; no paper",
        layout="{train,test}/<master>/*",
    ),
    "flowers": Dataset(
        title="any three kinds of flowers, such as three folders of flowers17",
        licence="as the pictures you choose",
        citation="as the pictures you choose",
    ),
    "faces": Dataset(
        title="a folder of faces in two classes",
        licence="as the pictures you choose",
        citation="as the pictures you choose",
    ),
    "bccd": Dataset(
        title="BCCD, 364 micrographs of blood cells with boxes of 3 classes",
        licence="MIT",
        citation="github.com/Shenggan/BCCD_Dataset",
        layout=_VOC_FOLDERS,
    ),
}


@dataclass(frozen=True)
class Location:
    """Where a set was found.

    Attributes:
        path: The set's folder, or its one file (`mnist.npz`).
        is_sample: Whether it is the built-in sample instead of the real set.
        note: For a sample, one line: what is used instead, and how to get the real set; else "".
    """

    path: Path
    is_sample: bool = False
    note: str = ""


def root() -> Path:
    """Return the folder of all sets.

    It is `KERAS_CNN_DATA` where that is set, else `./data` where that exists, else the `data`
    folder of the checkout the package was installed from.
    """
    if named := os.environ.get("KERAS_CNN_DATA"):
        return Path(named).expanduser()
    here = Path("data")
    return here if here.is_dir() else _CHECKOUT / "data"


_default_root = root  # `fetch` has an argument of the same name


def locate(name: str, *, data: str | os.PathLike | None = None) -> Location:
    """Find a set: what the user named, else the real set, else the built-in sample.

    Args:
        name: The set's name, which is its folder's name.
        data: The user's own folder (the option `--data`); nothing else is tried then.

    Returns:
        The set's place, and for a sample the line that says so.

    Raises:
        InputError: `data` or the folder in `KERAS_CNN_DATA` is missing, or the set is nowhere.
    """
    if data is not None:
        path = Path(data).expanduser()
        if not path.exists():
            raise InputError(
                f"--data must name an existing folder; received {str(data)!r}: correct the path, "
                f"or leave --data out to use {name!r} under {root()}"
            )
        return Location(path)
    if os.environ.get("KERAS_CNN_DATA") and not root().is_dir():
        raise InputError(
            f"KERAS_CNN_DATA must name an existing folder; received {str(root())!r}: create it, "
            "correct it or unset it"
        )
    for path in (root() / name, root() / f"{name}.npz"):
        if path.exists():
            return Location(path)
    if path := _sample(name):
        note = f"{name}: using the built-in sample {path}, not the real set; {_way_out(name)}"
        return Location(path, is_sample=True, note=note)
    if name == "mnist" and (path := _small_digits_file()):
        note = f"mnist: using scikit-learn's 1,797 real handwritten digits; {_way_out(name)}"
        return Location(path, is_sample=True, note=note)
    raise InputError(
        f"the set {name!r} must lie in {root() / name}, or have a sample in "
        f"{_samples_folder() / name}; neither exists: {_way_out(name)}"
    )


def _sample(name):
    """Return the folder of a built-in sample, drawn now if it is one that code draws, or None."""
    from keras_cnn import samples

    for folder in (root() / "samples", _samples_folder()):
        if (folder / name).exists():
            return folder / name
    if name not in samples.NAMES:
        return None
    print(f"{name}: drawing the built-in sample, once")
    return samples.draw(name, _samples_folder() / name)


def _samples_folder():
    """The checkout's, or where the package was installed without one, beside Keras' own caches."""
    folder = _CHECKOUT / "data" / "samples"
    if folder.is_dir() and os.access(folder, os.W_OK):
        return folder
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home).expanduser() / "keras_cnn" / "samples"


def _way_out(name):
    """Tell how to get the real set."""
    row = CATALOGUE.get(name)
    by_hand = f"put the real one into {root() / name} as {row.layout if row else _CLASS_FOLDERS}"
    if row and row.sources:
        return f'get the real one by keras_cnn.datasets.fetch("{name}"), or {by_hand}'
    return by_hand


def splits(directory: str | os.PathLike) -> tuple[str, ...]:
    """Return which of `train` and `test` the folder holds: () for class folders not split yet."""
    return tuple(split for split in SPLITS if (Path(directory) / split).is_dir())


def table(directory: str | os.PathLike, split: str | None = None):
    """List a set's pictures with their class names.

    Args:
        directory: The set's folder: `{train,test}/<class>/*`, or `<class>/*`.
        split: "train" or "test"; None for a folder that holds its class folders directly.

    Returns:
        A pandas DataFrame, one row a picture, sorted by class and file name, with the columns
        `path` (absolute, str) and `label` (the class folder's name, str).

    Raises:
        InputError: The folder or the split is missing, or `split` is None for a folder already
            split, whose `train` and `test` would be taken for two classes.
    """
    import pandas as pd

    from keras_cnn.images import files

    directory = Path(directory).absolute()
    if split is None and splits(directory):
        raise InputError(
            f"{directory} is already split: ask for one of {list(splits(directory))}, "
            "or name the folder of one split"
        )
    folder = directory if split is None else directory / split
    if not folder.is_dir():
        raise InputError(
            f"pictures must lie in <folder>/<class>/*; {folder} is no folder: create it, "
            "or name another folder by --data"
        )
    classes, found = files.find(folder)
    return pd.DataFrame(
        {
            "path": [str(folder / name) for name, _ in found],
            "label": [classes[index] for _, index in found],
        },
        dtype=str,
    )


def fetch(name: str, *, root: str | os.PathLike | None = None) -> Path:
    """Download a set, check it, and arrange it into its folder by its official split.

    Archives go to `<root>/downloads/<name>/` and stay there; one that lies there already, brought
    by other means, is used if its digest is right. The set is built in a hidden folder and
    appears in its place only when complete; a set already there is left alone.

    Args:
        name: The set's name: one of `CATALOGUE`.
        root: The folder of all sets; `datasets.root()` by default. Made if it is missing.

    Returns:
        The set's folder.

    Raises:
        InputError: The name is unknown, the set has no public address, a file cannot be had or is
            not the published one, an archive holds a member that leads elsewhere, or the folder
            cannot be written or is full.
    """
    if name not in CATALOGUE:
        raise InputError(f"a set to fetch must be one of {list(CATALOGUE)}; received {name!r}")
    row = CATALOGUE[name]
    folder = _default_root() if root is None else Path(root).expanduser()
    target = folder / name
    if not row.sources:
        raise InputError(
            f"{name} ({row.title}) has no stable public address: put it into {target} as "
            f"{row.layout}"
        )
    if target.is_dir() and any(target.iterdir()):
        return target
    print(f"{name}: {row.title}. Licence: {row.licence}. Please cite: {row.citation}.")
    try:
        return _build(name, row, folder=folder, target=target)
    except OSError as error:
        size = 2 * sum(source.megabytes for source in row.sources)
        raise InputError(
            f"{name} cannot be written into {folder} ({error}): make room for about {size:,} MB "
            f'there, or name another folder by fetch("{name}", root=…)'
        ) from error


def _build(name, row, *, folder, target):
    """Download, unpack and put in place; whatever happens, no partial set is left to be seen."""
    downloads = folder / "downloads" / name
    downloads.mkdir(parents=True, exist_ok=True)
    if not os.access(downloads, os.W_OK):  # get_file would turn to a folder of its own choice
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(downloads))
    archives = [_download(source, downloads) for source in row.sources]
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))  # hidden, and ours alone
    try:
        _unpack(archives, row, work)
        if row.broken:
            _drop_broken(name, work)
        work.chmod(0o755)  # mkdtemp's folders are closed to others
        if target.is_dir():
            target.rmdir()  # an empty one; Windows does not replace it
        os.replace(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for leftover in folder.glob(f".{name}-*"):  # of a fetch that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    print(f"{name} is ready in {target}; the archives in {downloads} are no longer needed.")
    return target


def _download(source, folder):
    """Return the path of a file whose digest is right, downloaded unless it is there already."""
    from keras.utils import get_file

    path = folder / source.name
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALLED)  # get_file sets none and would wait for ever
    try:
        get_file(path.name, source.url, file_hash=source.digest, cache_dir=folder, cache_subdir="")
    except Exception as error:  # get_file raises no narrower one when an address fails
        if isinstance(error.__context__, urllib.error.HTTPError):
            error.__context__.close()  # which get_file leaves open
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        if path.exists():  # complete, but the digest is wrong
            path.unlink()
            reason = f"what came has not the published digest {source.digest}"
        else:
            reason = str(error) or type(error).__name__
        raise InputError(
            f"{path.name} cannot be had from {source.url} ({reason}): try again, or put the file "
            f"into {folder} by other means and fetch again"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    return path


def _unpack(archives, row, work):
    """Write each file the arranging function names to its place."""
    try:
        with ExitStack() as stack:
            members = {}
            for path in archives:
                members |= _open_archive(path, stack)

            def read(name):
                if name not in members:
                    raise EOFError(f"it holds no {name}")
                with members[name]() as file:
                    return file.read()

            targets = row.arrange(list(members), read)
            for name, open_member in members.items():  # in archive order: a .tgz cannot seek back
                if place := targets.pop(name, None):
                    path = work / place
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with open_member() as file, path.open("wb") as copy:
                        shutil.copyfileobj(file, copy)
            if targets:
                raise EOFError(f"its split names {next(iter(targets))}, which it does not hold")
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        reason = str(error).splitlines()[0].rstrip(":")  # tarfile's goes on for lines
        raise InputError(
            f"{archives[0]} is not the archive expected ({reason}): delete it and fetch again"
        ) from error


def _open_archive(path, stack):
    """Return {name: function that opens it} for the files of an archive, or for a single file.

    An archive with a link, a device or a name that leads elsewhere is refused whole: nothing has
    been written by then.
    """
    if path.suffix == ".zip":
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = [
            (m.filename, m.is_dir(), stat.S_IFMT(m.external_attr >> 16) in (0, stat.S_IFREG), m)
            for m in archive.infolist()
        ]
        opener = archive.open
    elif path.suffixes[-1] in (".tar", ".tgz"):
        archive = stack.enter_context(tarfile.open(path))
        members = [(m.name, m.isdir(), m.isfile(), m) for m in archive]
        opener = archive.extractfile
    else:
        return {path.name: partial(path.open, "rb")}
    for name, is_folder, is_file, _ in members:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or re.search(r"[\\:]", name):
            raise InputError(f"{path} holds {name!r}, which leads out of the set's folder: refused")
        if not (is_folder or is_file):
            raise InputError(f"{path} holds {name!r}, which is a link or device: refused")
    return {
        str(PurePosixPath(name)): partial(opener, member)
        for name, is_folder, _, member in members
        if not is_folder
    }


def _drop_broken(name, work):
    from keras_cnn.images import files

    paths = [str(path) for path in work.rglob("*") if path.is_file()]
    bad = files.find_bad(paths)
    for path in bad:
        os.remove(path)
    print(f"{name}: left out {len(bad)} of {len(paths)} files that are no readable pictures.")


def arrays(name: str, *, data: str | os.PathLike | None = None):
    """Load a set of small pictures as arrays, as `keras.datasets` does.

    The set may be Keras' npz file, the authors' four idx files (`.gz` or not) or folders of
    pictures of one size. Where MNIST is not there, scikit-learn's 1,797 real handwritten digits
    stand in (8×8, drawn into 28×28; a quarter for test, class by class, always the same).

    Args:
        name: The set's name, such as "mnist" or "fashion_mnist".
        data: The user's own folder or npz file (the option `--data`).

    Returns:
        `((x_train, y_train), (x_test, y_test))`: pictures (n, height, width) of uint8 in 0–255, and
        labels (n,) in the order of the catalogue's `classes`; for folders of other classes, of
        their sorted names.

    Raises:
        InputError: The set is nowhere, or its files do not hold what they should.
    """
    path = locate(name, data=data).path
    if path == _small_digits_file():
        return _small_digits()
    if (inside := path / f"{name}.npz").is_file():
        path = inside
    try:
        if path.is_file():
            with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
                return tuple((file[f"x_{split}"], file[f"y_{split}"]) for split in SPLITS)
        if any(path.glob("*-idx?-ubyte*")):
            return tuple(
                (_idx(path, f"{part}-images-idx3-ubyte"), _idx(path, f"{part}-labels-idx1-ubyte"))
                for part in ("train", "t10k")
            )
        return tuple(_pictures(path, split, name) for split in SPLITS)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} does not hold {name} as arrays ({error}): {_way_out(name)}"
        ) from error


def _idx(folder, name):
    """Read an idx file: 0, 0, type (8: uint8), number of axes, their lengths, the values."""
    path = folder / name
    with path.open("rb") if path.exists() else gzip.open(folder / f"{name}.gz") as file:
        content = file.read()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{name} is no idx file of bytes")
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape).copy()


def _pictures(folder, split, name):
    from keras_cnn.images import files

    listed = table(folder, split)
    classes = sorted(set(listed["label"]))
    if name in CATALOGUE and set(classes) == set(CATALOGUE[name].classes):
        classes = list(CATALOGUE[name].classes)
    x = np.stack([files.read(path, color_mode="grayscale")[..., 0] for path in listed["path"]])
    return x, np.array([classes.index(label) for label in listed["label"]], np.uint8)


def _small_digits_file():
    """Where scikit-learn keeps its digits; None without scikit-learn, which is not imported."""
    found = importlib.util.find_spec("sklearn")
    path = found and Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
    return path if path and path.is_file() else None


def _small_digits():
    import cv2
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    x = np.zeros((len(digits.images), 28, 28), np.uint8)
    for small, picture in zip(digits.images, x, strict=True):  # values 0–16
        drawn = cv2.resize(small * (255 / 16), (20, 20), interpolation=cv2.INTER_CUBIC)
        picture[4:24, 4:24] = np.clip(np.rint(drawn), 0, 255)  # MNIST's margin of 4 pixels
    y = digits.target.astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=0
    )
    return (x_train, y_train), (x_test, y_test)
