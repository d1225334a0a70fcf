"""Pictures with masks: layout, augmentation, loss, scores, and a training with its report."""

import json
import warnings

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import jaccard_score

import keras_cnn
from keras_cnn import ImageDataGenerator, InputError, card, models
from keras_cnn.datasets.synthetic import shapes
from keras_cnn.images import masks
from keras_cnn.report import scores
from keras_cnn.splits import segmentation_splits

RNG = np.random.default_rng(0)


def recipe(folder, **options):
    options = {"image_size": 32, "batch_size": 4, "validation_split": 0.25} | options
    return keras_cnn.Recipe(name="squares", dataset="squares", data=folder, **options)


@pytest.fixture
def squares(tmp_path):
    """Return a folder of pictures of 32x32: white squares are class 1, their edge is void."""
    folder = tmp_path / "方 squares"
    for split, number in {"train": 8, "test": 3}.items():
        for name in ("images", "masks"):
            (folder / split / name).mkdir(parents=True)
        for index in range(number):
            top, left = RNG.integers(2, 14, 2)
            mask = np.zeros((32, 32), np.uint8)
            mask[top : top + 14, left : left + 14] = masks.VOID
            mask[top + 1 : top + 13, left + 1 : left + 13] = 1
            picture = np.where(mask[..., None] > 0, 255, 20) * np.ones(3)
            Image.fromarray(picture.astype("uint8")).save(folder / split / f"images/{index}.png")
            masks.write(folder / split / "masks" / f"{index}.png", mask)
    (folder / "classes.txt").write_text("background\nsquare\n")
    return folder


def test_masks_have_the_colours_of_pascal_voc_and_keep_their_numbers(tmp_path):
    colours = masks.palette()
    assert colours[[0, 1, 2, 15, 20, 255]].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [192, 128, 128],
        [0, 64, 128],
        [224, 224, 192],
    ]
    mask = RNG.choice(np.array([0, 1, 20, 255], np.uint8), (6, 4))
    masks.write(tmp_path / "mask.png", mask)
    np.testing.assert_array_equal(masks.read(tmp_path / "mask.png"), mask)
    seen = np.asarray(Image.open(tmp_path / "mask.png").convert("RGB"))
    np.testing.assert_array_equal(seen, colours[mask])
    large = masks.read(tmp_path / "mask.png", size=(12, 8))
    np.testing.assert_array_equal(large, mask.repeat(2, axis=0).repeat(2, axis=1))


def test_the_drawn_masks_are_the_pixels_of_the_detection_samples_shapes():
    for seed in range(5):
        image, objects = shapes.picture(np.random.default_rng(seed))
        again, mask = shapes.masked(np.random.default_rng(seed))
        np.testing.assert_array_equal(image, again)
        covered = np.zeros_like(mask)
        for name, (left, top, right, bottom), _ in objects:
            number = 1 + shapes.CLASSES.index(name)
            covered[top:bottom, left:right] |= mask[top:bottom, left:right] == number
        assert mask.any() and np.array_equal(covered > 0, mask > 0)


def test_the_batches_hold_pictures_and_their_masks(squares):
    splits = segmentation_splits(recipe(squares), ImageDataGenerator(rescale=1 / 255))
    assert splits.sizes == {"train": 6, "validation": 2, "test": 3}
    assert splits.class_names == ["background", "square"] and splits.image_shape == (32, 32, 3)
    x, y = splits.test[0]
    assert x.shape == (3, 32, 32, 3) and y.shape == (3, 32, 32)
    assert set(np.unique(y)) == {0, 1, masks.VOID}
    np.testing.assert_array_equal(x[..., 0] == 1, y > 0)


