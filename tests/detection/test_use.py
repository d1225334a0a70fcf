"""A detector in use: limits, tables, videos and cameras, drawings of many objects."""

import inspect
import json
import re

import cv2
import numpy as np
import pytest
import scipy.special
from oracle_detector import NAMES, SCENES, Oracle, bright
from PIL import Image

from keras_cnn import detection
from keras_cnn.cli import main
from keras_cnn.detection import boxes, draw, video
from keras_cnn.detection.detector import Detector


class TwoClasses(Oracle):
    """Finds the bright rectangle as both classes, the second more likely."""

    def predict_on_batch(self, squares):
        outputs = super().predict_on_batch(squares)
        found = outputs[..., 6] > 0
        outputs[found, 4:] = [0, 2, 3]
        return outputs


def test_suppression_across_classes_keeps_one_box_of_two_classes():
    detector, picture = Detector(TwoClasses(), NAMES), bright(*SCENES[0])
    limits = {"score_threshold": 0.1}
    assert detector(picture, **limits).names == ["书法", "book"]
    assert detector(picture, nms="all", **limits).names == ["书法"]
    assert detector(picture, top_k=1, **limits).names == ["书法"]


def test_an_answer_without_objects_tells_the_highest_score_below_the_threshold():
    found = Detector(TwoClasses(), NAMES)(bright(*SCENES[0]), score_threshold=0.9)
    expected = np.exp(3) / (1 + np.exp(2) + np.exp(3))
    assert found.names == [] and found.highest == pytest.approx(expected)


@pytest.mark.parametrize("scale", [0.1, 1, 30])
@pytest.mark.parametrize("threshold", [-1, 0, 0.01, 0.5, 0.95, 1])
def test_the_objects_are_those_of_the_softmax_of_all_boxes(scale, threshold):
    rng = np.random.default_rng(0)
    output = rng.normal(size=(1, 8732, 4 + 3)).astype("float32")
    output[..., 4:] *= scale
    scores = scipy.special.softmax(output[0, :, 4:], axis=1)
    limits = {"score_threshold": threshold, "keep": 20}
    expected = boxes.detections(output[0, :, :4], scores, boxes.priors(), **limits)

    class Random(Oracle):
        def predict_on_batch(self, squares):
            return output

    picture = np.zeros((300, 300, 3), np.uint8)
    found = Detector(Random(), NAMES)(picture, score_threshold=threshold, top_k=20)
    view = boxes.letterbox(300, 300)
    corners = boxes.from_view(expected[0], view).clip(0, 300)
    np.testing.assert_allclose(found.boxes, corners, atol=1e-3)
    np.testing.assert_allclose(found.scores, expected[1], rtol=1e-5)
    np.testing.assert_array_equal(found.labels, expected[2])
    assert found.highest == pytest.approx(scores[:, 1:].max(), rel=1e-5)


def test_the_objects_come_as_a_table_and_as_json():
    found = Detector(Oracle(), NAMES)(bright(*SCENES[0]))
    table, (row,) = found.to_pandas(), found.to_dicts()
    assert list(table) == ["class", "score", "x1", "y1", "x2", "y2"] and len(table) == 1
    np.testing.assert_allclose(table.loc[0, ["x1", "y1", "x2", "y2"]].tolist(), found.boxes[0])
    assert json.loads(json.dumps(row))["class"] == "书法" and len(row["box"]) == 4
    assert len(Detector(Oracle(), NAMES)(bright(*SCENES[0]), score_threshold=1.0).to_pandas()) == 0


def test_of_many_small_objects_only_boxes_are_drawn():
    blank = np.zeros((300, 300, 3), np.uint8)
    corners = [[x, y, x + 12, y + 12] for x in range(20, 280, 20) for y in (100, 200)]
    labels = [1] * len(corners)
    bare = draw.boxes(blank, corners, labels)
    np.testing.assert_array_equal(draw.boxes(blank, corners, labels, texts=["cell"] * 26), bare)
    few = draw.boxes(blank, corners[:3], labels[:3], texts=["cell"] * 3)
    assert (few != draw.boxes(blank, corners[:3], labels[:3])).any()


