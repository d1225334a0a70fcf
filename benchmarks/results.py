"""Write the README's tables of results from the report.json files of runs.

``python benchmarks/results.py runs/*/report.json`` adds each run to docs/results.json and rewrites
the tables of both READMEs; without files it only rewrites the tables. A run replaces the run of the
same case on the same pictures.
"""

import argparse
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "results.json"
MARKS = ("<!-- results: {} -->", "<!-- end of results -->")
HEADS = {
    "README.md": "| case | pictures | test | score | without learning | time |",
    "README.zh-CN.md": "| 案例 | 图片 | 测试 | 得分 | 不学习的基线 | 时间 |",
}


def main(argv=None):
    """Add the runs and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", nargs="*", type=Path, help="report.json files of runs")
    earlier = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else []
    rows = {(row["case"], row["data"]): row for row in earlier}
    for path in parser.parse_args(argv).reports:
        row = figures(json.loads(path.read_text(encoding="utf-8")))
        rows[row["case"], row["data"]] = row
    content = json.dumps([rows[key] for key in sorted(rows)], indent=1, ensure_ascii=False)
    FIGURES.write_text(content + "\n", encoding="utf-8")
    for readme in HEADS:
        path = ROOT / readme
        path.write_text(with_tables(path.read_text(encoding="utf-8"), readme), encoding="utf-8")


def figures(report):
    """Return the row of docs/results.json for a run.

    Args:
        report: Content of the run's report.json.
    """
    data, test = report["dataset"], report["test"]
    name, recipe = report["name"], report["recipe"]
    if not _script(name).exists():
        name = f"keras-cnn train, {recipe['network']}"
    elif name == "catsdogs_inceptionv3" and recipe["base"] != "inceptionv3":
        name = f"{name} --base {recipe['base']}"
    return {
        "case": name,
        "data": "sample" if data["is_sample"] else Path(data["folder"]).stem,
        "task": report["task"],
        "samples": report["samples"],
        "test": {
            key: test[key]
            for key in ("accuracy", "interval", "mse", "map", "mean_iou")
            if key in test
        }
        | ({"baseline": test["baseline"]} if "baseline" in test else {})
        | ({"groups": _accuracies(test["groups"])} if test.get("groups") else {}),
        "epochs": report["recipe"]["epochs"],
        "seconds": report["seconds"]["total"] + report.get("linear_probe", {}).get("seconds", 0),
        "cores": report["hardware"]["cores"],
        "devices": report["hardware"]["devices"],
        "versions": report["versions"],
    }


def _script(case):
    return ROOT / "cases" / f"{case}.py"


def with_tables(text, readme):
    """Return the text of a README with new tables.

    Args:
        text: The text, with the marks around the tables.
        readme: Name of the file.
    """
    rows = json.loads(FIGURES.read_text(encoding="utf-8"))
    for kind in ("real", "sample"):
        start, end = MARKS[0].format(kind), MARKS[1]
        before, old_table_and_after = text.split(start, 1)
        after = old_table_and_after.split(end, 1)[1]
        head = HEADS[readme]
        lines = [head, "|---|---|---|---|---|---|"]
        lines += [_line(row) for row in rows if (row["data"] == "sample") == (kind == "sample")]
        text = "\n".join([before + start, *lines, end + after])
    return text


def _line(row):
    test = row["test"]
    name = "fashion_mnist" if row["case"] == "fashion_cnn" else row["data"]
    name = "" if row["data"] == "sample" else f"{name}, "
    number = f"{row['samples']['test']:,}"
    pictures = f"{name}{row['samples']['train']:,}"
    if row["task"] == "classification":
        low, high = test["interval"]
        score = f"{test['accuracy']:.4f} ({low:.3f}–{high:.3f})"
        score += "".join(f"; {name} {value:.3f}" for name, value in test.get("groups", {}).items())
        baseline = f"{test['baseline']:.3f}"
    elif row["task"] == "regression":
        low, high = test["interval"]
        score = f"MSE {test['mse']:.3f} ({low:.3f}–{high:.3f})"
        baseline = f"MSE {test['baseline']['mse']:.3f}"
    elif row["task"] == "segmentation":
        low, high = test["interval"]
        score = f"mIoU {test['mean_iou']:.3f} ({low:.3f}–{high:.3f})"
        baseline = f"mIoU {test['baseline']:.3f}"
    else:
        score, baseline = f"mAP@0.5 {test['map']:.3f}", ""
        if test.get("interval"):
            low, high = test["interval"]
            score += f" ({low:.3f}–{high:.3f})"
        if test.get("baseline") is not None:
            baseline = f"mAP {test['baseline']:.3f}"
    script, _, options = row["case"].partition(" --")
    case = f"[{script}](cases/{script}.py)" if _script(script).exists() else script
    case += f" --{options}" if options else ""
    return f"| {case} | {pictures} | {number} | {score} | {baseline} | {row['seconds']:,.0f} s |"


def _accuracies(groups):
    return {name: group["accuracy"] for name, group in groups.items()}


if __name__ == "__main__":
    main()
