"""The report of a run: whole files, an honest first line, figures and a page that bear anything."""

import csv
import html.parser
import io
import json
import os
import statistics
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from keras_cnn import InputError, report
from keras_cnn.report import figures, fonts, page, scores

FACTS = {
    "recipe": {"epochs": 2, "learning_rate": 1e-4},
    "versions": {"keras": "3.15.0"},
    "samples": {"train": 8, "test": 4},
    "seconds": {"train": 60.0, "total": 70.5},
    "images_per_second": 412.3,
    "best_epoch": 2,
}
HISTORY = {
    "loss": [0.9, 0.5],
    "val_loss": [0.8, 0.6],
    "accuracy": [0.5, 0.8],
    "val_accuracy": [0.6, 0.7],
}


def _softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def _answers(samples, classes, *, seed=0, sharpness=2.0):
    """Random labels, and probabilities that lean towards them."""
    generator = np.random.default_rng(seed)
    y_true = generator.integers(0, classes, samples)
    logits = generator.normal(size=(samples, classes))
    logits[np.arange(samples), y_true] += sharpness
    return y_true, _softmax(logits)


def _one_hot(y_pred, classes):
    return np.eye(classes)[y_pred]


@pytest.fixture
def pictures(tmp_path):
    """Return a function that makes test pictures and gives their paths."""

    def make(samples, name="{:03d}.png"):
        folder = tmp_path / "data" / "test"
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / name.format(index) for index in range(samples)]
        for index, path in enumerate(paths):
            Image.new("RGB", (24, 16), (index * 7 % 256, 80, 160)).save(path, format="PNG")
        return paths

    return make


@pytest.fixture
def classify(tmp_path, pictures):
    """Return a function that writes a classification report into `tmp_path / name`."""

    def write(y_true, y_score, *, name="run", class_names=None, paths=None, **options):
        class_names = class_names or [f"class{k}" for k in range(y_score.shape[1])]
        options = {"history": HISTORY, "facts": FACTS} | options
        return report.classification(
            tmp_path / name,
            y_true=y_true,
            y_score=y_score,
            class_names=class_names,
            filepaths=pictures(len(y_true)) if paths is None else paths,
            **options,
        )

    return write


