"""Sessions and learning phases of TensorFlow 1: lines that are removed or replaced."""

import re

import libcst as cst

from keras_cnn.i18n import N_
from keras_cnn.port import names, syntax
from keras_cnn.port.context import Context

_CONFIGURATION = re.compile(r"tensorflow\.(compat\.v1\.)?(ConfigProto|GPUOptions)$")
_SESSION = re.compile(r"tensorflow\.(compat\.v1\.)?(Session|InteractiveSession)$")
_GRAPH = re.compile(r"tensorflow\.(compat\.v1\.)?get_default_graph$")
_SETTERS = ("backend.set_session", "backend.manual_variable_initialization")
_SWITCHES = re.compile(
    r"tensorflow\.(compat\.v1\.)?(disable_eager_execution|disable_v2_behavior|reset_default_graph"
    r"|enable_eager_execution)$"
)
_GONE = {  # function -> why its calls are removed; None if no line needs to be listed
    "backend.set_session": None,
    "backend.set_learning_phase": N_(
        "set_learning_phase is removed: pass training=False to the layers that it froze"
    ),
    "utils.convert_all_kernels_in_model": N_(
        "convert_all_kernels_in_model is removed: load weights "
        "that were saved with TensorFlow, not with Theano"
    ),
    "utils.multi_gpu_model": None,
}


class Sessions(cst.CSTVisitor):
    """The statements that set up a session for Keras and nothing else.

    Attributes:
        removed: Statements to remove.
        growth: Statements to replace by TensorFlow 2's memory growth -> name of TensorFlow.
        graphs: Names that hold the default graph, and serve ``with graph.as_default():`` only.
    """

    def __init__(self, context: Context, *, text: str):
        """Begin without statements.

        Args:
            context: The context.
            text: The script.
        """
        super().__init__()
        self.context, self._text = context, text
        self.removed, self.growth, self.graphs = set(), {}, set()
        self._configurations, self._sessions = set(), {}

    def visit_SimpleStatementLine(self, node):
        """Judge a statement."""
        if len(node.body) == 1:
            self._judge(node, node.body[0])

    def _judge(self, line, statement):
        match statement:
            case cst.Assign(targets=[cst.AssignTarget(target=target)], value=cst.Call() as call):
                self._assigned(line, syntax.code(target), call)
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute() as target)]):
                root, rest = syntax.parts(target)
                if root is not None and root.value in self._configurations:
                    self.removed.add(line)
                    if "allow_growth" in rest and "True" in syntax.code(statement.value):
                        self._grow(line, self._tensorflow)
            case cst.Expr(value=cst.Call() as call):
                self._called(line, call)

    def _full(self, node):
        return self.context.facts.full_name(node) or ""

    def _assigned(self, line, target, call):
        full = self._full(call.func)
        if _CONFIGURATION.match(full):
            self._tensorflow = syntax.code(call.func).split(".")[0]
            self._configurations.add(target)
            self.removed.add(line)
            if re.search(r"allow_growth\s*=\s*True", syntax.code(call)):
                self._grow(line, self._tensorflow)
        elif _SESSION.match(full) and self._serves_keras(target):
            self.removed.add(line)
        elif _GRAPH.match(full) and self._is_entered_only(target):
            self.removed.add(line)
            self.graphs.add(target)

    def _serves_keras(self, session):
        """Return whether a session is used for `set_session` only."""
        used = re.findall(rf"\b{re.escape(session)}\b", self._text)
        given = re.findall(rf"set_session\(\s*{re.escape(session)}\s*\)", self._text)
        return len(used) == len(given) + 1

    def _is_entered_only(self, graph):
        """Return whether a graph is assigned and used in ``with graph.as_default():`` only."""
        name = rf"(?<![\w.]){re.escape(graph)}"
        entered = rf"{name}\s*=(?!=)|\bglobal\s+{name}\b|\bwith\s+{name}\.as_default\(\)\s*:"
        text = re.sub(r"#.*", "", self._text)
        return len(re.findall(rf"{name}\b", text)) == len(re.findall(entered, text))

    def enters_graph(self, node: cst.WithItem) -> bool:
        """Return whether an item of ``with`` enters TensorFlow 1's default graph.

        Args:
            node: The item.
        """
        call = node.item
        if not isinstance(call, cst.Call):
            return False
        graph = call.func.value if isinstance(call.func, cst.Attribute) else None
        if graph is None or call.func.attr.value != "as_default":
            return False
        inner = graph.func if isinstance(graph, cst.Call) else None
        is_default = inner is not None and _GRAPH.match(self._full(inner)) is not None
        return is_default or syntax.code(graph) in self.graphs

    def _called(self, line, call):
        full = self._full(call.func)
        kind = self.context.facts.kind(call.func)
        if kind in _SETTERS or _SWITCHES.match(full):
            self.removed.add(line)
            first = syntax.code(call)
            if re.search(r"allow_growth\s*=\s*True", first):
                self._grow(line, "tf")
        elif reason := _GONE.get(kind):
            self.removed.add(line)
            self.context.report(line, reason)
        elif _SESSION.match(full):
            self.removed.add(line)

    def _grow(self, line, tensorflow):
        self.growth[line] = tensorflow
        self.removed.discard(line)

    def replacement(self, line: cst.SimpleStatementLine) -> list[cst.BaseStatement] | None:
        """Return the statements in place of one; None if it stays.

        Args:
            line: The statement before any change.
        """
        if line in self.growth:
            name = self.growth[line]
            return [
                cst.parse_statement(
                    f'for gpu in {name}.config.list_physical_devices("GPU"):\n'
                    f"    {name}.config.experimental.set_memory_growth(gpu, True)\n"
                )
            ]
        return [] if line in self.removed else None


def is_gone(full: str) -> bool:
    """Return whether an import of this name is removed, since its calls are.

    Args:
        full: The full name.
    """
    parts = names.split(full)
    return parts is not None and names.canonical(full).removeprefix("keras.") in _GONE
