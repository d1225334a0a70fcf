"""Tables of scores: halves as in the listing, and faults of the table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.model_selection import train_test_split

from keras_cnn import ImageDataGenerator, InputError, Recipe
from keras_cnn.splits import regression_splits


@pytest.fixture
def dishes(tmp_path):
    """20 pictures as bright as their score."""
    folder = tmp_path / "dishes"
    (folder / "data_foodscore").mkdir(parents=True)
    for number in range(20):
        picture = Image.new("RGB", (8, 6), (10 * number,) * 3)
        picture.save(folder / "data_foodscore" / f"pic{number}.jpg")
    table = pd.DataFrame({"ID": [f"pic{n}" for n in range(20)], "score": np.arange(20) / 4})
    table.to_csv(folder / "FoodScore.csv", index=False)
    return folder


def _dishes(folder, **choices):
    choices = {"validation_split": 0.2} | choices
    recipe = Recipe(name="case", dataset="food", data=folder, image_size=6, **choices)
    return regression_splits(recipe, ImageDataGenerator())


@pytest.mark.parametrize("seed", [0, 1])
def test_scores_are_split_in_halves_as_in_the_listing(dishes, seed):
    splits = _dishes(dishes, seed=seed)
    train, test = train_test_split(np.arange(20) / 4, test_size=0.5, random_state=0)
    np.testing.assert_array_equal(splits.targets["test"], test)
    others = np.concatenate([splits.targets["train"], splits.targets["validation"]])
    np.testing.assert_array_equal(np.sort(others), np.sort(train))
    assert len(splits.targets["validation"]) == 2 and splits.num_classes == 0


def test_every_dish_keeps_its_score(dishes):
    splits = _dishes(dishes)
    for name in ("train", "validation", "test"):
        images, scores = getattr(splits, name)[0]
        np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), 40 * scores, atol=2)


def _no_table(folder):
    (folder / "FoodScore.csv").unlink()
    return "FoodScore.csv cannot be read"


def _other_columns(folder):
    (folder / "FoodScore.csv").write_text("name,score\npic1,3\n")
    return "must have the columns ID and score"


def _no_number(folder):
    path = folder / "FoodScore.csv"
    path.write_text(path.read_text().replace("pic7,1.75", "pic7,good"))
    return "that of pic7 is 'good'"


def _twice(folder):  # could be in the training half and in the test half
    path = folder / "FoodScore.csv"
    path.write_text(path.read_text() + "pic7,1.75\n")
    return r"\['pic7'\] are listed again"


def _no_picture(folder):
    (folder / "data_foodscore" / "pic3.jpg").unlink()
    return "1 of 20 pictures cannot be used"


@pytest.mark.parametrize("spoil", [_no_table, _other_columns, _no_number, _twice, _no_picture])
def test_a_table_that_cannot_be_used_gets_a_sentence(dishes, spoil):
    said = spoil(dishes)
    with pytest.raises(InputError, match=said):
        _dishes(dishes)


@pytest.mark.parametrize(
    "choice", [{"mix": "mixup"}, {"label_smoothing": 0.1}, {"class_weights": "balanced"}]
)
def test_options_that_need_classes_are_refused(dishes, choice):
    with pytest.raises(InputError, match=f"{next(iter(choice))}=.* needs classes"):
        _dishes(dishes, **choice)


def test_a_share_that_leaves_no_picture_gets_a_sentence(dishes):
    with pytest.raises(InputError, match="--validation-split 0.99 of 10 pictures leaves none"):
        _dishes(dishes, validation_split=0.99)


def test_a_test_half_without_a_readable_picture_gets_a_sentence(dishes):
    for path in map(Path, _dishes(dishes).test_names):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="no readable picture is left of the test half"):
        _dishes(dishes, skip_bad_images=True)