@pytest.fixture
def undrawn(monkeypatch):
    """Spare a test that looks at no figure the time of drawing them."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, format="PNG")
    monkeypatch.setattr(figures, "png", lambda _: buffer.getvalue())


class Page(html.parser.HTMLParser):
    """What a reader gets of a page: its text, its links, and whether its tags close."""

    def __init__(self, source):
        super().__init__()
        self.text, self.links, self.open, self.tags = [], [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for key, value in attrs if key in ("src", "srcset", "href")]
        if tag not in ("meta", "img", "source", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


# Scores


@pytest.mark.parametrize(
    ("correct", "verdict", "opening"),
    [
        (70, "above", "It has learned"),
        (52, "around", "Not shown to have learned"),
        (30, "below", "Worse than not looking"),
    ],
)
def test_first_line_tells_whether_the_score_is_good(classify, correct, verdict, opening, undrawn):
    y_true = np.arange(100) % 2
    y_pred = np.where(np.arange(100) < correct, y_true, 1 - y_true)
    result = classify(y_true, _one_hot(y_pred, 2))
    assert result["test"]["verdict"] == verdict
    assert result["sentence"].startswith(opening)
    assert f"{correct} of 100" in report.sentence(result)
    assert "the 0.500 of always answering “class0”" in report.sentence(result)


def test_groups_have_their_own_baseline_and_interval(classify, undrawn):
    y_true = np.array([0] * 6 + [1] * 4)
    seen = np.arange(10) < 8
    empty = np.zeros(10, bool)
    y_pred = np.where(seen, y_true, 0)
    groups = {"seen": seen, "unseen": ~seen, "none": empty}
    result = classify(y_true, _one_hot(y_pred, 2), groups=groups)
    parts = result["test"]["groups"]
    assert (parts["seen"]["accuracy"], parts["unseen"]["accuracy"]) == (1, 0)
    assert (parts["seen"]["baseline"], parts["unseen"]["baseline"]) == (0.75, 1)
    assert parts["seen"]["interval"] == scores.wilson(8, 8)
    assert parts["none"]["samples"] == 0 and parts["none"]["accuracy"] is None
    assert "none: no test picture" in result["sentence"]


# Files


def test_report_folder_holds_every_file_and_nothing_else(tmp_path, classify):
    y_true, y_score = _answers(12, 3)
    samples = [(np.full((8, 8, 3), k / 10), f"class{k % 3}") for k in range(10)]
    result = classify(y_true, y_score, samples=samples)
    written = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert written == [
        "confusion.png",
        "curves.png",
        "history.csv",
        "mistakes.png",
        "predictions.csv",
        "report.html",
        "report.json",
        "samples.png",
    ]
    assert json.loads((tmp_path / "run" / "report.json").read_text("utf-8")) == result
    for path in (tmp_path / "run").glob("*.png"):
        with Image.open(path) as image:
            image.verify()
            assert min(image.size) > 100
    for key in ("recipe", "versions", "samples", "seconds"):
        assert result[key] == FACTS[key]


def test_history_counts_epochs_from_one_and_bears_a_cut_column(tmp_path, classify, undrawn):
    history = {"loss": [0.9, 0.5], "val_loss": [0.8]}
    classify(*_answers(4, 2), history=history)
    text = (tmp_path / "run" / "history.csv").read_text("utf-8")
    assert text == "epoch,loss,val_loss\n1,0.9,0.8\n2,0.5,\n"


def test_predictions_name_files_below_their_common_folder(tmp_path, classify, pictures, undrawn):
    paths = [path.parent / f"c{index % 2}" / path.name for index, path in enumerate(pictures(3))]
    y_score = np.array([[0.9, 0.1], [0.75, 0.25], [0.4, 0.6]])
    classify(np.array([0, 1, 1]), y_score, paths=paths)
    with (tmp_path / "run" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["file", "truth", "prediction", "probability"],
        ["c0/000.png", "class0", "class0", "0.9"],
        ["c1/001.png", "class1", "class0", "0.75"],
        ["c0/002.png", "class1", "class1", "0.6"],
    ]


def test_a_failed_write_leaves_the_old_report_and_no_scraps(
    tmp_path, classify, monkeypatch, undrawn
):
    classify(*_answers(4, 2))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match=r"cannot write .*: No space left on device"):
        classify(*_answers(4, 2, seed=1))
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_file_in_the_folders_place_is_told_in_a_sentence(tmp_path, classify, undrawn):
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="cannot make the folder .*run"):
        classify(*_answers(4, 2))


def test_worst_mistakes_are_the_confident_ones(classify, monkeypatch, undrawn):
    drawn = []
    monkeypatch.setattr(page, "_gallery", lambda items: drawn.append(items) or "")
    y_true = np.array([0, 0, 1, 1])
    y_score = np.array([[0.1, 0.9], [0.8, 0.2], [0.99, 0.01], [0.45, 0.55]])
    classify(y_true, y_score)
    titles = [title for _, title, _ in drawn[0]]
    assert titles == ["class1\n→ class0\np = 0.990", "class0\n→ class1\np = 0.900"]
    assert [note for *_, note in drawn[0]] == ["002.png", "000.png"]


def test_without_a_mistake_the_narrowest_right_answers_are_shown(tmp_path, classify, undrawn):
    y_score = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    classify(np.array([0, 0, 1]), y_score)
    source = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "No mistake in 3 pictures; the narrowest right answers" in source
    assert source.index("p = 0.600") < source.index("p = 0.800") < source.index("p = 0.900")


def test_a_picture_that_is_gone_leaves_a_gap_not_an_error(tmp_path, classify, pictures, undrawn):
    paths = pictures(4)
    paths[1].unlink()
    paths[2].write_bytes(b"no picture")
    classify(np.zeros(4, int), _one_hot([1, 1, 1, 1], 2), paths=paths)
    source = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert source.count("cannot be opened") == 2


def test_pictures_may_come_from_a_function(classify, undrawn):
    asked = []

    def picture(index):
        asked.append(index)
        return np.zeros((28, 28), np.uint8)

    classify(np.array([0, 1]), _one_hot([1, 1], 2), paths=["digit 0", "digit 1"], picture=picture)
    assert asked == [0]


# The page


def test_page_is_one_well_formed_file_without_script(tmp_path, classify, undrawn):
    facts = FACTS | {"notes": ["An <erratum> & its reason."], "skipped": {"bad.jpg": "truncated"}}
    classify(*_answers(30, 12, sharpness=1), facts=facts, groups={"half": np.arange(30) < 15})
    source = (tmp_path / "run" / "report.html").read_text("utf-8")
    parsed = Page(source)
    assert not parsed.open
    assert all(link.startswith("data:image/") for link in parsed.links) and parsed.links
    assert "script" not in parsed.tags
    assert "url(" not in source and "@import" not in source
    text = " ".join(parsed.text)
    for part in ("An <erratum> & its reason.", "bad.jpg", "top-5", "half", "learning rate"):
        assert part in text
    assert "prefers-color-scheme: dark" in source and "width=device-width" in source


def test_page_says_synthetic_and_interrupted(tmp_path, classify, undrawn):
    result = classify(*_answers(6, 2), facts=FACTS | {"synthetic": True, "interrupted": True})
    source = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert '<span class="badge">synthetic sample</span>' in source
    assert "drawn by code" in report.sentence(result)
    assert "interrupted" in report.sentence(result)


def test_names_cannot_break_out_of_the_page(tmp_path, classify, undrawn):
    names = ['<img src=x onerror="alert(1)">', "a & b"]
    classify(np.array([0, 1]), _one_hot([1, 0], 2), class_names=names)
    parsed = Page((tmp_path / "run" / "report.html").read_text("utf-8"))
    assert "x" not in parsed.links
    assert names[0] in parsed.text


# Hard cases


@pytest.mark.parametrize(("samples", "classes"), [(1, 1), (1, 11), (2, 2)])
def test_one_or_two_pictures_make_a_report(classify, samples, classes):
    result = classify(*_answers(samples, classes))
    assert result["test"]["samples"] == samples


def test_two_hundred_classes_of_which_many_are_absent(tmp_path, classify):
    y_true, y_score = _answers(60, 200, sharpness=1)
    result = classify(y_true, y_score)
    assert len(result["test"]["classes"]) == 200
    assert sum(row["support"] == 0 for row in result["test"]["classes"]) > 100
    assert "180 more classes" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_very_long_names_are_cut_in_figures_and_whole_in_json(classify, pictures):
    names = ["a" * 300, "书" * 200]
    paths = pictures(4, name="{:03d}" + "x" * 200 + ".png")
    result = classify(
        np.array([0, 1, 0, 1]), _one_hot([1, 0, 0, 1], 2), class_names=names, paths=paths
    )
    assert [row["name"] for row in result["test"]["classes"]] == names


def test_nan_probabilities_count_as_wrong_and_are_told(tmp_path, classify, undrawn):
    y_true, y_score = np.array([0, 1, 1]), np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8]])
    result = classify(y_true, y_score)
    assert result["test"]["correct"] == 2 and result["test"]["loss"] is None
    assert "1 of 3 test pictures are not finite" in report.sentence(result)
    assert "(not a number)" in (tmp_path / "run" / "predictions.csv").read_text("utf-8")


def test_all_nan_still_makes_a_report(classify):
    history = {"loss": [np.nan, np.inf], "val_loss": [np.nan, np.nan], "accuracy": [0.5, 0.5]}
    result = classify(np.array([0, 1, 0]), np.full((3, 2), np.nan), history=history)
    assert result["test"]["correct"] == 0


def test_scores_that_are_no_probabilities_are_told(classify, undrawn):
    result = classify(np.array([0, 1]), np.array([[3.0, -1.0], [0.5, 2.0]]))
    assert result["test"]["accuracy"] == 1 and result["test"]["loss"] is None
    assert "softmax" in report.sentence(result)


@pytest.mark.parametrize(
    "history",
    [{}, {"loss": []}, {"loss": [0.5]}, {"loss": [900.0, 0.3], "val_loss": [800.0, 0.0]}],
)
def test_any_history_can_be_drawn(classify, history):
    classify(*_answers(4, 2), history=history, facts=FACTS | {"best_epoch": None})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_true": np.array([0, 2])}, r"y_true must hold integers in \[0, 2\)"),
        ({"y_true": np.array([0.0, 1.0])}, "y_true must hold integers"),
        ({"y_score": np.ones((2, 3))}, r"received \(2,\) and \(2, 3\) for 2 filepaths"),
        ({"filepaths": []}, "for 0 filepaths"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, change, message):
    options = {
        "y_true": np.array([0, 1]),
        "y_score": np.eye(2),
        "class_names": ["a", "b"],
        "filepaths": ["a.png", "b.png"],
        "history": {},
        "facts": {},
    }
    with pytest.raises(ValueError, match=message):
        report.classification(tmp_path / "run", **options | change)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_file_name_that_is_no_utf8_is_escaped(tmp_path, classify, undrawn):
    paths = [os.fsdecode(b"\xe4\xb8\xff.png"), "b.png"]
    classify(np.array([0, 1]), _one_hot([1, 0], 2), paths=paths)
    assert r"\udcff" in (tmp_path / "run" / "predictions.csv").read_text("utf-8")


def test_dollars_and_line_breaks_in_names_are_drawn_as_they_are(classify, pictures):
    paths = pictures(2, name="${:d}_{{x^$.png")
    classify(np.array([0, 1]), _one_hot([1, 0], 2), class_names=["$a_{", "b\nc"], paths=paths)


def test_facts_of_any_kind_reach_json(classify, undrawn):
    facts = {
        "array": np.arange(3),
        "number": np.float32(0.5),
        "path": os.path.join("a", "b"),
        "nan": float("nan"),
        "nested": {"deep": {"set": (1, 2)}},
    }
    result = classify(*_answers(4, 2), facts=facts)
    assert result["array"] == [0, 1, 2] and result["number"] == 0.5 and result["nan"] is None


# Chinese


def _missing_glyphs(draw):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        draw()
    return [str(warning.message) for warning in caught if "Glyph" in str(warning.message)]


def test_chinese_names_and_folders_render(tmp_path, pictures, classify):
    paths = pictures(4, name="永字_{:d}.png")
    y_true, y_score = np.array([0, 1, 0, 1]), _one_hot([1, 1, 0, 0], 2)

    def draw():
        classify(y_true, y_score, name="运行/书法", class_names=["楷书", "行书"], paths=paths)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where no font has them, they are escaped
        assert not _missing_glyphs(draw)
    assert (tmp_path / "运行" / "书法" / "confusion.png").exists()
    assert "楷书" in (tmp_path / "运行" / "书法" / "report.html").read_text("utf-8")
    assert "楷书" in (tmp_path / "运行" / "书法" / "report.json").read_text("utf-8")


@pytest.fixture
def forget_fonts():
    """Let a test see the machine's fonts differently, and nobody after it."""
    caches = (fonts.families, fonts._drawn, fonts._warn_once)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_without_a_chinese_font_names_are_escaped_and_told_once(monkeypatch, forget_fonts):
    monkeypatch.setattr(fonts, "_chinese", lambda _: None)
    with pytest.warns(UserWarning, match="Noto Sans CJK") as caught:
        assert fonts.printable("楷书 a") == r"\u6977\u4e66 a"
        assert fonts.printable("行") == r"\u884c"
        assert not _missing_glyphs(lambda: figures.sentence("楷书"))
    assert len([warning for warning in caught if "Noto" in str(warning.message)]) == 1


