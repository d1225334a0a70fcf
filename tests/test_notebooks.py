"""The notebooks have no outputs in git, their links work, and they run from top to bottom."""

import ast
import json
import os
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from threadpoolctl import threadpool_limits

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
SOLUTIONS = sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))
LIGHT = "03_convolution_and_pooling"  # the only chapter that runs without -m slow
QUOTED = {  # decimals of the text that a paper or a document states, with their source
    "04_lenet5": {"0.95", "0.8"},  # LeCun et al., 1998, section III
    "05_alexnet": {"0.4"}  # Krizhevsky et al., 2012, section 3.4
    | {"37.5", "17.0", "18.2", "15.3"},  # tables 1 and 2
    "06_vgg16": {"10.4", "9.9", "8.8", "9.0", "7.3"},  # Simonyan & Zisserman, 2015, tables 3 and 7
    "07_inception": {"0.3", "0.99", "2.78"}  # Szegedy et al., 2015; Keras; the article
    | {"6.67", "10.07", "5.6"},  # Szegedy et al., 2015, tables 2, 3; the abstract of v3's paper
    "08_resnet": {"27.94", "28.54", "25.03"},  # He et al., 2016, table 2
    "09_densenet": {"25.02"},  # Huang et al., 2017, table 3, single crop
    "10_mobilenet": {"70.6", "83.3"},  # Howard et al., 2017, tables 6, 7 and 10
    "11_ssd300": {"0.1", "0.2", "74.3", "77.2"},  # Liu et al., 2016: variances; tables 1 and 6
    "12_fashion": {"9.58", "0.1", "0.897"},  # Udacity's exercise; Xiao et al., 2017, table 3
    "13_training_techniques": {"0.0001", "0.9"},  # the last of `scales`; momentum's default
    "14_cnn_from_scratch": {"0.01", "0.95"},  # default of `initial_std`; LeCun et al., 1998
    "15_segmentation": {"62.2"},  # Long et al., 2015, table 3
    "16_design_tips": {"81.4"},  # Smith, 2017, figure 1
}
NAMES = frozenset(  # words of a Chinese figure that are names; so are those with a digit or "_"
    "Conv ReLU Sigmoid Dropout SGD Momentum Nesterov AdaGrad RMSprop Adam He Xavier FCN-8s "
    "DenseNet ResNet VGG mobilenet predictions im logistic softmax svm mAP VOC top-1 ln "
    "mathdefault kaishu xingshu crest disc star triangle Ankle boot Bag Coat Dress Pullover "
    "Sandal Shirt Sneaker T-shirt Trouser".split()
)


def _cells(path, kind):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(c, "".join(c["source"])) for c in cells if c["cell_type"] == kind]


def _is_check(cell):
    return "raises-exception" in cell["metadata"].get("tags", ())


def _name(path):
    return f"{path.parent.name}/{path.stem}"


every_notebook = pytest.mark.parametrize("path", [*CHAPTERS, *SOLUTIONS], ids=_name)


@every_notebook
def test_no_notebook_keeps_outputs(path):
    for cell, source in _cells(path, "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None, source


@every_notebook
def test_no_notebook_defines_a_function_or_a_class(path):
    for _, source in _cells(path, "code"):
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        nodes = ast.walk(ast.parse(source))
        assert not [node.name for node in nodes if isinstance(node, definitions)]


@every_notebook
def test_every_link_in_a_notebook_leads_to_a_file(path):
    for _, source in _cells(path, "markdown"):
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", source)
        assert [link for link in links if not (path.parent / link).exists()] == []


@every_notebook
def test_the_text_states_only_decimals_of_its_cells_and_of_its_sources(path):
    """A measured number in the text would become wrong; cells print such numbers."""
    code = " ".join(source for _, source in _cells(path, "code"))
    allowed = set(re.findall(r"\d+\.\d+", code)) | QUOTED.get(path.stem, set())
    for _, source in _cells(path, "markdown"):
        text = re.sub(r"\]\([^)]*\)|`[^`]*`|arXiv:[\d.]+|section [\d.]+", "", source)
        assert set(re.findall(r"\d+\.\d+", text)) <= allowed, text


def test_every_chapter_has_solutions_and_every_solution_has_a_chapter():
    assert [path.name for path in CHAPTERS] == [path.name for path in SOLUTIONS]


@pytest.mark.parametrize("path", CHAPTERS, ids=_name)
def test_solutions_contain_the_checks_of_their_chapter(path):
    checks = [source for cell, source in _cells(path, "code") if _is_check(cell)]
    solved = _cells(NOTEBOOKS / "solutions" / path.name, "code")
    assert len(checks) >= 2
    assert set(checks) <= {source for cell, source in solved if not _is_check(cell)}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=() if path.stem == LIGHT else pytest.mark.slow, id=_name(path))
        for path in CHAPTERS
    ],
)
def test_a_chapter_runs_and_only_its_unsolved_checks_fail(path):
    """The site shows this execution, if the variable names a folder to keep it in."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    from website import chapters

    notebook = chapters.execute(path, timeout=180)
    if folder := os.environ.get("KERAS_CNN_EXECUTED"):
        chapters.keep(notebook, Path(folder) / path.name)
    for cell in notebook.cells:
        if cell.cell_type == "code" and _is_check(cell):
            assert any(output.output_type == "error" for output in cell.outputs), cell.source
    assert _untranslated(notebook) == [], 'give these labels an entry in the context "label"'


def _untranslated(notebook):
    """Return the labels of an executed chapter's Chinese figures that have English words."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    figures = [output for output in outputs if "image/png" in output.get("data", ())]
    assert all("keras_cnn" in figure.metadata for figure in figures), "a figure has no Chinese twin"
    texts = [text for figure in figures for text in figure.metadata["keras_cnn"]["texts"]]
    english = re.compile(r"[A-Za-z]{2,}")
    return [
        text
        for text in texts
        for word in re.split(r"[^\w-]+", text)
        if english.search(word) and word not in NAMES and not re.search(r"[\d_]", word)
    ]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=() if path.stem == LIGHT else pytest.mark.slow, id=_name(path))
        for path in SOLUTIONS
    ],
)
def test_a_solution_passes_the_checks_of_its_chapter(path, monkeypatch):
    """Its cells run in this process; sixteen kernels would each import TensorFlow."""
    monkeypatch.delenv("KERAS_CNN_DATA", raising=False)
    monkeypatch.chdir(NOTEBOOKS)
    names = {"__name__": "__main__"}
    with threadpool_limits():  # restores a limit that a cell sets
        for _, source in _cells(path, "code"):
            exec(compile(source, str(path), "exec"), names)
    plt.close("all")
