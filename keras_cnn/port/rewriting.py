"""Rewrite the text of a script. Nothing of it is executed."""

import ast
import re

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from keras_cnn.port import arguments, calls, fitting, history, imports, names, syntax
from keras_cnn.port.context import Context, Finding
from keras_cnn.port.facts import Facts
from keras_cnn.port.paths import Paths
from keras_cnn.port.sessions import Sessions

_REMOVED = "removed_by_port"
_KERAS = re.compile(r"\bkeras|\.(fit|evaluate|predict)_generator\(")
_LAYER = re.compile(r"\.layers\[[^\]]*\]$|\.get_layer\(.*\)$")
_ATTRIBUTES = ("lr", "N", "nb_sample", "nb_class", "output_shape", "input_shape")
_ITERATOR_ATTRIBUTES = {"N": "n", "nb_sample": "samples", "nb_class": "num_classes"}


def port(text: str) -> tuple[str, list[Finding]]:
    """Return a script for Keras 3, and what could not be mended.

    Args:
        text: The script.

    Raises:
        SyntaxError: The script is no Python 3. Its `lineno` is the line, its `msg` the reason.
    """
    try:
        wrapper = MetadataWrapper(cst.parse_module(text))
    except cst.ParserSyntaxError as error:
        if (spaced := _without_tabs(text)) != text:
            return port(spaced)
        line = max(error.raw_line, 1)
        raise SyntaxError(_why_unreadable(text, line), ("", line, 0, "")) from None
    positions = wrapper.resolve(PositionProvider)
    facts = Facts(wrapper)
    wrapper.module.visit(facts)
    if not facts.used and not facts.stars and not _KERAS.search(text):
        return text, []
    context = Context(facts, line_of=lambda node: positions[node].start.line)
    session_lines, paths = Sessions(context, text=text), Paths(context)
    wrapper.module.visit(session_lines)
    wrapper.module.visit(paths)
    module = wrapper.module.visit(_Rules(context, session_lines, paths))
    module = imports.with_imports(module, list(context.imports))
    return module.code, sorted(context.findings, key=lambda finding: finding.line)


def _without_tabs(text):
    """Return a script that Python reads, indented by spaces; LibCST refuses some mixed indents."""
    spaced = re.sub(r"(?m)^[ \t]+", lambda indent: indent[0].expandtabs(8), text)
    try:
        same = ast.dump(ast.parse(spaced)) == ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        return text
    return spaced if same else text


def _why_unreadable(text, line):
    lines = text.splitlines()
    if line <= len(lines) and re.match(r"\s*(print|exec)\s+[^=(\s]", lines[line - 1]):
        return "this is Python 2: run 2to3 or add parentheses, then port it"
    if re.search(r"(?m)^\s*print\s+[\"'%\w]|^\s*except \w+, \w+:", text):
        return "this is Python 2: run 2to3 or add parentheses, then port it"
    return "this line is no Python 3: correct it, then port the script"