def test_a_font_is_found_by_what_it_can_draw(monkeypatch, forget_fonts):
    if len(fonts.families()) == 1:
        pytest.skip("this machine has no Chinese font")
    monkeypatch.setattr(fonts, "CJK", ())
    assert fonts._has(fonts._chinese(fonts.font_manager.fontManager.ttflist), "书")


# Regression, several runs, comparison


@pytest.fixture
def regress(tmp_path, pictures):
    def write(y_true, y_pred, *, name="run", train_mean=3.0, history=HISTORY):
        return report.regression(
            tmp_path / name,
            y_true=y_true,
            y_pred=y_pred,
            train_mean=train_mean,
            filepaths=pictures(len(y_true)),
            history=history,
            facts=FACTS,
        )

    return write


def test_regression_stands_beside_the_mean_baseline(tmp_path, regress):
    y_true = np.linspace(1, 5, 30)
    result = regress(y_true, y_true[:, None] + 0.1)
    assert result["sentence"].startswith("It has learned: mean squared error 0.010")
    assert {"scatter.png", "residuals.png", "mistakes.png", "curves.png"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }
    assert not Page((tmp_path / "run" / "report.html").read_text("utf-8")).open


def test_regression_as_good_as_the_mean_has_not_learned(regress, undrawn):
    y_true = np.random.default_rng(0).normal(3, 1, 40)
    assert regress(y_true, np.full(40, 3.0001))["sentence"].startswith("Not shown")
    assert regress(y_true, 6 - y_true)["sentence"].startswith("Worse than")


