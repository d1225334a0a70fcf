"""Figures of a report: numbers in, PNG bytes out."""

import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullFormatter

from keras_cnn import columns
from keras_cnn.i18n import _
from keras_cnn.report import fonts, names, scores
from keras_cnn.report.canvas import paper, png

MOST_CELLS = 20  # a confusion matrix of more classes does not show its counts
GRID = (2, 5)  # rows and columns of pictures, as in 王汉生's listing
_CELL, _SIDE = 2.35, 2.15  # inches from picture to picture, and of a picture's longer side


def curves(history: dict[str, list], *, baseline=None, best_epoch=None, parts=None, dark=False):
    """Draw the loss and the first metric of training and validation over the epochs.

    Args:
        history: One list per quantity, as Keras' `History.history`; may be empty.
        baseline: Height of the baseline in the metric's panel, or None.
        best_epoch: Number of the epoch whose weights were kept, counted from 1, or None.
        parts: Quantities to draw, one panel each; by default `curves_parts(history)`.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    parts = curves_parts(history) if parts is None else parts
    if not parts:
        return sentence(_("No epoch was finished, so there is no curve to draw."), dark=dark)
    with paper((5.2 * len(parts), 3.9), dark) as (figure, ink):
        handles = {}
        for ax, name in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
            for key, label in ((name, "train"), (f"val_{name}", "validation")):
                values = np.asarray(history.get(key, []), dtype=float)
                if not np.isfinite(values).any():
                    continue
                epochs = np.arange(1, len(values) + 1)
                style = {"marker": "o", "markersize": 3.5 if len(values) <= 40 else 0}
                handles[_(label)] = ax.plot(epochs, values, color=ink[label], **style)[0]
            if best_epoch is not None:
                label = _("weights kept (epoch {epoch})").format(epoch=best_epoch)
                handles[label] = ax.axvline(
                    best_epoch, color=ink["best"], linestyle="--", linewidth=1.2
                )
            if baseline is not None and name != "loss":
                handles[_("baseline {score}").format(score=f"{baseline:.3f}")] = ax.axhline(
                    baseline, color=ink["soft"], linestyle=":", linewidth=1.5
                )
            _scale(ax, name, history)
            ax.set_title(fonts.printable(names.name(name)), loc="left")
            ax.set_xlabel(_("epoch"))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            ax.grid(True, axis="y")
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=2 * len(parts)
        )
        return png(figure)


def curves_parts(history: dict[str, list]) -> list[str]:
    """Return the quantities to draw: the loss and the first metric that has a finite value."""
    finite = [
        name
        for name in history
        if not name.startswith("val_")
        and name not in ("learning_rate", "lr")
        and np.isfinite(np.asarray(history[name] + history.get(f"val_{name}", []), float)).any()
    ]
    metrics = [name for name in finite if name != "loss"]
    preferred = [name for name in ("accuracy", "mae") if name in metrics] + metrics
    return [name for name in finite if name == "loss"] + preferred[:1]


def confusion(matrix: np.ndarray, class_names: list[str], *, parts=None, dark=False) -> bytes:
    """Draw a confusion matrix; the shade of a cell is its share of the row.

    With more than 20 classes the cells are too small for numbers: a bar chart beside the matrix
    shows the most frequent confusions.

    Args:
        matrix: Counts, row = truth, column = prediction, shape (classes, classes).
        class_names: One name per class.
        parts: What to draw, of "shades", "cells" and "bars"; by default `confusion_parts`.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    parts = confusion_parts(class_names) if parts is None else parts
    side = min(9.5, max(4.0, 2.0 + 0.52 * len(class_names))) if "cells" in parts else 6.0
    widths = [6.6 if part == "bars" else side for part in parts]
    with paper((sum(widths), side), dark) as (figure, ink):
        axes = figure.subplots(1, len(parts), squeeze=False, width_ratios=widths)[0]
        for ax, part in zip(axes, parts, strict=True):
            {"cells": _cells, "shades": _shades, "bars": _bars}[part](ax, matrix, class_names, ink)
        return png(figure)


def confusion_parts(class_names: list[str]) -> list[str]:
    """Return the parts of a confusion figure: cells, or, for many classes, shades and bars."""
    return ["cells"] if len(class_names) <= MOST_CELLS else ["shades", "bars"]


