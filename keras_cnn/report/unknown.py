"""The part of a classifier's report that says how well unknown pictures are detected."""

from functools import partial

from keras_cnn.report import sentences
from keras_cnn.report.canvas import paper, png

METHODS = {"distance": "distance", "both": "distance and max-softmax"}
SOFTMAX = "max-softmax"


def with_sentence(facts: dict) -> dict:
    """Return the facts of a run, with a sentence in their entry "unknown" if they have one.

    Args:
        facts: As in `report.classification`. The entry "unknown" is what `Unknown.measure` of
            `inference.unknown` returned; or it has an "obstacle", why nothing was measured.
    """
    if not facts.get("unknown"):
        return facts
    return facts | {"unknown": facts["unknown"] | {"sentence": sentence(facts["unknown"])}}


def sentence(measured: dict) -> str:
    """Say how well a left-out class is detected, and whether that is better than max-softmax.

    Args:
        measured: The entry "unknown" of the facts.
    """
    if "obstacle" in measured:
        return f"Unknown pictures cannot be detected: {measured['obstacle']}."
    if "auroc" not in measured:
        return "How well unknown pictures are detected cannot be measured: the test has one class."
    ours, softmax = (sentences.number(measured[key]) for key in ("auroc", "softmax_auroc"))
    opening = (
        f"The pictures of a class that is left out are detected by {METHODS[measured['method']]} "
        f"with an AUROC of {ours}, beside {softmax} by {SOFTMAX}"
    )
    if measured["classes"] == 2:
        return f"{opening}, which detects none: of two classes one is left, with probability 1."
    interval = measured["gain_auroc_interval"]
    if interval[0] > 0:
        return f"{opening}."
    if interval[1] < 0:
        return f"{opening}: this does not beat {SOFTMAX}."
    return f"{opening}: this is not shown to beat {SOFTMAX}."


def explanation(measured: dict) -> str:
    """Say what the table and the figure show.

    Args:
        measured: As in `sentence`.
    """
    kept = sentences.number(measured["kept"])
    return (
        "False answers: the share of the pictures of the class that is left out which still get an "
        f"answer when 95 % of the others do. Means over {measured['left_out']} classes with their "
        "95 % intervals. The network has learnt the class that is left out; a class that it never "
        f"saw is harder to detect. The threshold keeps {kept} of {measured['pictures']:,} test "
        "pictures."
    )


def rows(measured: dict) -> list[tuple[str, str, str]]:
    """Return the table: method, AUROC and false answers, the last two with their intervals.

    Args:
        measured: As in `sentence`; an empty list if nothing was measured.
    """
    if "auroc" not in measured:
        return []
    names = {"": METHODS[measured["method"]], "softmax_": SOFTMAX}
    table = []
    for prefix, name in names.items():
        keys = [prefix + key for key in ("auroc", "false_answers")]
        cells = [
            f"{measured[key]:.3f} {sentences.interval(measured[f'{key}_interval'])}" for key in keys
        ]
        table.append((name, *cells))
    return table


def plots(measured: dict | None) -> dict[str, tuple]:
    """Return the figure of a report, as `writer.write` takes it; none if nothing was measured.

    Args:
        measured: As in `sentence`, or None.
    """
    if not measured or "histogram" not in measured:
        return {}
    return {"unknown_pictures.png": (partial(draw, measured), ["histogram"])}


def draw(measured: dict, *, dark: bool = False) -> bytes:
    """Draw how unlike the training pictures the test pictures are, also without their class.

    Args:
        measured: As in `sentence`.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    histogram = measured["histogram"]
    with paper((6.2, 3.9), dark) as (figure, ink):
        ax = figure.subplots()
        for key, colour, label in (
            ("known", "train", "test pictures"),
            ("left_out", "validation", "the same when their class is left out"),
        ):
            ax.stairs(
                histogram[key],
                histogram["edges"],
                fill=True,
                alpha=0.6,
                color=ink[colour],
                label=label,
            )
        label = "threshold: unknown to the right"
        ax.axvline(0, color=ink["best"], linestyle="--", label=label)
        told_by = METHODS[measured["method"]]
        ax.set(xlabel=f"how unlike the training pictures, by {told_by}", ylabel="test pictures")
        ax.grid(True, axis="y")
        figure.legend(loc="outside lower center", ncols=1)
        return png(figure)
