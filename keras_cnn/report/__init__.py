"""The report of a run: its scores, figures and pages, written to the run's folder.

`classification`, `regression`, `segmentation.write` and `detection.report` write `report.json`,
`report.html`, `history.csv`, the predictions and the figures. `report.json` is written last: where
it exists, the report is complete.
"""

from keras_cnn.report import figures, scores, segmentation, sentences, writer
from keras_cnn.report.classification import classification
from keras_cnn.report.comparison import compare, summarize_runs
from keras_cnn.report.regression import regression
from keras_cnn.report.writer import sentence

__all__ = [
    "classification",
    "compare",
    "figures",
    "regression",
    "scores",
    "segmentation",
    "sentence",
    "sentences",
    "summarize_runs",
    "writer",
]
