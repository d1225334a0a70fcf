"""SSD300 finds objects and their classes.

``--data`` names a folder in the layout of PASCAL VOC (Annotations, JPEGImages, ImageSets/Main), or
with train.json, val.json and test.json of COCO, or with the listing's lines of text in train.txt,
val.txt and test.txt, and classes.txt. Without it, and without VOC2007 in data/voc2007, it runs on
shapes drawn by code. The light base is for processors; ``--base vgg16`` is the paper's network and
needs a GPU or patience. The paper trains with ``--base vgg16 --weights imagenet --optimizer sgd
--learning-rate 1e-3 --schedule step --weight-decay 5e-4 --zoom-out 4 --crop 0.3``. The defaults
augment less than the paper, for a few hundred pictures and few epochs; the light base starts from
ImageNet weights where they can be had. Photographs, such as the blood cells of BCCD, need
``--epochs 40``, the default of ``keras-cnn train-detector``. ``--listing`` takes the listing's
network of 9,092 priors, its augmentation, its split and its three stages; with ``--weights FILE
--freeze`` the first two stages keep the layers up to fc7.

Errata: `models.book.SSD300` has the list. The listing's loss reads the mask of its positives at the
wrong axis and returns nothing, so ``--listing`` has the paper's loss; ``trainabel = False`` freezes
nothing; and a box without area makes its loss infinite. Here such boxes are found before the
training starts.
"""

import keras_cnn
from keras_cnn.detection.recipe import LIGHT

RECIPE = keras_cnn.detection.DetectionRecipe(
    name="voc_ssd300",
    dataset="voc2007",
    **LIGHT | {"epochs": 13},  # enough for the drawn shapes
    choices={"as_printed": False, "jitter": False, "later_stages": "none", "one_list_split": 0},
    listing={
        "batch_size": 4,
        "epochs": 15,
        "learning_rate": 1e-4,
        "base": "vgg16",
        "alpha": 1.0,
        "schedule": "plateau",
        "early_stopping": 6,
        "as_printed": True,
        "jitter": True,
        "later_stages": "a tenth of the rate, then a hundredth",
        "one_list_split": 0.1,
        "without": ("base", "alpha", "zoom_out", "crop"),  # the listing has its own
    },
)


def main(argv=None):
    """Train, test and report; return the contents of report.json."""
    recipe = RECIPE.parse(argv, description=__doc__)
    return keras_cnn.train_detector(recipe)


if __name__ == "__main__":
    keras_cnn.script(main)