class _Rules(cst.CSTTransformer):
    """Applies the rules of each kind, from the leaves of the tree up."""

    def __init__(self, context: Context, sessions: Sessions, paths: Paths):
        super().__init__()
        self.context, self._sessions, self._paths = context, sessions, paths
        self._old_keys = history.has_old_keys(context)
        self._inner = set()  # dotted names inside longer ones
        self._functions, self._classes = [], []
        self._feeding = context.facts.feeding()

    # ------------------------------------------------------------ names

    def visit_Attribute(self, node):
        self._inner.add(node.value)
        return True

    def leave_Attribute(self, original_node, updated_node):
        if original_node not in self._inner or self._is_longest(original_node):
            new = imports.rewrite_reference(original_node, self.context)
            if new is not None:
                return new
        return self._attribute(original_node, updated_node)

    def _is_longest(self, node):
        """Return whether a dotted name goes on with attributes of an object, not of a module."""
        full = self.context.facts.full_name(node)
        return (
            full is not None
            and names.modern(full) != full
            and full.rpartition(".")[2][:1].isupper()
        )

    def _attribute(self, original, updated):
        name, facts = original.attr.value, self.context.facts
        if name not in _ATTRIBUTES:
            return updated
        receiver = syntax.code(original.value).strip()
        new = None
        if name == "lr" and re.search(r"\b(optimizer|opt|adam|sgd|rmsprop)$", receiver):
            new = "learning_rate"
        elif facts.batch_size(original.value) is not None:
            new = _ITERATOR_ATTRIBUTES.get(name)
        elif name in ("output_shape", "input_shape") and (
            receiver in facts.layers or _LAYER.search(receiver)
        ):
            inner = updated.with_changes(attr=cst.Name(name.removesuffix("_shape")))
            return cst.Attribute(inner, cst.Name("shape"))
        if new is None:
            return updated
        return updated.with_changes(attr=updated.attr.with_changes(value=new))

    def leave_Name(self, original_node, updated_node):
        if original_node in self._inner:
            return updated_node
        return imports.rewrite_reference(original_node, self.context) or updated_node

    # ------------------------------------------------------------ calls, strings

    def leave_Call(self, original_node, updated_node):
        call = calls.rewrite(original_node, updated_node, self.context)
        if isinstance(call, cst.Call):
            if self._old_keys:
                call = history.rewrite_call(original_node, call, self.context)
            call = fitting.rewrite(original_node, call, self.context)
        return call

    def leave_Subscript(self, original_node, updated_node):
        if not self._old_keys:
            return updated_node
        return history.rewrite_subscript(original_node, updated_node, self.context)

    def leave_SimpleString(self, original_node, updated_node):
        string = self._paths.rewritten(original_node, updated_node)
        return history.rewrite_text(string) if self._old_keys else string

    def leave_FormattedString(self, original_node, updated_node):
        return self._paths.rewritten(original_node, updated_node)

    def leave_Comparison(self, original_node, updated_node):
        if "image_dim_ordering" not in syntax.code(original_node.left):
            return updated_node
        return updated_node.visit(_DimOrderings())

    # ------------------------------------------------------------ batches

    def visit_FunctionDef(self, node):
        self._functions.append(node.name.value)

    def leave_FunctionDef(self, original_node, updated_node):
        self._functions.pop()
        return updated_node

    def visit_ClassDef(self, node):
        kinds = [self.context.facts.kind(base.value) for base in node.bases]
        self._classes.append(bool({"utils.Sequence", "utils.PyDataset"} & set(kinds)))

    def leave_ClassDef(self, original_node, updated_node):
        self._classes.pop()
        return updated_node

    def leave_Yield(self, original_node, updated_node):
        if not self._functions or self._functions[-1] not in self._feeding:
            return updated_node
        return updated_node.with_changes(value=fitting.batch(updated_node.value))

    def leave_Return(self, original_node, updated_node):
        if self._functions[-1:] != ["__getitem__"] or self._classes[-1:] != [True]:
            return updated_node
        return updated_node.with_changes(value=fitting.batch(updated_node.value))

    # ------------------------------------------------------------ statements

    def visit_WithItem(self, node):
        return not self._sessions.enters_graph(node)

    def leave_With(self, original_node, updated_node):
        items = original_node.items
        if len(items) > 1 or not self._sessions.enters_graph(items[0]):
            return updated_node
        body = updated_node.body.body
        if not isinstance(updated_node.body, cst.IndentedBlock) or not body:
            return updated_node
        lines = [*updated_node.leading_lines, *body[0].leading_lines]
        return cst.FlattenSentinel([body[0].with_changes(leading_lines=lines), *body[1:]])

    def visit_SimpleStatementLine(self, node):
        return self._sessions.replacement(node) is None

    def visit_ImportFrom(self, node):
        return False

    def visit_Import(self, node):
        return False

    def leave_SimpleStatementLine(self, original_node, updated_node):
        statements = self._sessions.replacement(original_node)
        if statements is None and len(original_node.body) == 1:
            statements = self._import_lines(original_node.body[0])
        if statements is None:
            return self._small_statements(original_node, updated_node)
        if not statements:
            return updated_node.with_changes(body=[cst.Expr(cst.Name(_REMOVED))])
        first = statements[0].with_changes(leading_lines=updated_node.leading_lines)
        last = statements[-1]
        if len(statements) == 1 and isinstance(first, cst.SimpleStatementLine):
            return first.with_changes(trailing_whitespace=updated_node.trailing_whitespace)
        return cst.FlattenSentinel(
            [first, *statements[1:-1], *([last] if len(statements) > 1 else [])]
        )

    def _import_lines(self, statement):
        new = self._imports(statement)
        return None if new is None else [cst.SimpleStatementLine([small]) for small in new]

    def _imports(self, statement):
        if isinstance(statement, cst.ImportFrom):
            return imports.rewrite_from(statement, self.context)
        if isinstance(statement, cst.Import):
            return imports.rewrite_import(statement, self.context)
        return None

    def _small_statements(self, original, updated):
        """Rewrite imports that share a line with others."""
        body = []
        for before, after in zip(original.body, updated.body, strict=True):
            new = self._imports(before) if len(original.body) > 1 else None
            body += [after] if new is None else new
        if body == list(updated.body):
            return updated
        semicolon = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))
        body = [small.with_changes(semicolon=semicolon) for small in body]
        return updated.with_changes(
            body=[
                *body[:-1],
                *(s.with_changes(semicolon=cst.MaybeSentinel.DEFAULT) for s in body[-1:]),
            ]
        )

    def leave_IndentedBlock(self, original_node, updated_node):
        body, rest = _without_removed(updated_node.body)
        if len(body) == len(updated_node.body):
            return updated_node
        return updated_node.with_changes(body=body, footer=[*rest, *updated_node.footer])

    def leave_Module(self, original_node, updated_node):
        body, rest = _without_removed(updated_node.body)
        if len(body) == len(updated_node.body):
            return updated_node
        return updated_node.with_changes(body=body, footer=[*rest, *updated_node.footer])


class _DimOrderings(cst.CSTTransformer):
    """Turns "tf" and "th" into "channels_last" and "channels_first"."""

    def leave_SimpleString(self, original_node, updated_node):
        new = arguments.DIM_ORDERINGS.get(syntax.literal(original_node))
        return updated_node if new is None else syntax.string(new, like=updated_node)


def _without_removed(body):
    """Return a block without the removed lines, and the comments after its last line."""
    kept, comments = [], []
    for line in body:
        if _is_removed(line):
            comments += [empty for empty in line.leading_lines if empty.comment is not None]
        elif comments:
            kept.append(line.with_changes(leading_lines=[*comments, *line.leading_lines]))
            comments = []
        else:
            kept.append(line)
    return kept, comments


def _is_removed(line):
    return (
        isinstance(line, cst.SimpleStatementLine)
        and len(line.body) == 1
        and isinstance(line.body[0], cst.Expr)
        and isinstance(line.body[0].value, cst.Name)
        and line.body[0].value.value == _REMOVED
    )
