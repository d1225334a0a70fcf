"""The choices of a document's own listing, beside those of a recipe.

Importing this module loads neither Keras nor TensorFlow, so that ``--help`` answers at once.
"""

import argparse
import dataclasses
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from keras_cnn.i18n import N_

_PLAIN = (  # choices that no listing makes, unless its case says so: they have their defaults
    *("interpolation", "schedule", "warmup", "early_stopping", "weight_decay", "ema"),
    *("label_smoothing", "class_weights", "mix", "test_crops"),
)


class ListedChoices:
    """Base of a recipe that knows what the document's own listing chooses.

    The recipe is an `options.OptionFields`. Its field `listing` holds the values where the listing
    differs, and its field `choices` the choices of the case that are no options.
    """

    listing: Mapping[str, Any]
    choices: Mapping[str, Any]

    def parse(self, argv: Sequence[str] | None = None, *, description: str | None = None) -> Self:
        """Read command-line options; with ``--listing`` the listing's values are the defaults.

        Args:
            argv: As in `OptionFields.parse`.
            description: Text above the options in ``--help``; a table of what the listing does
                otherwise is added.

        Returns:
            As in `OptionFields.parse`.

        Raises:
            SystemExit: As in `OptionFields.parse`.
        """
        words = sys.argv[1:] if argv is None else argv
        if self.listing and description is not None:
            description = f"{description.rstrip()}\n\n{self._listing_table()}"
        recipe = self.as_listing() if self.listing and "--listing" in words else self
        return super(ListedChoices, recipe).parse(argv, description=description)

    def add_options(
        self, parser: argparse.ArgumentParser, *, names: Collection[str] | None = None
    ) -> None:
        """Add the recipe's options to a parser, and ``--listing`` if there is a listing.

        Args:
            parser: The parser; it may have other options.
            names: Names of the options to add; None adds all.
        """
        super().add_options(parser, names=names)
        if self.listing and names is None:
            parser.add_argument(
                "--listing",
                action="store_true",
                help="do as the document's listing does; further options replace its values",
            )

    def as_listing(self) -> Self:
        """Return the recipe of the document's listing."""
        printed = self._printed()
        fields = {name: value for name, value in printed.items() if name not in self.choices}
        choices = {name: printed.get(name, value) for name, value in self.choices.items()}
        return dataclasses.replace(self, **fields, choices=choices)

    def _printed(self):
        """Return the listing's values, those that it leaves at their defaults included."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return {name: defaults[name] for name in _PLAIN if name in defaults} | dict(self.listing)

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Return where this recipe differs from the listing: name -> (listing's value, here)."""
        values = {
            name: (printed, self.choices.get(name, getattr(self, name, None)))
            for name, printed in self._printed().items()
            if name != "without"
        }
        return {name: pair for name, pair in values.items() if pair[0] != pair[1]}

    def listing_facts(self) -> dict[str, str]:
        """Return the differences from the listing as a report shows them."""
        return {
            name: N_(f"{_words(listing)}, here {_words(here)}")
            for name, (listing, here) in self.differences().items()
        } or {"as printed": "yes"}

    def _listing_table(self):
        rows = [
            (name.replace("_", " "), *map(_words, values))
            for name, values in self.differences().items()
        ]
        rows = [("", "--listing", "default"), *rows]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        lines = [f"  {name:{widths[0]}}  {a:{widths[1]}}  {b}" for name, a, b in rows]
        return "\n".join(line.rstrip() for line in lines)


def _words(value):
    """Return a value as a person writes it: yes and no, 0.001; None is the option's default."""
    if value is None:
        return N_("default")
    if isinstance(value, bool):
        return N_("yes") if value else N_("no")
    return f"{value:g}" if isinstance(value, float) else str(value)
