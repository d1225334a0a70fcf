"""Train the documents' listings as printed, and the cases' defaults, and write docs/LISTINGS.md.

    python benchmarks/listings.py
    python benchmarks/listings.py --cases digits_softmax food_linear --seeds 5

Each case is run with ``--listing`` and without, once per seed, on the real pictures in the data
folder. A finished run is not repeated, so a stopped benchmark goes on where it was. AlexNet at 227
pixels takes hours on two processor cores. The figures go to docs/listings.json, and the page is
written from them.
"""

import argparse
import importlib.util
import json
import os
import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "listings.json"
PAGE = ROOT / "docs" / "LISTINGS.md"
SETS = {  # case -> its pictures, below the folder KERAS_CNN_DATA
    "digits_softmax": "mnist.npz",
    "digits_lenet5": "mnist.npz",
    "food_linear": "foodscore",
    "calligraphy_alexnet": "calligraphy_masters",
    "catsdogs_inceptionv3": "cats_dogs",
}
KINDS = {"listing": ["--listing"], "default": []}
HEAD = """# The listings as printed

Each case was trained with `--listing` and with its defaults, once per seed, by
[benchmarks/listings.py](../benchmarks/listings.py). A cell is the mean of the seeds, then the
lowest and the highest. The score is the accuracy on the test pictures, or the mean squared error
of food. The listings validate on the test pictures and keep the last epoch; the defaults validate
on a share of the training pictures and keep the best epoch. The next table says what else differs.
The errata are in the docstrings of the cases and of `keras_cnn/models/book.py`. The runs of the
table went on beside other work, so their times are upper bounds. InceptionV3's published weights
were not at hand: catsdogs_inceptionv3 started from random weights, which 255 pictures cannot train.

"""


def main():
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=SETS, default=list(SETS), help="cases to run")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0 on")
    parser.add_argument("--epochs", type=int, help="epochs of every run, for a trial (not written)")
    parser.add_argument("--out", type=Path, default=Path("runs/listings"), help="folder of runs")
    options = parser.parse_args()
    rows = {}
    for name in options.cases:
        for kind in KINDS:
            reports = [train(name, kind, seed, options) for seed in range(options.seeds)]
            rows[name, kind] = row = figures(name, kind, reports)
            print(row)
    if options.epochs is None:
        write(rows)


def train(name, kind, seed, options):
    """Return the report of a run, and run it if there is none.

    Args:
        name: The case.
        kind: A key of `KINDS`.
        seed: Seed of the run.
        options: What the parser read.
    """
    out = options.out / name / f"{kind}_{seed}"
    report = out / "report.json"
    if not report.exists():
        data = Path(os.environ.get("KERAS_CNN_DATA", ROOT / "data")) / SETS[name]
        words = [*KINDS[kind], "--data", data, "--seed", seed, "--out", out, "--resume"]
        words += [] if options.epochs is None else ["--epochs", options.epochs]
        spec = importlib.util.spec_from_file_location(name, ROOT / "cases" / f"{name}.py")
        case = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(case)
        case.main([str(word) for word in words])
    return json.loads(report.read_text(encoding="utf-8"))


def figures(name, kind, reports):
    """Return the figures of the runs that differ in their seed.

    Args:
        name: The case.
        kind: A key of `KINDS`.
        reports: Content of each run's report.json.
    """
    metric = "mse" if reports[0]["task"] == "regression" else "accuracy"
    baseline = reports[0]["test"]["baseline"]
    return {
        "case": name,
        "kind": kind,
        "data": SETS[name],
        "samples": reports[0]["samples"],
        "metric": metric,
        "scores": [report["test"][metric] for report in reports],
        "baseline": baseline[metric] if isinstance(baseline, dict) else baseline,
        "listing": reports[0]["listing"],
        "seconds": statistics.mean(report["seconds"]["total"] for report in reports),
        "versions": reports[0]["versions"],
    }


def write(rows):
    """Add rows to docs/listings.json and write docs/LISTINGS.md from all that it holds.

    Args:
        rows: (case, kind) -> what `figures` returned.
    """
    earlier = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else []
    rows = {(row["case"], row["kind"]): row for row in earlier} | rows
    content = json.dumps(list(rows.values()), indent=1, ensure_ascii=False)
    FIGURES.write_text(content + "\n", encoding="utf-8")
    PAGE.write_text(page(rows), encoding="utf-8")


def page(rows):
    """Return the text of docs/LISTINGS.md.

    Args:
        rows: (case, kind) -> what `figures` returned.
    """
    lines = [
        "| case | pictures | as printed | default | without learning | seeds | seconds a run |",
        "|---|---|---|---|---|---|---|",
    ]
    differences = ["", "| case | where the default differs |", "|---|---|"]
    for name in dict.fromkeys(name for name, _ in rows):
        printed, ours = (rows[name, kind] for kind in KINDS)
        seconds = f"{printed['seconds']:,.0f}; {ours['seconds']:,.0f}"
        lines.append(
            f"| [{name}](../cases/{name}.py) | {ours['data']} | {_cell(printed)} | {_cell(ours)} "
            f"| {ours['baseline']:.3f} | {len(ours['scores'])} | {seconds} |"
        )
        pairs = (f"{key.replace('_', ' ')} {text}" for key, text in ours["listing"].items())
        differences.append(f"| {name} | {'; '.join(pairs)} |")
    return HEAD + "\n".join([*lines, *differences]) + "\n"


def _cell(row):
    scores = row["scores"]
    return f"{statistics.mean(scores):.3f} ({min(scores):.3f}–{max(scores):.3f})"


if __name__ == "__main__":
    main()
