"""Published weights: the address and hash of each file, and how its pictures were scaled."""

import functools
import hashlib
import inspect
import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.filesystem import keras_home
from keras_cnn.models.weight_readers import from_torch, read_hdf5, read_torch

__all__ = [
    "FILES",
    "check_path",
    "decode_predictions",
    "find_rule",
    "from_torch",
    "load",
    "preprocess_input",
    "rule",
]


class File(NamedTuple):
    """A published file.

    Attributes:
        address: Its URL.
        hash: Its MD5 (32 hexadecimal digits) or SHA-256 (64 digits, or the first 8 where the
            publisher gives no more); None where the publisher gives none.
        rule: How its pictures were scaled: "caffe", "tf" or "torch", as in `preprocess_input`.
    """

    address: str
    hash: str | None
    rule: str


def _keras_files(folder, *, rule, md5):
    address = (
        f"https://storage.googleapis.com/tensorflow/keras-applications/{folder}/"
        "{}_weights_tf_dim_ordering_tf_kernels{}.h5"
    )
    return {
        (architecture, top): File(address.format(architecture, ending), digest, rule)
        for architecture, digests in md5.items()
        for top, ending, digest in zip((True, False), ("", "_notop"), digests, strict=True)
    }


def _torch_files(folder, *, rule, sha256):
    return {
        (architecture, top): File(f"{folder}/{name}", digest, rule)
        for architecture, (name, digest) in sha256.items()
        for top in (True, False)  # the same file; without the top, its last layers are ignored
    }


