"""The detector: boxes in the pixels of each picture, scores, reports and callbacks."""

import json

import cv2
import keras
import numpy as np
import pytest
from oracle_detector import NAMES, SCENES, Oracle, bright
from PIL import Image

from keras_cnn.datasets.annotations import Picture
from keras_cnn.detection import draw
from keras_cnn.detection.batches import Batches
from keras_cnn.detection.callbacks import MeanAveragePrecision, StopWhenNotFinite, score
from keras_cnn.detection.detector import Detector
from keras_cnn.detection.loss import MultiboxLoss
from keras_cnn.detection.task import DetectionSplits
from keras_cnn.errors import InputError
from keras_cnn.models.ssd import SSD300


def test_boxes_come_back_in_the_pixels_of_each_picture():
    detector = Detector(Oracle(), NAMES)
    pictures = [bright(*scene) for scene in SCENES]
    for found, (width, height, box) in zip(detector(pictures, batch_size=2), SCENES, strict=True):
        assert found.names == ["书法"] and found.scores[0] > 0.99
        np.testing.assert_allclose(found.boxes[0], box, atol=1.5 * max(width, height) / 300)


def test_a_picture_a_file_a_folder_and_a_video_are_one_call_each(tmp_path):
    detector = Detector(Oracle(), NAMES)
    picture = bright(*SCENES[0])
    alone = detector(picture)
    assert alone.boxes.shape == (1, 4)
    for name in ("b.png", "a.png"):
        Image.fromarray(picture).save(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    np.testing.assert_allclose(detector(tmp_path / "a.png").boxes, alone.boxes)
    found = dict(detector.folder(tmp_path))
    assert [name[-5:] for name in found] == ["a.png", "b.png"]
    video = cv2.VideoWriter(
        str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5, (640, 480)
    )
    if video.isOpened():
        for _ in range(3):
            video.write(picture[:, :, ::-1].copy())
        video.release()
        frames = list(detector.video(tmp_path / "film.avi"))
        assert len(frames) == 3
        np.testing.assert_allclose(frames[2].boxes, alone.boxes, atol=6)
    with pytest.raises(InputError, match="cannot open the video"):
        next(detector.video(tmp_path / "absent.avi"))


def test_pictures_of_pillow_and_grey_arrays_are_read_like_their_files(tmp_path):
    detector, picture = Detector(Oracle(), NAMES), bright(*SCENES[1])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as image:
        found = detector(image)
    expected = detector(tmp_path / "turned.png")
    np.testing.assert_array_equal(found.picture, expected.picture)
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    with pytest.raises(InputError, match="received float64 of shape .400, 200, 3."):
        detector(picture / 255)
    with pytest.raises(InputError, match=r"received uint8 of shape \(7,\)"):
        detector([picture, picture[:7, 0, 0]])
    grey = np.full((40, 30), 7, np.uint8)
    found = Detector(_FindsNothing(), NAMES)(grey)
    assert (found.picture == 7).all() and found.picture.shape == (40, 30, 3)


class _FindsNothing(Oracle):
    def predict_on_batch(self, squares):
        outputs = np.zeros((len(squares), 8732, 7), np.float32)
        outputs[..., 4] = 20
        return outputs


def test_drawing_marks_the_object_and_leaves_the_picture_alone():
    picture = bright(*SCENES[0])
    found = Detector(Oracle(), NAMES)(picture)
    before = picture.copy()
    drawn = found.draw()
    np.testing.assert_array_equal(picture, before)
    changed = np.argwhere((drawn != picture).any(axis=2))
    assert drawn.shape == picture.shape and len(changed)
    # The box itself, and the label's row above it.
    assert changed[:, 1].min() >= 95 and changed[:, 0].max() <= 466


@pytest.mark.parametrize("shape", [(1, 1500, 3), (1500, 1, 3)])
def test_a_sheet_shows_pictures_of_any_shape(shape):
    sheet = draw.sheet([(np.zeros(shape, np.uint8), "a")], columns=1, width=20)
    assert (sheet[30, 8:28] == 0).all()  # below the title


def test_labels_of_boxes_in_the_same_place_do_not_overlap_or_leave_the_picture():
    blank, corner = np.zeros((100, 300, 3), np.uint8), [10, 30, 200, 70]

    def area(picture, label):
        return (picture == draw.colour(label)).all(axis=2).sum()

    together = draw.boxes(blank, [corner] * 4, [1, 2, 3, 4], texts=["one"] * 4)
    for label in (1, 2, 3, 4):
        alone = draw.boxes(blank, [corner], [label], texts=["one"])
        without = area(draw.boxes(blank, [corner], [label]), label)
        assert area(together, label) >= area(alone, label) - without > 0


def test_chinese_labels_are_drawn_with_a_font_that_has_them():
    blank = np.zeros((100, 300, 3), np.uint8)
    corner, label = np.array([[10, 40, 200, 90]]), np.array([1])
    texts = [draw.boxes(blank, corner, label, texts=[text]) for text in ("书书", "法法")]
    assert (texts[0] != texts[1]).any()  # two missing characters would be the same empty box


def test_a_model_that_does_not_fit_its_names_is_refused():
    with pytest.raises(ValueError, match="must name the 2 classes.*received 1"):
        Detector(Oracle(), ("book",))


def test_a_detector_comes_back_with_its_names(tmp_path):
    model = SSD300(base="mobilenet", classes=3, alpha=0.25)
    Detector(model, NAMES, "torchvision").save(tmp_path / "model.keras")
    again = Detector.load(tmp_path / "model.keras")
    assert again.class_names == NAMES and again.priors == "torchvision"
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
    model.save(tmp_path / "bare.keras")
    with pytest.raises(InputError, match="has no card, which names its classes"):
        Detector.load(tmp_path / "bare.keras")
    (tmp_path / "broken.keras").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot read the model"):
        Detector.load(tmp_path / "broken.keras")


def test_a_detector_is_loaded_from_the_folder_of_its_run(tmp_path):
    model = SSD300(base="mobilenet", classes=3, alpha=0.25)
    Detector(model, NAMES).save(tmp_path / "model.keras")
    assert Detector.load(tmp_path).class_names == NAMES
    with pytest.raises(InputError, match="there is no model"):
        Detector.load(tmp_path / "absent")


def test_a_stream_tells_which_picture_an_answer_belongs_to(pictures, tmp_path):
    paths = [picture.path for picture in pictures]
    (tmp_path / "bad.png").write_text("no picture")
    mixed = [paths[0], str(tmp_path / "bad.png"), *paths[1:]]
    detector, refused = Detector(Oracle(), NAMES), []
    stream = detector.stream(mixed, batch_size=2, on_error=lambda path, _: refused.append(path))
    answers = dict(stream)
    assert list(answers) == paths and refused == mixed[1:2]
    for path, alone in zip(paths, detector(paths), strict=True):
        np.testing.assert_array_equal(answers[path].boxes, alone.boxes)
        np.testing.assert_array_equal(answers[path].picture, alone.picture)
    with pytest.raises(InputError, match="bad.png"):
        list(detector.stream(mixed))


def test_a_choice_of_nms_that_does_not_exist_is_refused(pictures):
    detector, rule = Detector(Oracle(), NAMES), r"one of \['all', 'class'\]; received nms='foo'"
    for picture in (pictures[0].path, [pictures[0].path]):
        with pytest.raises(InputError, match=f"^nms must be {rule}"):
            detector(picture, nms="foo")


def test_a_stream_without_end_is_answered_as_it_comes(pictures):
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield pictures[0].path

    answers = Detector(Oracle(), NAMES).stream(endless(), batch_size=2)
    for _ in range(5):
        next(answers)
    assert asked <= 5 * 2


@pytest.fixture
def pictures(tmp_path):
    made = []
    for number, (width, height, box) in enumerate(SCENES):
        path = tmp_path / f"{number}.png"
        Image.fromarray(bright(width, height, box)).save(path)
        truth = np.array([box], float), np.array([2]), np.array([False])
        made.append(Picture(str(path), *truth, f"{number}.xml"))
    return made


def test_the_callback_logs_the_score_of_the_validation_pictures(pictures):
    batches = Batches(pictures, batch_size=2)
    scores = score(Oracle(), batches, class_names=NAMES)
    assert scores["map"] == 1 and 0.5 < scores["map_coco"] <= 1
    callback, logs = MeanAveragePrecision(batches, class_names=NAMES), {}
    callback.set_model(Oracle())
    callback.on_epoch_end(0, logs)
    assert logs["val_map"] == 1 and {"val_map_voc07", "val_map_coco"} <= set(logs)


def test_the_score_uses_the_priors_of_the_batches(pictures):
    right, wrong = (Batches(pictures, batch_size=2, priors=row) for row in ("voc", "torchvision"))
    scores = [score(Oracle(), batches, class_names=NAMES)["map_coco"] for batches in (right, wrong)]
    assert scores[1] < scores[0] - 0.1


def test_the_report_lists_and_draws_the_detections(pictures, tmp_path):
    batches = Batches(pictures, batch_size=2)
    splits = DetectionSplits(train=batches, validation=batches, test=batches, class_names=NAMES)
    result = splits.report(
        tmp_path / "run",
        answers=splits.predict(Oracle()),
        history={"loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "val_map": [0.0, 0.5]},
        samples=splits.samples(),
        facts={"samples": {"test": 3}, "synthetic": True, "skipped_boxes": {"0.xml": "no area"}},
    )
    book, calligraphy = result["test"]["classes"]
    assert calligraphy["name"] == "书法" and calligraphy["ap"] == 1 == calligraphy["ap_voc07"]
    assert book["ap"] is None and book["objects"] == 0
    assert "mAP 1.000" in result["sentence"] and "3 test pictures" in result["sentence"]
    assert "drawn by code" in result["notes"][0] and "left out" in result["notes"][1]
    names = {path.name for path in (tmp_path / "run").iterdir()}
    figures = {"augment", "curves", "detections", "precision_recall", "samples"}
    assert {f"{figure}.png" for figure in figures} <= names
    assert {"report.json", "report.html", "detections.csv", "history.csv"} <= names
    assert json.loads((tmp_path / "run" / "report.json").read_text("utf-8")) == result
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "书法" in page and page.count("<figure>") == 3 + 3 + 2 * 5
    rows = (tmp_path / "run" / "detections.csv").read_text("utf-8").splitlines()
    assert len(rows) == 1 + 3 and rows[1].startswith("0.png,书法,")
    assert len(splits.samples()) == 3 and len(splits.augmentation_steps()) == 2 * 5


def test_a_loss_that_is_not_finite_stops_training_and_names_the_cause(pictures, tmp_path, capsys):
    class Poisoned(Batches):
        def __getitem__(self, index):
            images, targets = super().__getitem__(index)
            if 1 in self.members(index):
                targets[list(self.members(index)).index(1), 0, :] = (np.inf, 0, 0, 0, 1)
            return images, targets

    batches = Poisoned(pictures, batch_size=1, workers=1)
    model = tiny()
    watcher = StopWhenNotFinite(batches, tmp_path / "run")
    history = model.fit(batches, epochs=3, verbose=0, shuffle=False, callbacks=[watcher])
    assert len(history.epoch) == 1
    report = json.loads((tmp_path / "run" / "not_finite.json").read_text(encoding="utf-8"))
    assert report["files"] == [pictures[1].path]
    assert report["boxes"] == [pictures[1].boxes.tolist()]
    assert report["epoch"] == 1 and report["step"] == 2 and not report["targets_finite"]
    assert report["learning_rate"] == pytest.approx(0.01)
    assert "batch 2 alone makes it so" in capsys.readouterr().out


def test_diverging_weights_are_distinguished_from_bad_data(pictures, tmp_path):
    model = tiny(learning_rate=1e30)
    batches = Batches(pictures, batch_size=1, workers=1)
    watcher = StopWhenNotFinite(batches, tmp_path)
    model.fit(batches, epochs=3, verbose=0, callbacks=[watcher])
    report = json.loads((tmp_path / "not_finite.json").read_text(encoding="utf-8"))
    assert "diverged" in report["cause"] and "files" not in report


def test_the_first_layer_that_fails_is_named(pictures, tmp_path):
    model = tiny()
    kernel, bias = model.get_layer("first").get_weights()
    model.get_layer("first").set_weights([kernel * np.inf, bias])
    watcher = StopWhenNotFinite(Batches(pictures, batch_size=1), tmp_path)
    watcher.set_model(model)
    watcher.on_epoch_begin(0)
    watcher.on_train_batch_end(0, {"loss": float("nan")})
    report = json.loads((tmp_path / "not_finite.json").read_text(encoding="utf-8"))
    assert report["first_layer"] == "first"


def tiny(*, learning_rate=0.01):
    """A network of SSD300's shapes that runs in no time."""
    image = keras.Input((300, 300, 3))
    x = keras.layers.AveragePooling2D(300)(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(4, name="first")(x)
    x = keras.layers.Dense(8732 * 7, name="second")(x)
    model = keras.Model(image, keras.layers.Reshape((8732, 7))(x))
    model.compile(keras.optimizers.SGD(learning_rate), loss=MultiboxLoss(), jit_compile=False)
    return model
