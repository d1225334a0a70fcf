"""What the rules share while a script is rewritten: facts, findings, new imports."""

import dataclasses
from collections.abc import Callable

import libcst as cst

from keras_cnn.port import names, syntax
from keras_cnn.port.facts import Facts


@dataclasses.dataclass(frozen=True)
class Finding:
    """A line that the command cannot mend.

    Attributes:
        line: Number of the line, from 1; in a notebook, that of the cell's line.
        reason: What is wrong, and what to do.
        cell: Number of the notebook's cell, from 1; None in a script.
    """

    line: int
    reason: str
    cell: int | None = None


class Context:
    """Facts about a script, and what the rules found and need.

    Attributes:
        facts: The facts.
        findings: What cannot be mended.
        imports: Lines to import what the new code needs, in order.
        root: "keras" or "tensorflow.keras", as most of the script writes.
    """

    def __init__(self, facts: Facts, *, line_of: Callable[[cst.CSTNode], int]):
        """Begin without findings.

        Args:
            facts: The facts.
            line_of: Returns the line of a node.
        """
        self.facts = facts
        self.findings = []
        self.imports = {}
        self._line_of = line_of
        roots = [parts[0] for parts in map(names.split, facts.used) if parts]
        self.root = max(roots, key=roots.count) if roots else "keras"
        self.keys = {names.canonical(name) for name in facts.used}

    def report(self, node: cst.CSTNode, reason: str) -> None:
        """Add a finding.

        Args:
            node: The place, a node of the tree before any change.
            reason: What is wrong, and what to do.
        """
        finding = Finding(self._line_of(node), reason)
        if finding not in self.findings:
            self.findings.append(finding)

    def imported(self, name: str) -> cst.Name:
        """Import an object of Keras, and return the name that it has in the script.

        Args:
            name: The full name, such as "keras.layers.concatenate"; a canonical one takes the
                beginning that the script uses.
        """
        if name.startswith("keras."):
            name = names.modern(self.root + name[len("keras") :])
        module, _, last = name.rpartition(".")
        self.imports[f"from {module} import {last}"] = None
        return cst.Name(last)

    def ceiling(self, quotient: cst.BaseExpression) -> cst.BaseExpression:
        """Return ``math.ceil`` of a quotient.

        Args:
            quotient: An expression.
        """
        self.imports["import math"] = None
        return cst.parse_expression(f"math.ceil({syntax.code(quotient).strip()})")

    def uses(self, *canonical: str) -> bool:
        """Return whether the script uses one of some names.

        Args:
            *canonical: Names under ``keras.``.
        """
        return any(f"keras.{name}" in self.keys for name in canonical)
