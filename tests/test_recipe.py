import dataclasses
import io
import sys

import pytest

from keras_cnn import ImageDataGenerator, InputError, Recipe
from keras_cnn.detection import DetectionRecipe
from keras_cnn.options import Parser, script
from keras_cnn.recipe import AUGMENTATIONS, TrainingRecipe

RECIPE = Recipe(name="case", dataset="set", epochs=6)


def test_a_recipe_is_its_own_default():
    assert RECIPE.parse([]) == RECIPE


def test_options_become_typed_fields():
    recipe = RECIPE.parse(["--epochs", "3", "--learning-rate", "1e-4", "--data", "图", "--resume"])
    assert (recipe.epochs, recipe.learning_rate, recipe.resume) == (3, 1e-4, True)
    assert recipe.data.name == "图"


NO_OPTIONS = {
    "without",
    "choices",
    "listing",
    "validate_on_test",
    "network",
}  # only a case sets them


def test_every_choice_of_a_case_is_an_option_with_help(capsys):
    with pytest.raises(SystemExit):
        RECIPE.parse(["--help"], description="What the case does.")
    shown = capsys.readouterr().out
    fields = {field.name for field in dataclasses.fields(Recipe)} - {"name", "dataset", *NO_OPTIONS}
    assert all("--" + name.replace("_", "-") in shown for name in fields - {"leave_out"})
    assert "--without FILE" in shown
    assert "What the case does." in shown


def test_an_option_without_meaning_for_a_case_is_not_offered(capsys):
    recipe = dataclasses.replace(RECIPE, without=("variant", "image_size"))
    with pytest.raises(SystemExit):
        recipe.parse(["--help"])
    shown = capsys.readouterr().out
    assert "--variant" not in shown and "--image-size" not in shown and "--seed" in shown
    with pytest.raises(SystemExit):
        recipe.parse(["--variant", "paper"])
    assert "unknown option --variant" in capsys.readouterr().err
    assert not {"variant", "image_size", "without"} & set(recipe.to_dict())


def test_a_field_that_the_parser_leaves_out_keeps_its_value(tmp_path):
    parser = Parser()
    recipe = dataclasses.replace(RECIPE, data=tmp_path)
    recipe.add_options(parser, names=[name for name in recipe.option_names if name != "data"])
    changed = recipe.with_options(parser.parse_args(["--epochs", "2"]))
    assert changed == dataclasses.replace(recipe, epochs=2)


@pytest.mark.parametrize("name", ["variants", "without", "name", "image-size"])
def test_a_wrong_name_in_without_is_refused_at_once(name):
    with pytest.raises(InputError, match=f"without must name options of Recipe.*'{name}'"):
        dataclasses.replace(RECIPE, without=("variant", name))
    with pytest.raises(InputError, match="options of DetectionRecipe.*received 'mix'"):
        DetectionRecipe(name="case", dataset="set", without=("mix",))


def test_a_detection_recipe_has_the_common_choices_and_none_that_only_classifiers_have():
    classifiers_only = set(
        "image_size interpolation background variant augment augment_on mix "
        "class_weights label_smoothing test_crops skip_bad_images network folds".split()
    )
    detection = DetectionRecipe(name="case", dataset="set")
    of_their_own = {
        "classes",
        "group_by",
        "validation_split",
    }  # each kind has another text and range
    common = set(RECIPE.to_dict()) - classifiers_only - of_their_own
    assert common < set(detection.to_dict()) and not classifiers_only & set(detection.to_dict())
    assert common | {"without", "choices", "listing"} == {
        field.name for field in dataclasses.fields(TrainingRecipe)
    }
    # A training reads these of every recipe: those of a detector do nothing.
    for name in ("mix", "test_crops"):
        assert getattr(detection, name) == getattr(RECIPE, name)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--epoch", "3"], "unknown option --epoch; did you mean --epochs?"),
        (["--epochs", "three"], "invalid int value: 'three'"),
        (["--epochs", "0"], "--epochs must be at least 1; received 0"),
        (["--learning-rate", "0"], "--learning-rate must be above 0; received 0.0"),
        (["--learning-rate", "inf"], "--learning-rate must be a finite number; received inf"),
        (["--validation-split", "1"], "--validation-split must be below 1; received 1.0"),
        (["--label-smoothing", "1"], "--label-smoothing must be below 1; received 1.0"),
        (["--early-stopping", "0"], "--early-stopping must be at least 1; received 0"),
        (["--schedule", "linear"], "invalid choice: 'linear'"),
        (["--runs", "3", "--resume"], "--resume goes on with one run, not with --runs 3"),
        (["--precision", "int8"], "invalid choice: 'int8'"),
        (["picture.png"], "unexpected argument 'picture.png'"),
    ],
)
def test_a_wrong_option_gets_one_sentence_and_exit_code_2(argv, message, capsys):
    with pytest.raises(SystemExit) as exit:
        RECIPE.parse(argv)
    error = capsys.readouterr().err
    assert exit.value.code == 2
    assert message in error and error.count("\n") == 1


def test_a_wrong_value_in_code_is_refused_like_one_from_the_terminal():
    with pytest.raises(InputError, match="--image-size must be at least 1; received 0"):
        dataclasses.replace(RECIPE, image_size=0)
    with pytest.raises(InputError, match=r"--schedule must be one of \['constant', .*'cosinus'"):
        dataclasses.replace(RECIPE, schedule="cosinus")
    with pytest.raises(InputError, match=r"--test-crops must be one of \[1, 5, 10\]; received 2"):
        dataclasses.replace(RECIPE, test_crops=2)


def test_a_missing_tensorboard_is_reported_before_anything_is_built(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(InputError, match="pip install tensorboard, or leave the option out"):
        dataclasses.replace(RECIPE, tensorboard=True)


def test_move_never_mirrors_and_full_moves_and_mirrors():
    draws = {
        name: [
            ImageDataGenerator(**options).get_random_transform((32, 32, 3), seed=seed)
            for seed in range(20)
        ]
        for name, options in AUGMENTATIONS.items()
    }
    for name, mirrors, turns in (
        ("none", False, False),
        ("flip", True, False),
        ("move", False, True),
        ("full", True, True),
    ):
        assert any(drawn["flip_horizontal"] for drawn in draws[name]) is mirrors, name
        assert any(drawn["theta"] for drawn in draws[name]) is turns, name


@pytest.mark.parametrize(
    ("reason", "code", "sentence"),
    [
        (InputError("the folder is missing"), 2, "error: the folder is missing"),
        (KeyboardInterrupt, 130, "interrupted"),
    ],
)
def test_a_script_ends_in_one_sentence_and_an_exit_code(capsys, reason, code, sentence):
    def main():
        raise reason

    with pytest.raises(SystemExit) as exit:
        script(main)
    assert exit.value.code == code
    assert capsys.readouterr().err == f"{sentence}\n"


def test_a_script_does_not_hide_a_bug():
    with pytest.raises(ZeroDivisionError):
        script(lambda: 1 / 0)


def test_a_script_prints_characters_that_its_output_cannot_encode_as_escapes(monkeypatch):
    content = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(content, encoding="cp1252"))
    script(lambda: print("楷书 \udce9", flush=True))  # a class name, and a byte that is not UTF-8
    assert content.getvalue().split() == [rb"\u6977\u4e66", rb"\udce9"]
