"""Find what breaks a script on the installed Keras, by asking Keras itself; nothing is executed."""

import ast
import importlib
import inspect
import re

_ACC = re.compile(r"""metrics=\[[^\]]*["']acc["']""")  # then the key is "acc", as of old
_METHODS = {"fit_generator", "evaluate_generator", "predict_generator", "predict_classes"}
_OLD_FIT = {"workers", "use_multiprocessing", "max_queue_size", "max_q_size", "nb_epoch"}
_OLD_FIT |= {"samples_per_epoch", "nb_val_samples", "pickle_safe", "nb_worker", "show_accuracy"}
_LAYER_EXTRAS = {"input_shape", "input_dim", "input_length", "name", "dtype", "trainable"}
_LAYER_EXTRAS |= {"activity_regularizer", "autocast"}
_OPTIMIZER_EXTRAS = {"name", "clipnorm", "clipvalue", "global_clipnorm"}


def breakers(code):
    """Return (line, reason) of what breaks a script on the installed Keras.

    Args:
        code: The script.
    """
    checker = _Checker(ast.parse(code), asks_for_acc=bool(_ACC.search(code)))
    return sorted(set(checker.found))


class _Checker(ast.NodeVisitor):
    def __init__(self, tree, *, asks_for_acc):
        self._asks_for_acc = asks_for_acc
        self.found, self._names, self._defined = [], {}, set()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                self._defined.add(node.name)
        self._arguments = []
        self.visit(tree)

    def _add(self, node, reason):
        self.found.append((node.lineno, reason))

    def visit_FunctionDef(self, node):
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        self._arguments.append({argument.arg for argument in arguments})
        self.generic_visit(node)
        self._arguments.pop()

    def visit_Import(self, node):
        for alias in node.names:
            if not _is_keras(alias.name):
                continue
            if _object(alias.name) is None:
                self._add(node, f"no module {alias.name}")
            name = alias.name if alias.asname else alias.name.split(".")[0]
            self._names[alias.asname or name] = name

    def visit_ImportFrom(self, node):
        if node.level or not _is_keras(node.module):
            return
        for alias in node.names:
            if alias.name == "*":
                if _object(node.module) is None:
                    self._add(node, f"no module {node.module}")
                continue
            full = f"{node.module}.{alias.name}"
            if _object(full) is None:
                self._add(node, f"no {full}")
            self._names[alias.asname or alias.name] = full

    def _full(self, node):
        rest = []
        while isinstance(node, ast.Attribute):
            rest.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._names:
            return None
        if any(node.id in arguments for arguments in self._arguments):
            return None
        return ".".join([self._names[node.id], *reversed(rest)])

    def visit_Attribute(self, node):
        full = self._full(node)
        if full is None:
            if node.attr == "lr" and re.search(r"optimizer$|\bopt$", ast.unparse(node.value)):
                self._add(node, "optimizer.lr")
            self.generic_visit(node)
        elif _object(full) is None and _is_keras(full):
            self._add(node, f"no {full}")

    def visit_Call(self, node):
        keywords = {keyword.arg for keyword in node.keywords} - {None}
        self._check_keywords(node, keywords)
        if isinstance(node.func, ast.Attribute):
            self._check_method(node, node.func.attr, keywords)
        self.generic_visit(node)

    def _check_keywords(self, node, keywords):
        full = self._full(node.func)
        target = None if full is None else _object(full)
        if not inspect.isclass(target) or not (full.startswith("keras") or "keras" in full):
            return
        signature = inspect.signature(target.__init__).parameters
        allowed = set(signature) | ({"inputs", "outputs"} if full.endswith("Model") else set())
        if "kwargs" in allowed:
            if "Conv" in full and len(node.args) > 3 and isinstance(node.args[3], ast.Constant):
                self._add(node, f"{full}: positional arguments of Keras 1")
            extras = _OPTIMIZER_EXTRAS if "optimizers" in full else _LAYER_EXTRAS
            allowed |= extras
        for keyword in keywords - allowed:
            self._add(node, f"{full}: {keyword}=")
        if full.endswith("ModelCheckpoint"):
            path = node.args[0] if node.args else _keyword(node, "filepath")
            weights = getattr(_keyword(node, "save_weights_only"), "value", False)
            if isinstance(path, ast.Constant):
                ends = (".weights.h5",) if weights else (".keras", ".h5")
                if not path.value.endswith(ends):
                    self._add(node, f"ModelCheckpoint: {path.value}")
        dims = getattr(_keyword(node, "epsilon"), "value", 1)
        if "optimizers" in full and dims is None:
            self._add(node, "epsilon=None")

    def _check_method(self, node, method, keywords):
        if method in _METHODS and method not in self._defined:
            self._add(node, f".{method}")
        if method in ("fit", "evaluate", "predict") and keywords & _OLD_FIT:
            self._add(node, f".{method}({', '.join(sorted(keywords & _OLD_FIT))}=)")
        if method == "fit":
            steps = _keyword(node, "steps_per_epoch")
            if isinstance(steps, ast.BinOp) and isinstance(steps.op, ast.Div):
                self._add(node, "steps_per_epoch is no whole number")
        if method == "save_weights" and node.args and isinstance(node.args[0], ast.Constant):
            if not str(node.args[0].value).endswith(".weights.h5"):
                self._add(node, f"save_weights: {node.args[0].value}")

    def visit_Subscript(self, node):
        key = getattr(node.slice, "value", None)
        if (
            not self._asks_for_acc
            and key in ("acc", "val_acc")
            and "history" in ast.unparse(node.value)
        ):
            self._add(node, f"history[{key!r}]")
        self.generic_visit(node)


def _keyword(node, name):
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _is_keras(name):
    return name.split(".")[0] in ("keras", "tensorflow", "keras_preprocessing", "keras_cnn")


def _object(name):
    """Return a module or its member by its full name; None if there is none."""
    parts = name.split(".")
    if parts[:2] == ["tensorflow", "keras"]:  # a lazy module
        parts = ["keras._tf_keras.keras", *parts[2:]]
    for count in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        for index, part in enumerate(parts[count:]):
            if index and not inspect.ismodule(value):
                return value  # an attribute of an object, which only running shows
            value = getattr(value, part, None)
            if value is None:
                return None
        return value
    return None
