"""The catalogue: the source, licence and folder layout of each data set.

To add a set, add a row, and a function in `layouts` if the archive needs another layout.
"""

import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from keras_cnn.datasets import layouts

CLASS_FOLDERS = "{train,test}/<class>/*"
_VOC_FOLDERS = "Annotations/*.xml, JPEGImages/*.jpg and ImageSets/Main/*.txt"
_FASHION = tuple(  # "T-shirt" is "T-shirt/top" in the paper; a folder name cannot hold "/"
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
    """A file of a set, as its publisher offers it.

    Attributes:
        url: Address.
        digest: Published SHA-256 (64 hexadecimal digits) or MD5 (32).
        megabytes: Approximate size.
    """

    url: str
    digest: str
    megabytes: int

    @property
    def name(self) -> str:
        """The file name, without the query of the address."""
        return PurePosixPath(urllib.parse.urlsplit(self.url).path).name


@dataclass(frozen=True)
class Dataset:
    """A row of the catalogue.

    Attributes:
        title: Full name of the set.
        licence: The publisher's licence.
        citation: The paper to cite, or the origin.
        layout: The files that the set's folder holds.
        sources: The files to download; empty if no stable public address is known.
        arrange: A function of `layouts`: takes the names of all files in the archives and a
            function that reads a file, returns {name in the archive: path in the set's folder}.
        classes: The class names in the order of the set's own labels, if its files hold numbers.
        broken: Whether the publisher's archive holds files that are no pictures; `fetch` leaves
            them out.
    """

    title: str
    licence: str
    citation: str
    layout: str = CLASS_FOLDERS
    sources: tuple[Source, ...] = ()
    arrange: Callable | None = None
    classes: tuple[str, ...] = ()
    broken: bool = False


_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data/flowers"
_PASCAL = "https://thor.robots.ox.ac.uk/pascal/VOC"
_STANFORD = "http://vision.stanford.edu/aditya86/ImageNetDogs"
_ZALANDO = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

# Digests: SHA-256 as in Keras (mnist), TensorFlow Datasets (fashion_mnist, flowers102, dogs) and
# public code that downloads the same address (cats_dogs); MD5 as in torchvision (voc2007, voc2012),
# dm-nevis (flowers17) and Avalanche (birds). Licences are quoted from each set's page or archive.
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
        arrange=layouts.as_is,
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
        arrange=layouts.as_is,
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
        arrange=layouts.birds,
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
            layouts.flowers,
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
            layouts.flowers,
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
        arrange=layouts.dogs,
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
        arrange=layouts.cats_dogs,
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
        arrange=layouts.voc,
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
        arrange=layouts.voc,
    ),
    # Sets without a stable public address: `layout` says which files to put into the folder.
    "foodscore": Dataset(
        title="FoodScore, photos of dishes with a mean score",
        licence="none stated",
        citation="王汉生's own set (chapter 2)",
        layout="FoodScore.csv (columns ID, score) and data_foodscore/<ID>.jpg",
    ),
    "calligraphy": Dataset(
        title="ChineseStyle, characters in regular and running script",
        licence="none stated",
        citation="王汉生's own set (chapter 5)",
        layout="{train,test}/<style>/*",
    ),
    "calligraphy_masters": Dataset(
        title="single brushed characters by four masters",
        licence="none stated",
        citation="collected from the web; no paper",
        layout="{train,test}/<master>/*",
    ),
    "flowers": Dataset(
        title="any three kinds of flowers, such as three folders of flowers17",
        licence="as the pictures you choose",
        citation="as the pictures you choose",
    ),
    "faces": Dataset(
        title="any folder of faces in two classes",
        licence="as the pictures you choose",
        citation="as the pictures you choose",
    ),
    "shapes": Dataset(
        title="any pictures with a mask each",
        licence="as the pictures you choose",
        citation="as the pictures you choose",
        layout="{train,test}/images/*, {train,test}/masks/*.png and classes.txt",
    ),
    "bccd": Dataset(
        title="BCCD, 364 micrographs of blood cells with boxes of 3 classes",
        licence="MIT",
        citation="github.com/Shenggan/BCCD_Dataset",
        layout=_VOC_FOLDERS,
    ),
}
