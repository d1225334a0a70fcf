import shutil

import numpy as np
import pytest
from PIL import Image

from keras_cnn import ImageDataGenerator, InputError, Recipe
from keras_cnn.splits import classification_splits


def _splits(folder, generator=None, *, group_pattern=None, **choices):
    recipe = Recipe(name="case", dataset="stripes", data=folder, image_size=24, **choices)
    generator = generator or ImageDataGenerator(rescale=1 / 255)
    return classification_splits(recipe, generator, group_pattern=group_pattern)


def test_a_part_of_train_drawn_class_by_class_validates(stripes):
    splits = _splits(stripes, validation_split=0.25)
    assert (splits.train.samples, splits.validation.samples, splits.test.samples) == (30, 10, 16)
    assert np.bincount(splits.validation.classes).tolist() == [5, 5]
    assert not set(splits.train.filepaths) & set(splits.validation.filepaths)
    assert all("/train/" in path.replace("\\", "/") for path in splits.validation.filepaths)


def test_the_parts_tell_what_the_model_needs(stripes):
    splits = _splits(stripes)
    assert splits.class_names == ["lying", "upright"]
    assert (splits.num_classes, splits.image_shape) == (2, (24, 24, 3))


def test_only_train_is_shuffled(stripes):
    splits = _splits(stripes)
    assert (splits.train.shuffle, splits.validation.shuffle, splits.test.shuffle) == (1, 0, 0)


def test_only_train_is_augmented(stripes):
    splits = _splits(stripes, ImageDataGenerator(rescale=1 / 255, rotation_range=90))
    plain = _splits(stripes)
    for part in ("validation", "test"):
        np.testing.assert_array_equal(getattr(splits, part)[0][0], getattr(plain, part)[0][0])
    assert not np.array_equal(splits.train[0][0], plain.train[0][0])


def test_the_same_seed_splits_the_same_way_and_another_does_not(stripes):
    first, same, other = (_splits(stripes, seed=seed).validation.filepaths for seed in (1, 1, 2))
    assert list(first) == list(same) != list(other)


def test_a_folder_of_class_folders_is_split_into_all_three_parts(stripes):
    splits = _splits(stripes / "train", validation_split=0.25)
    parts = [splits.train, splits.validation, splits.test]
    assert sum(part.samples for part in parts) == 40
    assert len(set().union(*(part.filepaths for part in parts))) == 40
    assert all(np.bincount(part.classes).min() > 0 for part in parts)


def test_typefaces_of_test_alone_are_scored_apart(stripes):
    for path in list((stripes / "test" / "lying").iterdir())[:3]:
        path.rename(path.with_name(path.name.replace("pen", "brush")))
    (stripes / "test" / "lying" / "brush_u0001.png").unlink(missing_ok=True)
    splits = _splits(stripes, group_pattern=r"^(?P<typeface>.+)_u[0-9a-f]{4}$")
    assert set(splits.groups) == {"seen typefaces", "unseen typefaces"}
    unseen = np.array(splits.test.filepaths)[splits.groups["unseen typefaces"]]
    assert len(unseen) and all("brush" in path for path in unseen)
    assert (splits.groups["seen typefaces"] ^ splits.groups["unseen typefaces"]).all()


def test_files_named_otherwise_make_no_groups(stripes):
    assert _splits(stripes, group_pattern=r"^(?P<typeface>.+)~\d+$").groups == {}


def test_hidden_folders_are_no_class(stripes):
    (stripes / "train" / ".ipynb_checkpoints").mkdir()
    assert _splits(stripes).class_names == ["lying", "upright"]


def _spoil_text(folder):
    (folder / "train" / "lying" / "notes.png").write_text("no picture")
    return "notes.png"


def _spoil_truncated(folder):
    path = folder / "train" / "lying" / "torn.jpg"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-900])
    return "torn.jpg"


def _spoil_pixel(folder):
    Image.new("RGB", (1, 1)).save(folder / "test" / "lying" / "pixel.png")
    return "pixel.png"


def _spoil_empty_file(folder):
    (folder / "test" / "upright" / "void.png").touch()
    return "void.png"


@pytest.mark.parametrize("spoil", [_spoil_text, _spoil_truncated, _spoil_pixel, _spoil_empty_file])
def test_a_bad_picture_stops_before_training_or_is_left_out_by_choice(stripes, spoil):
    name = spoil(stripes)
    with pytest.raises(InputError, match=rf"1 of 57 pictures.*--skip-bad-images.*\n.*{name}: \w"):
        _splits(stripes)
    splits = _splits(stripes, skip_bad_images=True)
    (left_out,) = splits.facts["skipped"]
    assert left_out.endswith(name)
    parts = (splits.train, splits.validation, splits.test)
    assert not any(left_out in part.filepaths for part in parts)


def test_all_bad_pictures_are_listed_at_once(stripes):
    names = [spoil(stripes) for spoil in (_spoil_text, _spoil_truncated, _spoil_pixel)]
    with pytest.raises(InputError) as error:
        _splits(stripes)
    assert all(name in str(error.value) for name in names)


def _no_folder(folder):
    shutil.rmtree(folder)
    return "条纹 stripes"


def _no_train(folder):
    shutil.rmtree(folder / "train")
    return r"no train/"


def _empty_class(folder):
    (folder / "train" / "wavy").mkdir()
    return "wavy"


def _one_class(folder):
    for split in ("train", "test"):
        shutil.rmtree(folder / split / "upright")
    return r"at least two classes .*\['lying'\]"


def _other_classes(folder):
    (folder / "test" / "lying").rename(folder / "test" / "lieing")
    return r"\['lying', 'upright'\] in train and \['lieing', 'upright'\] in test"


def _tiny_class(folder):
    for path in sorted((folder / "train" / "lying").iterdir())[1:]:
        path.unlink()
    return "'lying' has 1"


@pytest.mark.parametrize(
    "spoil", [_no_folder, _no_train, _empty_class, _one_class, _other_classes, _tiny_class]
)
def test_a_folder_that_cannot_be_used_gets_a_sentence(stripes, spoil):
    said = spoil(stripes)
    with pytest.raises(InputError, match=said) as error:
        _splits(stripes)
    assert "\n" not in str(error.value)


def test_a_share_too_small_for_the_classes_gets_a_sentence(stripes):
    with pytest.raises(InputError, match="--validation-split 0.01 of 40 pictures"):
        _splits(stripes, validation_split=0.01)