@pytest.mark.parametrize("y_pred", [[2.0], [np.nan]])
def test_regression_of_one_picture_or_nan(regress, y_pred, undrawn):
    result = regress([1.0], y_pred)
    assert result["test"]["interval"] is None
    assert result["test"]["r2"] is None


def test_runs_are_summarized_by_mean_and_sample_deviation(classify, undrawn):
    reports = [classify(*_answers(50, 3, seed=k), name=f"run{k}") for k in range(3)]
    summary = report.summarize_runs(reports)
    values = [result["test"]["accuracy"] for result in reports]
    assert summary["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert summary["accuracy"]["std"] == pytest.approx(np.std(values, ddof=1))
    assert f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}" in summary["sentence"]
    assert report.summarize_runs(reports[:1])["accuracy"]["std"] is None


def test_runs_of_two_tasks_have_no_mean(classify, regress, undrawn):
    runs = [classify(*_answers(4, 2)), regress([1.0, 2.0], [1.0, 2.0], name="other")]
    with pytest.raises(ValueError, match="one task"):
        report.summarize_runs(runs)
    with pytest.raises(ValueError, match="one or more"):
        report.summarize_runs([])


def test_compare_counts_the_pictures_that_differ(tmp_path, classify, undrawn):
    y_true = np.zeros(40, int)
    right_a, right_b = np.arange(40) < 30, np.arange(40) >= 8
    classify(y_true, _one_hot(1 - right_a.astype(int), 2), name="a")
    classify(y_true, _one_hot(1 - right_b.astype(int), 2), name="b")
    result = report.compare(tmp_path / "a", tmp_path / "b")
    assert (result["only_a"], result["only_b"]) == (8, 10)
    assert (result["both_right"], result["both_wrong"]) == (22, 0)
    assert result["accuracy"] == [0.75, 0.8]
    assert result["p_value"] == pytest.approx(stats.binomtest(8, 18).pvalue)
    assert "no difference is shown" in result["sentence"]