FILES = {
    # keras.applications: addresses and MD5 (with the top, without it) from its source.
    **_keras_files(
        "vgg16",
        rule="caffe",
        md5={"vgg16": ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")},
    ),
    **_keras_files(
        "vgg19",
        rule="caffe",
        md5={"vgg19": ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")},
    ),
    **_keras_files(
        "resnet",
        rule="caffe",
        md5={
            "resnet50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
            "resnet101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
            "resnet152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
        },
    ),
    **_keras_files(
        "densenet",
        rule="torch",
        md5={
            "densenet121": ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
            "densenet169": ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
            "densenet201": ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
        },
    ),
    **_keras_files(
        "inception_v3",
        rule="tf",
        md5={
            "inception_v3": ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")
        },
    ),
    # keras.applications publishes no hash of MobileNet's files.
    **{
        (f"mobilenet_{alpha}_{size}", top): File(
            "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
            f"mobilenet_{alpha}_{size}_tf{'' if top else '_no_top'}.h5",
            None,
            "tf",
        )
        for alpha in ("1_0", "7_5", "5_0", "2_5")
        for size in (224, 192, 160, 128)
        for top in (True, False)
    },
    # torchvision: the name holds the first 8 digits of the SHA-256. All 64 digits, where given,
    # come from public lock files, which agree.
    **_torch_files(
        "https://download.pytorch.org/models",
        rule="torch",
        sha256={
            "alexnet_owt": (
                "alexnet-owt-7be5be79.pth",
                "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            ),
            "resnet18": (
                "resnet18-f37072fd.pth",
                "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
            ),
            "resnet34": (
                "resnet34-b627a593.pth",
                "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
            ),
            "vgg11": ("vgg11-8a719046.pth", "8a719046"),
            "vgg13": ("vgg13-19584684.pth", "19584684"),
        },
    ),
    # Ported from TensorFlow: torchvision's `transform_input` turns "torch" scaling into "tf".
    **_torch_files(
        "https://download.pytorch.org/models",
        rule="tf",
        sha256={"inception_v1_bn": ("googlenet-1378be20.pth", "1378be20")},
    ),
    # Cadene's port from TensorFlow, which timm's network was written for.
    **_torch_files(
        "https://data.lip6.fr/cadene/pretrainedmodels",
        rule="tf",
        sha256={"inception_v4": ("inceptionv4-8e4777a0.pth", "8e4777a0")},
    ),
}
CLASS_INDEX = File(
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
    "",
)
ENDINGS = (".h5", ".hdf5", ".keras", ".pth")


def load(
    model: keras.Model,
    weights: str | os.PathLike | None,
    *,
    architecture: str,
    include_top: bool = True,
) -> keras.Model:
    """Give `model` its weights, all of them or none.

    Layers are matched by order in `.h5` files of `keras.applications` and of whole models, as Keras
    does, and by name in PyTorch's. With `include_top=False` a file with a top fits too.

    Args:
        model: A new model of a builder. Its attribute `preprocessing` is set to the rule by which
            pictures were scaled for these weights, None where that is unknown.
        weights: None for the random weights it has, `"imagenet"` for the published file (downloaded
            once into Keras' cache), or the path of a `.h5`, `.weights.h5`, `.keras` or `.pth` file.
        architecture: A name of `FILES`, or of a network that has no published file.
        include_top: Whether the model ends with its classifier.

    Returns:
        `model`.

    Raises:
        InputError: There is no such file.
        ValueError: `weights` is neither, or the file does not fit the model.
        OSError: The published file is not in the cache and cannot be downloaded.
        ImportError: A `.pth` file needs PyTorch.
    """
    published = FILES.get((architecture, bool(include_top)))
    model.preprocessing = published and _rule_of_file(weights, published)
    if weights is None:
        return model
    if weights == "imagenet":
        if published is None:
            raise _unpublished(architecture)
        path = _fetch(published)
    else:
        path = check_path(weights)
    if path.suffix == ".pth":
        return from_torch(model, read_torch(path))
    return read_hdf5(model, path, include_top=include_top)


def check_path(weights: str | os.PathLike) -> Path:
    """Return the path of a weights file after a check of its ending and its existence.

    Args:
        weights: The path.

    Raises:
        InputError: There is no such file.
        ValueError: The value is no path of a weights file.
    """
    if not isinstance(weights, str | os.PathLike) or Path(weights).suffix not in ENDINGS:
        raise ValueError(
            "weights must be None, 'imagenet' or the path of a file that ends in "
            f"{', '.join(ENDINGS)}; received weights={weights!r}"
        )
    path = Path(weights)
    if not path.is_file():
        raise InputError(f"there is no file {path}: correct weights={os.fspath(weights)!r}")
    return path


def preprocess_input(images: Any, model: Any) -> Any:
    """Scale pictures as for the published weights of a network.

    "caffe" turns RGB into BGR and subtracts ImageNet's mean; "tf" scales to -1..1; "torch" scales
    to 0..1, subtracts the mean and divides by the standard deviation of each channel. The result
    equals `preprocess_input` of `keras.applications` and torchvision's `ImageClassification`.

    Args:
        images: RGB, `(height, width, 3)` or `(batch, height, width, 3)`, 0 to 255, whole numbers or
            float; an array or a tensor. It is not changed.
        model: A builder, e.g. `VGG16`, or a model it built. A model read from a file is recognised
            by its name only.

    Returns:
        float32, same shape; an array for an array, a tensor for a tensor.

    Raises:
        ValueError: Not RGB, or no weights are published for the network.
    """
    mode = rule(model)
    is_tensor = isinstance(images, keras.KerasTensor) or keras.ops.is_tensor(images)
    shape = tuple(images.shape if is_tensor else np.shape(images))
    if len(shape) not in (3, 4) or shape[-1] != 3:
        raise ValueError(
            "images must be RGB, (height, width, 3) or (batch, height, width, 3); "
            f"received shape {shape}"
        )
    if is_tensor:
        images = keras.ops.cast(keras.ops.copy(images), "float32")
    else:
        images = np.array(images, dtype="float32")  # a copy: Keras writes into its argument
    return keras.applications.imagenet_utils.preprocess_input(
        images, data_format="channels_last", mode=mode
    )


def decode_predictions(predictions: Any, *, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Return the names of the most likely of ImageNet's 1,000 classes.

    Args:
        predictions: Scores `(batch, 1000)`.
        top: Number of classes per picture.

    Returns:
        For each picture `(WordNet id, name, score)` of the `top` classes, the best first.

    Raises:
        ValueError: The scores are of another shape.
        OSError: Keras' list of the classes is not in the cache and cannot be downloaded.
    """
    scores = keras.ops.convert_to_numpy(predictions)
    if scores.ndim != 2 or scores.shape[1] != 1000:
        raise ValueError(
            "decode_predictions needs scores of ImageNet's classes, of shape (batch, 1000); "
            f"received shape {scores.shape}"
        )
    classes = json.loads(_fetch(CLASS_INDEX).read_text())
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [
        [(*classes[str(i)], row[i]) for i in indices]
        for row, indices in zip(scores, best, strict=True)
    ]


def rule(model: Any) -> str:
    """Return how pictures were scaled for the published weights of a network.

    Args:
        model: As in `preprocess_input`.

    Returns:
        "caffe", "tf" or "torch".

    Raises:
        ValueError: No weights are published for the network.
    """
    mode = find_rule(model)
    if mode is None:
        raise ValueError(
            f"no weights are published for {_name(model)}, so no rule is known for its pictures: "
            "scale them as in training, or pass the builder of a network that has published weights"
        )
    return mode


def find_rule(model: Any, *, weights: str | os.PathLike | None = None) -> str | None:
    """Return how pictures were scaled for a network's weights, None where that is unknown.

    Args:
        model: As in `preprocess_input`, or a `functools.partial` of a builder.
        weights: As in `load`. PyTorch's files of VGG16 and VGG19 need another rule than the
            published files of Keras.
    """
    while isinstance(model, functools.partial):
        model = model.func
    if hasattr(model, "preprocessing"):  # set by `load`
        return model.preprocessing
    is_listing = inspect.isfunction(model) and model.__module__.endswith(".book")
    families = {_family(architecture): file for (architecture, _), file in FILES.items()}
    published = None if is_listing else families.get(_family(_name(model)))
    return published and _rule_of_file(weights, published)


def _rule_of_file(weights, published):
    """Return the rule of a file for a network that has a published file."""
    is_torch = isinstance(weights, str | os.PathLike) and Path(weights).suffix == ".pth"
    if is_torch and not published.address.endswith(".pth"):
        return "torch"  # e.g. VGG16 by torchvision instead of Keras
    return published.rule


def _name(model):
    return model.name if isinstance(model, keras.Model) else getattr(model, "__name__", repr(model))


def _family(name):
    """Return the family of an architecture: mobilenet_2_5_224, mobilenet_0.25_224 -> mobilenet."""
    return re.sub(r"(_owt|_bn|_\d[_.]\d+_\d+)$", "", name).replace("_", "").lower()


def _unpublished(architecture):
    variants = {name for name, _ in FILES if name.startswith(f"{architecture}_")}
    return ValueError(
        f"no weights are published for {architecture}"
        + (f", only for its variant {min(variants)}" if variants else "")
        + "; pass weights=None or the path of a file"
    )


def _fetch(file):
    """Return the path of `file` in Keras' cache; download it if it is not there.

    A download gets its final name only after its hash was checked, so an interrupted or forged
    download is never used.
    """
    name = file.address.rpartition("/")[2]
    if file.hash is None:
        raise ValueError(
            f"{name} has no published hash, so a download could not be checked and is not made: "
            f"get {file.address} by hand and pass its path as weights='.../{name}'"
        )
    home = keras_home()
    path = home / "models" / name
    if path.is_file() and _digest(path, file.hash).startswith(file.hash):
        return path
    algorithm = "MD5" if len(file.hash) == 32 else "SHA-256"
    wanted = f"its {algorithm} must be {file.hash}" + ("..." if len(file.hash) == 8 else "")
    try:
        home.mkdir(parents=True, exist_ok=True)
        download = keras.utils.get_file(
            f"{name}.{os.getpid()}.part",
            file.address,
            cache_dir=str(home),
            cache_subdir="models",
            force_download=True,
        )
    except Exception as error:  # get_file raises bare Exception
        raise OSError(
            f"{name} is not in Keras' cache and cannot be downloaded ({error}): get {file.address} "
            f"by hand and put it at {path}; {wanted}"
        ) from error
    download = Path(download)
    digest = _digest(download, file.hash)
    if not digest.startswith(file.hash):
        download.unlink()
        raise ValueError(
            f"{file.address} sent another file than the published file, and it was deleted: "
            f"{wanted} and is {digest}; try again, or put the right file at {path}"
        )
    return download.replace(download.with_name(name))


def _digest(path, like):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "md5" if len(like) == 32 else "sha256").hexdigest()