def test_masks_move_as_their_pictures_do(squares):
    generator = ImageDataGenerator(
        rescale=1 / 255,
        horizontal_flip=True,
        rotation_range=20,
        width_shift_range=0.2,
        brightness_range=(0.8, 1),
        fill_mode="constant",
    )
    splits = segmentation_splits(recipe(squares), generator)
    train = splits.train.with_seed(3)
    batches = []
    for epoch in (0, 1, 1):
        train.seek(epoch)
        batches.append(train[0])
    np.testing.assert_array_equal(batches[1][1], batches[2][1])
    assert not np.array_equal(batches[0][1], batches[1][1])
    for x, y in batches:
        # Bilinear pixels mix at most three quarters of the square into the background.
        assert x[y == 1].min() > 0.75 and x[y == 0].max() < 0.78 and (y == 1).any()


@pytest.mark.parametrize("augment", ["none", "flip", "full"])
def test_the_option_augment_moves_both(squares, augment):
    splits = segmentation_splits(recipe(squares, augment=augment), ImageDataGenerator())
    x, y = splits.train[0]
    assert x[y == 1].min() > 200 and x[y == 0].max() < 198


def test_void_pixels_count_neither_in_the_loss_nor_in_the_metric(squares):
    splits = segmentation_splits(recipe(squares), ImageDataGenerator())
    y = RNG.choice([0, 1, masks.VOID], (2, 4, 4))
    p = RNG.dirichlet([1, 1], (2, 4, 4)).astype("float32")
    valid = y != masks.VOID
    of_truth = np.take_along_axis(p[valid], y[valid][:, None], axis=1)
    loss = keras.ops.convert_to_numpy(splits.loss(None)(y, p))
    np.testing.assert_allclose(loss, -np.log(of_truth).mean(), rtol=1e-5)
    (metric,) = splits.metrics()
    metric.update_state(y, p)
    expected = jaccard_score(y[valid], p[valid].argmax(axis=-1), average=None).mean()
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


def test_scores_are_those_of_scikit_learn_and_keras():
    y = RNG.choice(np.array([0, 1, 2, masks.VOID], np.uint8), (6, 8, 8), p=[0.5, 0.3, 0.1, 0.1])
    guess = np.where(RNG.random(y.shape) < 0.7, y, RNG.integers(0, 3, y.shape)).astype("uint8")
    guess[guess == masks.VOID] = 0
    names = ["background", "a", "b", "absent"]
    test, of_pictures = scores.segmentation(y, guess, names)
    valid = y != masks.VOID
    expected = jaccard_score(y[valid], guess[valid], average=None)
    np.testing.assert_allclose([row["iou"] for row in test["classes"][:3]], expected)
    assert np.isnan(test["classes"][3]["iou"])
    metric = keras.metrics.MeanIoU(4, ignore_class=masks.VOID)
    metric.update_state(y.astype("int32"), guess.astype("int32"))
    np.testing.assert_allclose(test["mean_iou"], float(metric.result()), rtol=1e-6)
    assert test["pixel_accuracy"] == (y == guess)[valid].mean()
    share = (y[valid] == 0).mean()
    np.testing.assert_allclose(test["baseline"], share / 3)
    own = [
        jaccard_score(a[a < 255], b[a < 255], average=None).mean()
        for a, b in zip(y, guess, strict=True)
    ]
    np.testing.assert_allclose(of_pictures, own)
    low, high = test["interval"]
    assert low < test["mean_iou"] < high and test["verdict"] == "above"
    again, _ = scores.segmentation(y, guess, names)
    assert again["interval"] == test["interval"]
    wrong = scores.segmentation(y, np.full_like(y, 2), names)[0]
    assert wrong["verdict"] == "below"


def test_a_single_picture_and_a_picture_of_void_have_scores():
    y = np.full((2, 4, 4), masks.VOID, np.uint8)
    y[0, :2] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test, of_pictures = scores.segmentation(y, np.ones_like(y), ["background", "a"])
        assert test["mean_iou"] == 1 and np.isnan(of_pictures[1])
        single, _ = scores.segmentation(y[:1], np.ones_like(y[:1]), ["background", "a"])
    assert single["verdict"] == "around"