def test_compare_names_the_better_run(tmp_path, classify, undrawn):
    y_true = np.zeros(40, int)
    classify(y_true, _one_hot(np.ones(40, int), 2), name="a")
    classify(y_true, _one_hot(y_true, 2), name="b")
    assert (
        f"{tmp_path / 'b'} is better" in report.compare(tmp_path / "a", tmp_path / "b")["sentence"]
    )


def test_compare_does_not_mind_the_order_of_the_pictures(tmp_path, classify, pictures, undrawn):
    paths, order = pictures(6), np.array([3, 1, 5, 0, 2, 4])
    y_true, y_score = _answers(6, 2, sharpness=0)
    classify(y_true, y_score, name="a", paths=paths)
    classify(y_true[order], y_score[order], name="b", paths=[paths[k] for k in order])
    result = report.compare(tmp_path / "a", tmp_path / "b")
    assert result["only_a"] == result["only_b"] == 0 and result["p_value"] == 1


def test_compare_refuses_different_test_sets(tmp_path, classify, regress, undrawn):
    classify(np.array([0, 1, 0]), np.eye(2)[[0, 1, 0]], name="a")
    classify(np.array([0, 1]), np.eye(2), name="fewer")
    classify(np.array([1, 1, 0]), np.eye(2)[[0, 1, 0]], name="relabelled")
    regress([1.0, 2.0], [1.0, 2.0], name="scores")
    for other in ("fewer", "relabelled"):
        with pytest.raises(InputError, match="same pictures with the same labels"):
            report.compare(tmp_path / "a", tmp_path / other)
    with pytest.raises(InputError, match="no predictions of a classifier"):
        report.compare(tmp_path / "a", tmp_path / "scores")
    with pytest.raises(InputError, match="give the folder of a finished run"):
        report.compare(tmp_path / "a", tmp_path / "nowhere")


@pytest.mark.parametrize("number", [1, 3, 10, 12])
def test_sample_grid_has_room_for_any_number_up_to_ten(tmp_path, number):
    path = tmp_path / "样本.png"
    report.sample_grid(path, [(np.zeros((9, 9, 3), np.uint8), "kaishu")] * number)
    with Image.open(path) as image:
        assert image.width > 300


def test_drawing_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    figures.curves(HISTORY, dark=True)
    assert dict(matplotlib.rcParams) == before


def test_importing_the_report_imports_neither_keras_nor_pyplot():
    code = (
        "import sys, keras_cnn.report; heavy = {'keras', 'tensorflow', 'matplotlib.pyplot'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
