"""Published weights: the address and hash of each file, and how its pictures were scaled."""

from typing import NamedTuple


class File(NamedTuple):
    """A published file.

    Attributes:
        address: Its URL.
        hash: Its MD5 (32 hexadecimal digits) or SHA-256 (64 digits, or the first 8 where the
            publisher gives no more); None where the publisher gives none.
        rule: How its pictures were scaled: "caffe", "tf" or "torch", as in `preprocess_input`.
        values: SHA-256 of its values, in place of a hash: float32, little-endian, in the model's
            order.
    """

    address: str
    hash: str | None
    rule: str
    values: str | None = None


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


MOBILENET_MD5 = {  # from a public table, whose 18 MD5s of other files equal those of Keras
    ("1_0", 224, True): "03394917f9a9ea3362f46332a5b6a215",
    ("1_0", 224, False): "725ccbd03d61d7ced5b5c4cd17e7d527",
}
MOBILENET_VALUES = {  # computed from a copy of the published files in another container
    ("2_5", 224, True): "48baf731168c0934c603ddc35d11e78bb6503cca23380678fcf3ad795548a413",
    ("2_5", 224, False): "bc1512519fe1802d8ffa90b80acd0969b26e9dda42f96f4c34dc1947c5a13185",
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
            MOBILENET_MD5.get((alpha, size, top)),
            "tf",
            MOBILENET_VALUES.get((alpha, size, top)),
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
