"""Training and prediction prepare a picture by the same code, whatever its file holds."""

import keras
import odd_pictures
import pytest

from keras_cnn import ImageDataGenerator, InputError, Predictor
from keras_cnn.card import Card
from keras_cnn.images import files
from keras_cnn.images.preparation import Preparation
from keras_cnn.inference.predictor import reason

pytestmark = [
    # Pillow warns of odd files: what counts here is what both readers return.
    pytest.mark.filterwarnings("ignore::UserWarning:PIL.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
SIZE = (24, 20)


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory):
    """A folder of one class that holds all odd pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "odd").mkdir()
    odd_pictures.write_all(folder / "odd")
    return folder


def _flow(folder, **options):
    generator = ImageDataGenerator(cache=False, prefetch=0)
    return generator.flow_from_directory(
        folder, target_size=SIZE, class_mode=None, shuffle=False, batch_size=1, **options
    )


def _predictor(flow):
    """Return a predictor of the flow's card whose answer to a picture is its input."""
    preparation = Preparation.from_dict(Preparation.of(flow).to_dict())
    inputs = keras.Input(preparation.image_shape)
    card = Card(task="regression", preparation=preparation.to_dict())
    return Predictor(keras.Model(inputs, keras.layers.Flatten()(inputs)), card, preparation)


def _of_training(flow):
    """Return each file's pixels as training reads them, or the reason why it is refused."""
    outcomes = {}
    for number, path in enumerate(flow.filepaths):
        try:
            outcomes[path] = flow[number].tobytes()
        except InputError as error:
            outcomes[path] = reason(error)
    return outcomes


def _of_prediction(predictor, paths):
    """Return each file's pixels as a predictor reads them, or the reason why it is refused."""
    outcomes = {}

    def note(path, error):
        outcomes[path] = reason(error)

    for path, answer in predictor.stream(paths, on_error=note):
        outcomes[path] = answer.scores.tobytes()
    return outcomes


@pytest.mark.parametrize("color_mode", files.CHANNELS)
@pytest.mark.parametrize("keep_aspect_ratio", [False, True])
def test_training_and_prediction_read_the_same_bytes_and_refuse_the_same_files(
    odd_folder, color_mode, keep_aspect_ratio
):
    for interpolation in files.INTERPOLATIONS:
        flow = _flow(
            odd_folder,
            color_mode=color_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
        )
        assert flow.samples == odd_pictures.NUMBER
        trained = _of_training(flow)
        predicted = _of_prediction(_predictor(flow), flow.filepaths)
        assert [path for path in flow.filepaths if trained[path] != predicted[path]] == []
        assert 30 < sum(isinstance(outcome, str) for outcome in trained.values()) < 60
