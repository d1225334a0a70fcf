"""Answers of a classifier: what is explained, what is similar, and runs that cannot be used."""

import shutil

import keras
import pytest
from studio_pages import build

from keras_cnn import InputError, card
from keras_cnn.app import markup, try_tab
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import translator


@pytest.fixture(scope="module")
def picture(trained):
    return str(next((trained.parents[1] / "pictures/test/flat").iterdir()))


def _answering(studio):
    return try_tab._Answering(studio, translator("en"))


@pytest.fixture(scope="module")
def answering(trained):
    return _answering(Studio(trained.parent))


def test_the_heat_map_is_that_of_the_class_the_layer_and_the_opacity(answering, picture):
    state = answering.picture("bars", picture)[2]
    choices = [("", "", 1), ("upright", "", 1), ("", "s2", 1), ("", "", 0.5)]
    shown = [answering.explain(state, *choice, "bars") for choice in choices]
    assert len(set(shown)) == 4 and all("<img" in each for each in shown)
    assert answering.explain(state, "flat", "", 1, "bars") == shown[0]  # the answer is "flat"


def test_the_layers_to_explain_are_those_with_maps_the_last_first(trained):
    assert try_tab._layers(Studio(trained.parent).load("bars")) == ["s2", "c1"]


def test_without_the_training_pictures_a_sentence_is_in_place_of_the_most_similar(
    trained, picture, tmp_path
):
    answering = _answering(Studio(trained.parent, data=tmp_path / "moved"))
    shown, clock = answering.neighbours(answering.picture("bars", picture)[2], "bars")
    assert "not at hand" in shown and not clock.active


def test_a_run_that_was_deleted_meanwhile_is_a_sentence_everywhere(trained, picture, tmp_path):
    shutil.copytree(trained, tmp_path / "runs/bars")
    answering = _answering(Studio(tmp_path / "runs"))
    state = answering.picture("bars", picture)[2]
    shutil.rmtree(tmp_path / "runs/bars")
    for shown in (
        markup.reported(3)(answering.picture)("bars", picture)[0],
        markup.reported(1)(answering.explain)(state, "", "", 1, "bars"),
        answering.neighbours(state, "bars")[0],
    ):
        assert "The run 'bars' is not there any more" in shown.replace("&#x27;", "'")


def test_a_model_with_code_is_refused(trained, tmp_path):
    model = build(input_shape=(16, 16, 3), classes=2)
    outputs = keras.layers.Lambda(lambda x: x, output_shape=(2,))(model.output)
    (tmp_path / "code").mkdir()
    keras.Model(model.input, outputs).save(tmp_path / "code/model.keras")
    card.write(tmp_path / "code/model.keras", card.read(trained / "model.keras"))
    with pytest.raises(InputError, match="holds a Lambda layer"):
        Studio(tmp_path).load("code")