def pictures(items: list[tuple], *, title="", most=GRID[0] * GRID[1], dark=False) -> bytes:
    """Draw pictures with a title above and a note below each, in rows of five.

    Args:
        items: (picture, title, note) each; a picture is an array (height, width[, channels]) as
            `pixels` takes it, or None if it could not be opened.
        title: Line above the whole figure.
        most: Number of pictures to draw, the first of the list.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    items = items[:most]
    columns = min(GRID[1], len(items))
    texts = [(_lines(above, width=30), _lines(below, width=34)) for _, above, below in items]
    above, below = (
        max((text.count("\n") + 1 for text in row), default=0) for row in zip(*texts, strict=True)
    )
    height = _SIDE + 0.17 * above + 0.14 * below + 0.25  # of a row
    size = (_CELL * max(columns, 3), height * math.ceil(len(items) / columns) + 0.35 * bool(title))
    with paper(size, dark) as (figure, ink):
        figure.set_layout_engine("none")
        ax = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(size[1], 0))  # in inches
        ax.set_axis_off()
        ax.text(0.08, 0.06, fonts.printable(title), va="top", fontsize=11)
        for number, (picture, *_titles) in enumerate(items):
            row, column = divmod(number, columns)
            left = column * _CELL + (_CELL - _SIDE) / 2
            top = size[1] - height * (math.ceil(len(items) / columns) - row) + 0.17 * above + 0.1
            centre = {"x": left + _SIDE / 2, "ha": "center"}
            ax.text(y=top - 0.05, s=texts[number][0], va="bottom", fontsize=9, **centre)
            note = {"fontsize": 7, "color": ink["soft"]}
            ax.text(y=top + _SIDE + 0.05, s=texts[number][1], va="top", **note, **centre)
            if picture is None:
                middle = {"y": top + _SIDE / 2, "color": ink["soft"]}
                ax.text(s=_("cannot be opened"), va="center", **middle, **centre)
            else:
                _place(ax, pixels(picture), left, top)
            # The frame shows the edges of white pictures.
            ax.add_patch(Rectangle((left, top), _SIDE, _SIDE, fill=False, color=ink["grid"]))
        return png(figure)


def _place(ax, picture, left, top):
    """Draw a picture in the middle of a square whose upper left corner is given."""
    height, width = picture.shape[:2]
    scale = _SIDE / max(height, width)
    left, top = left + (_SIDE - scale * width) / 2, top + (_SIDE - scale * height) / 2
    ax.imshow(
        picture,
        extent=(left, left + scale * width, top + scale * height, top),
        aspect="auto",
        interpolation="nearest" if max(height, width) < 100 else "antialiased",
    )


def scatter(y_true: np.ndarray, y_pred: np.ndarray, train_mean: float, *, dark=False) -> bytes:
    """Draw predictions over targets, with the line of perfect predictions and the baseline."""
    finite = np.isfinite(y_pred)
    if not finite.any():
        return sentence(_("No prediction is a finite number: there is nothing to draw."), dark=dark)
    with paper((5.2, 5.2), dark) as (figure, ink):
        ax = figure.subplots()
        truths, predictions = y_true[finite], y_pred[finite]
        ends = [
            min(truths.min(), predictions.min()),
            max(truths.max(), predictions.max()),
        ]
        ax.plot(ends, ends, color=ink["best"], linewidth=1.2, label=_("perfect"))
        label = _("mean of the training set")
        ax.axhline(train_mean, color=ink["soft"], linestyle=":", label=label)
        ax.scatter(truths, predictions, s=16, alpha=0.65, color=ink["train"], linewidths=0)
        ax.set(xlabel=_("truth"), ylabel=_("prediction"), aspect="equal")
        ax.grid(True)
        figure.legend(loc="outside lower center", ncols=2)
        return png(figure)


def residuals(y_true: np.ndarray, y_pred: np.ndarray, *, dark=False) -> bytes:
    """Draw prediction minus truth over the truth, and the histogram of these errors."""
    finite = np.isfinite(y_pred)
    if not finite.any():
        return sentence(_("No prediction is a finite number: there is nothing to draw."), dark=dark)
    error = y_pred[finite] - y_true[finite]
    with paper((9.0, 3.9), dark) as (figure, ink):
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
        left.scatter(y_true[finite], error, s=16, alpha=0.65, color=ink["train"], linewidths=0)
        right.hist(error, bins="sqrt", orientation="horizontal", color=ink["train"], alpha=0.8)
        for ax in (left, right):
            ax.axhline(0, color=ink["best"], linewidth=1.2)
            ax.grid(True, axis="y")
        left.set(xlabel=_("truth"), ylabel=_("prediction − truth"))
        right.set_xlabel(_("test pictures"))
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        return png(figure)


def weights(kernels: np.ndarray, titles: list[str], *, dark=False) -> bytes:
    """Draw the weights of a linear classifier: red speaks for a class, blue against it.

    Args:
        kernels: One picture of weights per class, shape (classes, height, width).
        titles: Class names.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    columns = GRID[1]
    rows = math.ceil(len(kernels) / columns)
    limit = np.abs(kernels).max() or 1  # one scale for all kernels, with zero in the middle
    with paper((1.7 * columns, 1.9 * rows), dark) as (figure, _):
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        for ax, kernel, title in zip(axes, kernels, titles, strict=False):
            ax.imshow(kernel, cmap="seismic", vmin=-limit, vmax=limit)
            ax.set_title(fonts.printable(title))
        return png(figure)


