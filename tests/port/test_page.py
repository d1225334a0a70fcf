"""The page "Coming from Keras 2": its tables and measured numbers; run this file to write them."""

import re
from pathlib import Path

import numpy as np
import old_numbers as measured
import pytest

from keras_cnn.port import arguments, names

PAGE = Path(__file__).resolve().parents[2] / "docs" / "KERAS2.md"


def _row(*cells):
    return f"| {' | '.join(cells)} |\n"


def _tables():
    objects = {old: new for old, new in names.OBJECTS.items() if "engine" not in old}
    rows = [
        _row(f"`{old}`", f"`{new}`") for old, new in sorted({**names.MODULES, **objects}.items())
    ]
    yield "names", _row("old", "new") + "|---|---|\n" + "".join(rows)
    pairs = {}
    for kind, table in arguments.RENAMED.items():
        for old, new in table.items():
            pairs.setdefault((old, new), []).append(kind.rpartition(".")[2])
    rows = [
        _row(f"`{old}`", f"`{new}`", ", ".join(sorted(kinds)))
        for (old, new), kinds in sorted(pairs.items())
    ]
    yield "arguments", _row("old", "new", "of") + "|---|---|---|\n" + "".join(rows)
    yield "numbers", _numbers()


def _numbers():
    old, new, limit = measured.glorot()
    correlation = np.corrcoef(old.ravel(), new.ravel())[0, 1]
    factors = [np.divide(*measured.moving_variances(number)) for number in (8, 1000)]
    last_rate, difference = measured.decay_difference()
    return f"""\
- **Adam's epsilon** was 1e-8 in Keras 1 and the first versions of Keras 2; it is 1e-7 in Keras 3.
  For a gradient of 1e-6 the first step is {measured.adam_share(1e-8):.2f} of the learning rate
  with 1e-8, and {measured.adam_share(1e-7):.2f} with 1e-7. `Adam(epsilon=1e-8)` gives the old step.
  The formula is the same: over 50 steps the weights differ by less than
  {_bound(measured.adam_difference())} from Keras 2's formula, written out in NumPy.
- **Initial weights**: `glorot_uniform` has the same limits, but other numbers for the same seed.
  For a `Dense` layer from 784 to 10 the limit is {limit:.4f} in both. The kernels of TensorFlow 1
  and Keras 3 for the seed 0 have a correlation of {correlation:.2f}.
- **Batch normalisation** has the same momentum and epsilon. For pictures Keras 2 used TensorFlow's
  fused kernel: it takes the unbiased variance into the moving variance, Keras 3 the biased one.
  Their quotient is n / (n - 1) for n values of a channel in a batch: {factors[0]:.3f} for 8,
  {factors[1]:.3f} for 1,000.
- **`decay`** of an optimizer is ignored by Keras 3. The command writes
  `InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)`, which is the same formula:
  rate / (1 + decay · steps). From 0.1 with a decay of 1e-3, the rate after 1,000 steps is
  {last_rate:.2f}; on the way the largest relative difference is below {_bound(difference)}. Where a
  callback sets the learning rate too, Keras 3 takes only one of the two, and the command lists
  the line.
"""


def _bound(number):
    """Return the power of ten above a number: its digits differ between processors."""
    return f"1e{np.ceil(np.log10(number)):.0f}"


def with_tables(text):
    """Return the page with the tables of the code."""
    for name, table in _tables():
        text = re.sub(
            rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)",
            lambda match, table=table: match[1] + table + match[2],
            text,
            flags=re.S,
        )
    return text


def test_the_page_shows_the_tables_of_the_code_and_the_measured_numbers():
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text) == text


def test_the_measured_numbers_are_those_of_the_formulas():
    assert measured.adam_share(1e-8) == pytest.approx(1 / (1 + 1e-2 / 0.001**0.5), rel=1e-3)
    assert measured.adam_share(1e-7) == pytest.approx(1 / (1 + 1e-1 / 0.001**0.5), rel=1e-3)
    assert measured.adam_difference() < 1e-5 and measured.decay_difference()[1] < 1e-6
    for number in (8, 1000):
        fused, biased = measured.moving_variances(number)
        assert fused / biased == pytest.approx(number / (number - 1), rel=1e-5)
    old, new, limit = measured.glorot()
    for kernel in (old, new):
        assert np.abs(kernel).max() == pytest.approx(limit, rel=1e-3)
        assert kernel.std() == pytest.approx(limit / 3**0.5, rel=0.02)
    assert abs(np.corrcoef(old.ravel(), new.ravel())[0, 1]) < 0.1


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