def _tiny(*, input_shape, classes):
    image = keras.Input(input_shape)
    return keras.Model(
        image, keras.layers.Conv2D(classes, 3, padding="same", activation="softmax")(image)
    )


def test_a_training_ends_in_a_report_and_a_model_with_its_card(squares, tmp_path, undrawn):
    choices = recipe(squares, epochs=12, learning_rate=0.1, batch_size=2, out=tmp_path / "run")
    splits = segmentation_splits(choices, ImageDataGenerator(rescale=1 / 255))
    result = keras_cnn.run(_tiny, splits, choices)
    test = result["test"]
    assert result["task"] == "segmentation" and test["mean_iou"] > 0.95
    assert test["verdict"] == "above" and test["baseline"] < 0.5
    assert [row["name"] for row in test["classes"]] == ["background", "square"]
    assert json.loads((tmp_path / "run" / "report.json").read_text("utf-8")) == result
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "mean IoU" in page and "every pixel background" in page and "picture, truth" in page
    with Image.open(tmp_path / "run" / "masks.png") as sheet:
        assert sheet.size == (208, 80)  # two in a row: picture, truth, prediction
    its_card = card.read(tmp_path / "run" / "model.keras")
    assert its_card.task == "segmentation" and its_card.scores["mean_iou"] == test["mean_iou"]
    assert its_card.class_names == ("background", "square")
    with pytest.raises(InputError, match="gives each pixel a class"):
        keras_cnn.Predictor.load(tmp_path / "run")


def test_a_light_fcn_8s_builds_for_the_splits(squares):
    splits = segmentation_splits(recipe(squares), ImageDataGenerator())
    model = models.FCN8s(base="light", input_shape=splits.image_shape, **splits.build_options)
    assert splits.predict(model).shape == splits.targets["test"].shape


def test_a_folder_val_validates_and_names_are_made_up_without_a_list(squares):
    (squares / "test").rename(squares / "val")
    (squares / "classes.txt").unlink()
    with pytest.raises(InputError, match="test.images must hold pictures"):
        segmentation_splits(recipe(squares), ImageDataGenerator())
    (squares / "test").symlink_to(squares / "val")
    splits = segmentation_splits(recipe(squares), ImageDataGenerator())
    assert splits.sizes == {"train": 8, "validation": 3, "test": 3}
    assert splits.class_names == ["background", "class 1"]


def _lose(folder):
    (folder / "train/masks/3.png").unlink()


def _shrink(folder):
    masks.write(folder / "train/masks/3.png", np.zeros((8, 9), np.uint8))


def _colour(folder):
    Image.new("RGB", (32, 32)).save(folder / "train/masks/3.png")


def _break(folder):
    (folder / "train/masks/3.png").write_bytes(b"no picture")


def _name(folder):
    masks.write(folder / "train/masks/3.png", np.full((32, 32), 7, np.uint8))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_lose, "each picture needs a mask.*1 have none.*3.png"),
        (_shrink, r"(?s)1 of 11 masks.*one size.*3.png: \(8, 9\) pixels"),
        (_colour, "a mask must hold class numbers.*3.png holds RGB"),
        (_break, "cannot read the mask .*3.png"),
        (_name, "it names 2, and .*3.png holds 7: complete it"),
    ],
)
def test_a_mask_that_cannot_be_used_ends_in_one_sentence(squares, spoil, message):
    spoil(squares)
    with pytest.raises(InputError, match=message):
        segmentation_splits(recipe(squares), ImageDataGenerator())


def test_options_for_classes_of_pictures_are_refused(squares):
    for options in ({"mix": "mixup"}, {"augment": "alexnet"}, {"label_smoothing": 0.1}):
        with pytest.raises(InputError, match=f"{next(iter(options))}.*(leave it out|choose)"):
            segmentation_splits(recipe(squares, **options), ImageDataGenerator())
