"""Splits of folders, arrays and tables: which pictures they hold, and what they refuse."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cnn import ImageDataGenerator, InputError, Recipe
from keras_cnn.images import files, preparation
from keras_cnn.splits import array_splits, classification_splits


def _splits(folder, generator=None, **choices):
    choices = {"image_size": 24} | choices
    recipe = Recipe(name="case", dataset="stripes", data=folder, **choices)
    generator = generator or ImageDataGenerator(rescale=1 / 255)
    return classification_splits(recipe, generator)


def test_a_share_of_each_class_of_train_validates(stripes):
    splits = _splits(stripes, validation_split=0.25)
    assert (splits.train.samples, splits.validation.samples, splits.test.samples) == (30, 10, 16)
    assert np.bincount(splits.validation.classes).tolist() == [5, 5]
    assert not set(splits.train.filepaths) & set(splits.validation.filepaths)
    assert all("/train/" in path.replace("\\", "/") for path in splits.validation.filepaths)


def test_splits_have_what_a_builder_needs(stripes):
    splits = _splits(stripes)
    assert splits.class_names == ["lying", "upright"]
    assert (splits.num_classes, splits.image_shape) == (2, (24, 24, 3))


def test_only_train_is_shuffled(stripes):
    splits = _splits(stripes)
    assert (splits.train.shuffle, splits.validation.shuffle, splits.test.shuffle) == (1, 0, 0)


def test_only_train_is_augmented(stripes):
    splits = _splits(stripes, ImageDataGenerator(rescale=1 / 255, rotation_range=90))
    plain = _splits(stripes)
    for name in ("validation", "test"):
        np.testing.assert_array_equal(getattr(splits, name)[0][0], getattr(plain, name)[0][0])
    assert not np.array_equal(splits.train[0][0], plain.train[0][0])


def test_the_background_of_the_recipe_lies_under_transparent_pixels(stripes):
    for path in stripes.glob("*/*/*.png"):
        Image.new("RGBA", (24, 24), (0, 0, 0, 0)).save(path)
    recipe = Recipe(name="", dataset="").parse(["--background", "white"])
    splits = _splits(stripes, background=recipe.background)
    for split in (splits.train, splits.validation, splits.test):
        assert np.all(split[0][0] == 1)
        assert preparation.Preparation.of(split).background == "white"
    assert np.all(_splits(stripes).test[0][0] == 0)
    with pytest.raises(InputError, match="background.*'whyte'"):
        _splits(stripes, background="whyte")


@pytest.mark.parametrize("name", files.INTERPOLATIONS)
@pytest.mark.parametrize("size", [10, 50])
def test_pictures_are_resized_as_the_recipe_says(stripes, name, size):
    recipe = Recipe(name="", dataset="").parse(["--interpolation", name])
    splits = _splits(stripes, image_size=size, interpolation=recipe.interpolation)
    for flow in (splits.train, splits.validation, splits.test):
        assert preparation.Preparation.of(flow).interpolation == name
    with Image.open(splits.test.filepaths[0]) as file:
        resized = file.convert("RGB").resize((size, size), Image.Resampling[name.upper()])
    np.testing.assert_allclose(splits.test[0][0][0], np.asarray(resized, np.float32) / 255)


def test_augment_replaces_the_augmentation_of_the_case(stripes):
    generator = ImageDataGenerator(rescale=1 / 255, rotation_range=90, brightness_range=(0.5, 1))
    own, flip, none = (
        _splits(stripes, generator, augment=augment).train for augment in (None, "flip", "none")
    )
    assert own.image_data_generator.rotation_range == 90
    mirrored = 0
    for changed, plain in zip(flip[0][0], none[0][0], strict=True):
        mirrored += not np.array_equal(changed, plain)
        assert np.array_equal(changed, plain) or np.array_equal(changed, plain[:, ::-1])
    assert 0 < mirrored < len(flip[0][0])
    sentence = "augmentation has the options rotation.*; received rescale"
    with pytest.raises(InputError, match=sentence):
        generator.with_augmentation(rescale=2)


def test_the_same_seed_splits_the_same_way_and_another_does_not(stripes):
    first, same, other = (_splits(stripes, seed=seed).validation.filepaths for seed in (1, 1, 2))
    assert list(first) == list(same) != list(other)


def test_a_folder_of_class_folders_is_split_into_train_validation_and_test(stripes):
    splits = _splits(stripes / "train", validation_split=0.25)
    flows = [splits.train, splits.validation, splits.test]
    assert sum(flow.samples for flow in flows) == 40
    assert len(set().union(*(flow.filepaths for flow in flows))) == 40
    assert all(np.bincount(flow.classes).min() > 0 for flow in flows)


@pytest.mark.parametrize("name", ["val", "validation"])
def test_a_folder_of_validation_pictures_is_the_validation_split(stripes, name):
    shutil.copytree(stripes / "test", stripes / name)
    splits = _splits(stripes)
    assert (splits.train.samples, splits.validation.samples, splits.test.samples) == (40, 16, 16)
    assert all(f"/{name}/" in path.replace("\\", "/") for path in splits.validation.filepaths)
    shutil.rmtree(stripes / name / "lying")
    with pytest.raises(InputError, match=r"in train and \['upright'\] in validation"):
        _splits(stripes)


def test_typefaces_of_test_alone_are_scored_apart(stripes):
    for path in list((stripes / "test" / "lying").iterdir())[:3]:
        path.rename(path.with_name(path.name.replace("pen", "brush")))
    (stripes / "test" / "lying" / "brush_u0001.png").unlink(missing_ok=True)
    splits = _splits(stripes, group_by=r"^(?P<typeface>.+)_u[0-9a-f]{4}$")
    assert set(splits.groups) == {"seen typefaces", "unseen typefaces"}
    unseen = np.array(splits.test.filepaths)[splits.groups["unseen typefaces"]]
    assert len(unseen) and all("brush" in path for path in unseen)
    assert (splits.groups["seen typefaces"] ^ splits.groups["unseen typefaces"]).all()


def test_file_names_that_do_not_match_are_refused(stripes):
    with pytest.raises(InputError, match="does not match 56 of 56, such as pen_u0000.png"):
        _splits(stripes, group_by=r"^(?P<typeface>.+)~\d+$")


def test_hidden_folders_are_not_classes(stripes):
    (stripes / "train" / ".ipynb_checkpoints").mkdir()
    assert _splits(stripes).class_names == ["lying", "upright"]


def test_pictures_of_unsupported_formats_are_reported(stripes, capsys):
    assert not _splits(stripes).facts["notes"]
    folder = stripes / "train" / "lying"
    for name in ("b.webp", "notes.txt", "Thumbs.db", ".hidden.gif", "a.HEIC"):
        (folder / name).write_bytes(b"any")
    (note,) = _splits(stripes).facts["notes"]
    assert f"tiff: {Path('train/lying/a.HEIC')}, {Path('train/lying/b.webp')} (2 in all)" in note
    assert note in capsys.readouterr().out
    for number in range(3):
        (folder / f"c{number}.gif").write_bytes(b"any")
    (note,) = _splits(stripes).facts["notes"]
    assert "c0.gif, … (5 in all)" in note.replace("\\", "/")


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
    flows = (splits.train, splits.validation, splits.test)
    assert not any(left_out in flow.filepaths for flow in flows)


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


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_split_that_would_lack_a_class_is_refused(stripes, share):
    for path in sorted((stripes / "train" / "lying").iterdir())[2:]:
        path.unlink()
    with pytest.raises(InputError, match=f"{share} of 22 pictures leaves no picture of 'lying'"):
        _splits(stripes, validation_split=share)


def test_classes_chooses_class_folders_and_the_order_of_the_outputs(stripes):
    shutil.copytree(stripes / "train" / "lying", stripes / "train" / "third")  # not in test
    splits = _splits(stripes, classes="upright, lying")
    assert splits.class_names == ["upright", "lying"]
    names = [splits.class_names[index] for index in splits.targets["test"]]
    assert names == [Path(path).parent.name for path in splits.test_names]


@pytest.mark.parametrize("classes", ["upright,standing", "upright,upright", ""])
def test_classes_that_are_not_there_or_twice_are_refused(stripes, classes):
    with pytest.raises(InputError, match="--classes must name class folders .*'lying', 'upright'"):
        _splits(stripes, classes=classes)


def test_most_classes_takes_the_first_by_name(stripes):
    for split in ("train", "test"):
        shutil.copytree(stripes / split / "lying", stripes / split / "zigzag")
    recipe = Recipe(name="case", dataset="stripes", data=stripes, image_size=24)
    splits = classification_splits(recipe, ImageDataGenerator(), most_classes=2)
    assert splits.class_names == ["lying", "upright"]
    assert sum(len(targets) for targets in splits.targets.values()) == 56


def _digits(folder, **choices):
    x = np.arange(40, dtype=np.uint8)[:, None, None] + np.zeros((40, 28, 28), np.uint8)
    y = (np.arange(40) % 10).astype(np.uint8)
    np.savez(folder / "set.npz", x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    choices = {"validation_split": 0.25} | choices
    return Recipe(name="case", dataset="mnist", data=folder / "set.npz", batch_size=40, **choices)


def test_arrays_are_split_with_their_labels(tmp_path):
    splits = array_splits(_digits(tmp_path), ImageDataGenerator())
    assert splits.image_shape == (28, 28, 1) and splits.class_names == list("0123456789")
    assert np.bincount(splits.targets["validation"]).tolist() == [1] * 10
    seen = []
    for split in ("train", "validation"):
        images, labels = getattr(splits, split)[0]
        values = images[:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(values % 10, labels.argmax(axis=1))
        seen += values.tolist()
    assert sorted(seen) == list(range(40))
    assert [splits.picture(index)[0, 0, 0] for index in range(10)] == list(range(10))


def test_a_margin_is_black_and_on_every_side(tmp_path):
    splits = array_splits(_digits(tmp_path), ImageDataGenerator(), margin=2)
    picture = splits.picture(9)
    assert picture.shape == splits.image_shape == (32, 32, 1)
    assert picture.sum() == 9 * 28 * 28 == picture[2:-2, 2:-2].sum()


def test_the_built_in_digits_are_reported_as_a_real_sample(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_CNN_DATA", str(tmp_path))
    splits = array_splits(Recipe(name="case", dataset="mnist"), ImageDataGenerator())
    assert not splits.facts["synthetic"] and splits.facts["dataset"]["is_sample"]
    assert "real handwritten digits" in splits.facts["notes"][0]


def test_a_sample_named_by_the_user_stays_a_sample(place):
    folder = place / "samples" / "flowers17"
    for split, label, number in itertools.product(("train", "test"), "ab", range(4)):
        path = folder / split / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    facts = _splits(folder, validation_split=0.5).facts
    assert facts["synthetic"] and facts["dataset"]["is_sample"]