def test_suppression_across_classes_is_suppression_of_boxes_without_classes():
    rng = np.random.default_rng(0)
    priors = boxes.priors()[:500]
    scores = rng.dirichlet([1, 1, 1], 500)
    found, values, _ = boxes.detections(
        np.zeros((500, 4)), scores, priors, top_k=1000, keep=300, across_classes=True
    )
    overlap = boxes.iou(found, found)
    assert overlap[~np.eye(len(found), dtype=bool)].max() <= 0.45
    assert (np.diff(values) <= 0).all() and len(found) > 10


@pytest.fixture
def film(tmp_path):
    """Return a video of 12 frames, 10 a second."""
    path = tmp_path / "film.avi"
    with video.writer(path, rate=10) as write:
        for _ in range(12):
            write(bright(*SCENES[0]))
    return path


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Call ``detect`` with a detector that finds the bright rectangle."""
    monkeypatch.setattr(
        Detector, "load", classmethod(lambda cls, path, *, unsafe: Detector(Oracle(), NAMES))
    )
    monkeypatch.setattr(detection, "Detector", Detector, raising=False)

    def call(*words):
        code = main(["detect", str(tmp_path), *map(str, words)])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def test_a_video_is_answered_with_times_and_drawn_as_a_video(film, run, tmp_path):
    code, out, err = run(film, "--draw", tmp_path / "drawn.mp4", "--json")
    rows = json.loads(out)
    assert code == 0 and [row["time"] for row in rows] == [n / 10 for n in range(12)]
    assert rows[3]["frame"] == 3 and rows[3]["objects"][0]["class"] == "书法"
    assert "12 frames, " in err and " per second" in err
    assert video.facts(tmp_path / "drawn.mp4") == (10.0, 12)
    first = next(video.frames(tmp_path / "drawn.mp4"))
    assert first.shape == (480, 640, 3)
    code, out, _ = run(film, "--format", "csv")
    assert out.splitlines()[0] == "frame,time,class,score,x1,y1,x2,y2" and out.count("\n") == 13
    code, out, _ = run(film)
    assert out.splitlines()[1] == "0.10 s: 1 书法"


def test_videos_that_cannot_be_used_are_refused_and_leave_nothing(film, run, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    for words, message in {
        (tmp_path / "text.mp4",): "cannot open the video",
        (tmp_path / "absent.mp4",): "cannot open the video",
        ("97",): "cannot open the camera 97",
        (film, film): "a video must be named alone",
        (film, "--draw", tmp_path / "out.png"): "a video must end in .mp4",
    }.items():
        code, _, err = run(*words)
        assert code == 2 and message in err, words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.avi", "text.mp4"]


def test_a_camera_is_answered_frame_by_frame_until_it_ends(monkeypatch):
    class Camera:
        def __init__(self, source):
            assert source == 0
            self.left = 3

        def isOpened(self):
            return True

        def get(self, name):
            return 0.0

        def read(self):
            self.left -= 1
            return self.left >= 0, bright(*SCENES[0])[:, :, ::-1]

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    found = list(Detector(Oracle(), NAMES).video(0))
    assert [answer.names for answer in found] == [["书法"]] * 3
    assert video.facts(0) == (25.0, None)


def test_no_objects_tell_the_best_score_and_the_limits_reach_the_detector(run, tmp_path):
    Image.fromarray(bright(*SCENES[0])).save(tmp_path / "a.png")
    code, out, _ = run(tmp_path / "a.png", "--score", "1")
    assert code == 0 and "0 objects; the best score below the threshold: 1.000" in out
    code, out, _ = run(tmp_path / "a.png", "--nms", "all", "--top-k", "1")
    assert "1 objects" in out


@pytest.mark.parametrize("command", ["detect", "export"])
def test_the_help_states_the_limits_of_the_detector(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    stated = inspect.signature(Detector.__call__).parameters
    for name, option in {
        "score_threshold": "--score",
        "iou_threshold": "--iou-threshold",
        "nms": "--nms",
        "top_k": "--top-k",
    }.items():
        described = text[text.index(f" {option} ", text.index("options:")) :]
        default = re.search(r"\(default: (\S+)\)", described)[1]
        assert default == str(stated[name].default), name