def sentence(text: str, *, dark=False) -> bytes:
    """Draw a sentence instead of an empty figure."""
    with paper((7.0, 1.6), dark) as (figure, _):
        figure.text(0.5, 0.5, fonts.printable(text), ha="center", va="center", wrap=True)
        return png(figure)


def pixels(picture: np.ndarray) -> np.ndarray:
    """Return any picture as uint8 RGB, shape (height, width, 3).

    uint8 values and floats in [0, 1] keep their brightness. Other ranges, such as those of pictures
    with the mean subtracted, are stretched from minimum to maximum.
    """
    picture = np.asarray(picture)
    picture = picture[..., None] if picture.ndim == 2 else picture
    is_colour = picture.shape[2] >= 3  # else grey, perhaps with alpha
    picture = picture[..., :3] if is_colour else np.repeat(picture[..., :1], 3, axis=2)
    if picture.dtype == np.uint8:
        return picture
    picture = np.nan_to_num(picture.astype(float))
    low, high = picture.min(), picture.max()
    if low < 0 or high > 1:
        picture = (picture - low) / max(high - low, 1e-12)
    return np.round(picture * 255).astype(np.uint8)


def _scale(ax, name, history):
    """Set the axes; the loss gets a logarithmic one if its range is large."""
    values = np.asarray(history.get(name, []) + history.get(f"val_{name}", []), dtype=float)
    values = values[np.isfinite(values)]
    if name == "loss" and values.min() > 0 and values.max() > 100 * values.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
    elif name == "loss" and values.min() >= 0:
        ax.set_ylim(0, 1.06 * values.max() or 1)
    epochs = max(len(history.get(name, [])), len(history.get(f"val_{name}", [])))
    if epochs == 1:
        ax.set_xlim(0.5, 1.5)


def _cells(ax, matrix, class_names, ink):
    classes = len(class_names)
    share = _share_of_row(matrix)
    ax.imshow(share, cmap=_shading(ink), vmin=0, vmax=1)
    ax.set_title(_("test pictures; shade: share of the row"), loc="left", fontsize=9)
    ax.set(xlabel=_("prediction"), ylabel=_("truth"))
    size = 11 if classes <= 5 else 9 if classes <= 12 else 7
    for (row, column), count in np.ndenumerate(matrix):
        light = share[row, column] < ink["flip"]
        colour = ink["paper"] if not light else ink["ink"] if count else ink["grid"]
        cell = ax.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
        cell.set(fontsize=size, in_layout=False)  # layout of 400 texts is slow
    names = [fonts.shorten(fonts.printable(name), width=20) for name in class_names]
    slanted = max(map(columns.width, names)) * classes > 44
    ax.set_xticks(range(classes), names, rotation=40 if slanted else 0, fontsize=size - 1)
    for label in ax.get_xticklabels():
        label.set(ha="right" if slanted else "center", rotation_mode="anchor" if slanted else None)
    ax.set_yticks(range(classes), names, fontsize=size - 1)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _shades(ax, matrix, class_names, ink):
    shade = np.sqrt(_share_of_row(matrix))  # makes small shares visible among thousands of cells
    ax.imshow(shade, cmap=_shading(ink), vmin=0, vmax=1, interpolation="nearest")
    note = _("{classes} classes by number; shade: share of the row")
    note = note.format(classes=len(class_names))
    ax.set_title(note, loc="left", fontsize=9)
    ax.set(xlabel=_("prediction"), ylabel=_("truth"))


def _share_of_row(matrix):
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


def _shading(ink):
    return LinearSegmentedColormap.from_list("shade", [ink["paper"], ink["train"]])


def _bars(ax, matrix, class_names, ink):
    confusions = scores.top_confusions(matrix, 15)
    ax.set_title(_("most frequent confusions: truth → prediction"), loc="left")
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.set_xticks([])
    if not confusions:
        ax.set_yticks([])
        ax.text(0.5, 0.5, _("none"), ha="center", transform=ax.transAxes, color=ink["soft"])
        return
    labels = [
        " → ".join(fonts.shorten(fonts.printable(class_names[k]), width=26) for k in cell[:2])
        for cell in confusions
    ]
    counts = [cell[2] for cell in confusions]
    bars = ax.barh(range(len(confusions)), counts, color=ink["validation"], height=0.7)
    share = _("{part} of {all}")
    totals = [matrix[cell[0]].sum() for cell in confusions]
    shares = [
        " " + share.format(part=count, all=total)
        for count, total in zip(counts, totals, strict=True)
    ]
    ax.bar_label(bars, shares, color=ink["soft"], fontsize=8)
    ax.set_xlim(0, 1.25 * max(counts))
    ax.set_ylim(14.6, -0.6)  # largest on top; the height of a bar does not depend on their number
    ax.set_yticks(range(len(confusions)), labels)
    ax.tick_params(length=0)


def _lines(text, *, width):
    return "\n".join(fonts.shorten(fonts.printable(line), width=width) for line in text.split("\n"))
