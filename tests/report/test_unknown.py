"""The part of the report on unknown pictures."""

import numpy as np
import pytest
from PIL import Image
from report_inputs import FACTS, random_answers

from keras_cnn.report import unknown

MEASURED = {
    "method": "distance",
    "pictures": 12,
    "kept": 0.9375,
    "classes": 3,
    "left_out": 3,
    "auroc": 0.9,
    "auroc_interval": [0.8, 1.0],
    "false_answers": 0.25,
    "false_answers_interval": [0.1, 0.4],
    "softmax_auroc": 0.7,
    "softmax_auroc_interval": [0.6, 0.8],
    "softmax_false_answers": 0.625,
    "softmax_false_answers_interval": [0.5, 0.75],
    "gain_auroc": 0.2,
    "gain_auroc_interval": [0.1, 0.3],
    "histogram": {"edges": [0.0, 0.5, 1.0], "known": [11, 1], "left_out": [3, 9]},
}


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, "an AUROC of 0.900, beside 0.700 by max-softmax."),
        (
            {"gain_auroc_interval": [-0.1, 0.3]},
            "this is not shown to beat max-softmax.",
        ),
        ({"gain_auroc_interval": [-0.3, -0.1]}, "this does not beat max-softmax."),
        ({"classes": 2}, "which detects none: of two classes one is left, with probability 1."),
    ],
)
def test_the_sentence_says_whether_max_softmax_is_beaten(changes, ending):
    assert unknown.sentence(MEASURED | changes).endswith(ending)


def test_the_page_has_the_table_and_the_figure_of_unknown_pictures(classify, tmp_path):
    result = classify(*random_answers(12, 3), facts=FACTS | {"unknown": MEASURED})
    assert result["unknown"]["sentence"] == unknown.sentence(MEASURED)
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert (
        page.count("<h2>Are unknown pictures detected?</h2>") == 1
        and "<h2>Unknown</h2>" not in page
    )
    assert "0.250 [0.100, 0.400]" in page and "0.625 [0.500, 0.750]" in page
    assert "keeps 0.938 of 12 test pictures" in page
    with Image.open(tmp_path / "run" / "unknown_pictures.png") as figure:
        assert len(np.unique(np.asarray(figure).reshape(-1, 3), axis=0)) > 50


def test_a_report_says_why_unknown_pictures_cannot_be_told(classify, tmp_path, undrawn):
    facts = FACTS | {"unknown": {"obstacle": "the disk is full"}}
    result = classify(*random_answers(12, 3), facts=facts)
    assert result["unknown"]["sentence"] == "Unknown pictures cannot be detected: the disk is full."
    assert "Unknown pictures cannot be detected: the disk is full." in (
        tmp_path / "run" / "report.html"
    ).read_text("utf-8")
    assert not (tmp_path / "run" / "unknown_pictures.png").exists()


def test_a_report_without_the_measurement_does_not_mention_it(classify, tmp_path, undrawn):
    classify(*random_answers(12, 3))
    assert "nknown" not in (tmp_path / "run" / "report.html").read_text("utf-8")
