"""What a script says about its names: which are models, batches of pictures, paths, and so on."""

import re

import libcst as cst
from libcst.metadata import MetadataWrapper, QualifiedNameProvider, QualifiedNameSource

from keras_cnn.port import names, syntax
from keras_cnn.port.arguments import MERGE_MODES

_FLOWS = ("flow", "flow_from_directory", "flow_from_dataframe")
_ITERATORS = ("DirectoryIterator", "DataFrameIterator", "NumpyArrayIterator")


class Facts(cst.CSTVisitor):
    """Facts about a script, from one walk over its syntax tree.

    Attributes:
        used: Full names of Keras and TensorFlow that the script uses.
        flows: Text of a target -> text of its batch size, for `flow_from_directory` and the like.
        models: Texts of targets that are models.
        values: Text of a target -> the values assigned to it.
        functions: Names of functions that the script defines.
        generators: Names of functions that contain ``yield``.
        layers: Names of loop variables that run over layers.
        histories: Texts of targets that hold a history's scores.
        stars: Modules of Keras that are imported with ``*``.
        losses: Strings and dictionaries passed to `compile` as loss.
        metrics: Strings in the metrics passed to `compile`.
        keywords: All keywords of all calls.
        fed: Texts of what `fit` gets.
        phased: Texts of targets that are backend functions with a learning phase.
        phases: Number of calls of `learning_phase` outside of backend functions.
        backend: The script's name for Keras' backend, such as "K"; None if it has none.
    """

    def __init__(self, wrapper: MetadataWrapper):
        """Begin without facts.

        Args:
            wrapper: The syntax tree, with the means to find what its names stand for.
        """
        super().__init__()
        self._qualified_names = wrapper.resolve(QualifiedNameProvider)
        self.used, self.functions, self.generators = set(), set(), set()
        self.layers, self.histories, self.models, self.keywords = set(), set(), set(), set()
        self.flows, self.values, self.stars = {}, {}, []
        self.losses, self.metrics, self.fed = [], [], set()
        self.bound, self.merges, self.zips, self.flow_calls = set(), set(), False, False
        self.backend, self.looped, self.has_k = None, [], False
        self._returns_model, self.phased, self.phases = set(), set(), 0
        self._inside, self._loops, self._frozen, self._thawed = [], [], set(), set()
        self._compiled, self._assigned_in, self._calls, self._tuned = [], {}, [], set()
        self._parameters, self._varying, self._loops_of = [], set(), {}

    def full_name(self, node: cst.CSTNode) -> str | None:
        """Return the full name of an imported object of Keras or TensorFlow, or None.

        Args:
            node: A name, or a dotted name, of the tree that was walked.
        """
        root, rest = syntax.parts(node)
        if root is None:
            return None
        found = self._qualified_names.get(root, set())
        found = found() if callable(found) else found
        imported = sorted(name.name for name in found if name.source is QualifiedNameSource.IMPORT)
        if not imported and not found and root.value not in self.bound:
            imported = [f"{module}.{root.value}" for module in self.stars]
            imported = [name for name in imported if names.is_known(name)]
            if root.value == "tf":  # Keras 2's backend had it: its calls get an import of it
                imported = ["tensorflow"]
        for name in imported:
            if re.match(r"(keras|tensorflow|keras_preprocessing|keras_applications)\b", name):
                return ".".join([name, *rest])
        return None

    def is_used(self, full: str) -> bool:
        """Return whether the script goes on with a name after its import.

        Args:
            full: The full name.
        """
        return any(name == full or name.startswith(f"{full}.") for name in self.used)

    def kind(self, node: cst.CSTNode) -> str:
        """Return a class's or function's name under ``keras.``, such as "layers.Dense", or "".

        Args:
            node: What is called.
        """
        full = self.full_name(node)
        if full is None or names.split(full) is None:
            return ""
        kind = names.canonical(full).removeprefix("keras.")
        return {"models.Input": "layers.Input", "Input": "layers.Input"}.get(
            kind, kind.replace("Model", "models.Model") if kind == "Model" else kind
        )

    def visit_ImportFrom(self, node):
        """Note the module of a star import, and the names that it binds."""
        module = syntax.code(node.module) if node.module and not node.relative else ""
        if isinstance(node.names, cst.ImportStar):
            if names.split(module):
                self.stars.append(module)
            return False
        for alias in node.names:
            local = alias.evaluated_alias or alias.evaluated_name
            self.bound.add(local)
            self._note_backend(f"{module}.{alias.evaluated_name}", local)
        return False

    def visit_Import(self, node):
        """Note the names that an import binds."""
        for alias in node.names:
            self.bound.add((alias.evaluated_alias or alias.evaluated_name).split(".")[0])
            if alias.evaluated_alias:
                self._note_backend(alias.evaluated_name, alias.evaluated_alias)
        return False

    def _note_backend(self, full, local):
        if names.canonical(full) == "keras.backend" or full.endswith(".tensorflow_backend"):
            self.backend = local

    def visit_Attribute(self, node):
        """Note a name of Keras, the longest one only."""
        self.has_k |= getattr(node.value, "value", None) == "K"
        if node.attr.value in ("lr", "learning_rate", "iterations"):
            self._tuned.add(syntax.code(node.value))
        if full := self.full_name(node):
            self.used.add(full)
            return False
        return True

    def visit_Name(self, node):
        """Note a name of Keras, and whether the script has a K of its own."""
        self.has_k |= node.value == "K"
        if full := self.full_name(node):
            self.used.add(full)

    def visit_FunctionDef(self, node):
        """Note the function."""
        self.functions.add(node.name.value)
        self.bound.add(node.name.value)
        self._inside.append(node.name.value)
        self._parameters.append(set(re.findall(r"\w+", syntax.code(node.params))))

    def leave_FunctionDef(self, original_node):
        """Leave the function."""
        self._inside.pop()
        self._parameters.pop()

    def visit_ClassDef(self, node):
        """Note the class."""
        self.bound.add(node.name.value)

    def visit_Yield(self, node):
        """Note that the function is a generator."""
        if self._inside:
            self.generators.add(self._inside[-1])

    def visit_Return(self, node):
        """Note that the function returns a model."""
        if self._inside and self._is_model(node.value):
            self._returns_model.add(self._inside[-1])

    def visit_AnnAssign(self, node):
        """Note the value, as of an assignment."""
        self._assign(node.target, node.value)

    def visit_Assign(self, node):
        """Note what the targets are."""
        for target in node.targets:
            self._assign(target.target, node.value)

    def visit_With(self, node):
        """Bind the names of ``with``."""
        for item in node.items:
            if item.asname:
                self.bound.add(syntax.code(item.asname.name).strip())

    def visit_For(self, node):
        """Note a loop over layers."""
        self._loop(node.target, node.iter)
        self._loops.append(node)

    def leave_For(self, original_node):
        """Leave the loop."""
        self._loops.pop()

    def visit_While(self, node):
        """Enter the loop."""
        self._loops.append(node)

    def leave_While(self, original_node):
        """Leave the loop."""
        self._loops.pop()

    def visit_CompFor(self, node):
        """Note a comprehension over layers."""
        self._loop(node.target, node.iter)

    def _loop(self, target, items):
        self.looped.append(items)
        text = syntax.code(items)
        self._varying.update(re.findall(r"\w+", syntax.code(target)))
        self.bound.update(re.findall(r"\w+", syntax.code(target)))
        if re.search(r"\.layers\b", text):
            self.layers.update(re.findall(r"\w+", syntax.code(target)))

    def _assign(self, target, value):
        name = syntax.code(target).strip()
        if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple):
            for left, right in zip(target.elements, value.elements, strict=False):
                self._assign(left.value, right.value)
            return
        self.bound.update(re.findall(r"\w+", name))
        self.values.setdefault(name, []).append(value)
        self._assigned_in[name], self._loops_of[name] = self._inside[-1:], tuple(self._loops)
        if isinstance(target, cst.Attribute) and target.attr.value == "trainable":
            kept = self._frozen if syntax.code(value) == "False" else self._thawed
            kept.add(syntax.code(target.value))
        size = self.batch_size(value)
        if size is not None:
            self.flows[name] = size
        if self._is_model(value):
            self.models.add(name)
        if isinstance(value, cst.Call) and self.kind(value.func) == "backend.function":
            if "learning_phase" in syntax.code(value.args[0]):
                self.phased.add(name)
        if isinstance(value, cst.Attribute) and value.attr.value == "history":
            self.histories.add(name)
        if not isinstance(value, cst.Subscript | cst.Call):
            return
        text = syntax.code(value)
        if re.search(r"\.layers\[[^:\]]*\]$|\.get_layer\([^()]*\)$", text.strip()):
            self.layers.add(name)

    def _merge(self, node):
        mode = syntax.argument(node.args, "mode", position=1)
        mode = "sum" if mode is None else syntax.literal(mode)
        if mode in MERGE_MODES:
            self.merges.add(MERGE_MODES[mode])

    def feeding(self) -> set[str]:
        """Return the names of functions whose batches `fit` gets."""
        texts = list(self.fed)
        texts += [syntax.code(v) for name in self.fed for v in self.values.get(name, [])]
        return {name for text in texts for name in re.findall(r"(\w+)\(", text)}

    @property
    def frozen(self) -> set[str]:
        """Texts of what is set to ``trainable = False``, and never to True."""
        return self._frozen - self._thawed

    def shared_optimizers(self) -> set[str]:
        """Return the texts of optimizers that several models get, which Keras 3 refuses."""
        shared = set()
        for text, function, own_model, loops in self._compiled:
            if not self._is_optimizer(text) or text in self._tuned:
                continue
            models = {model for other, _, model, _ in self._compiled if other == text}
            is_outer = function and function != self._assigned_in[text]
            made = set(self._loops_of.get(own_model, ())) & set(loops)
            is_looped = made - set(self._loops_of[text])  # each round has a model of its own
            if len(models) > 1 or is_looped or (is_outer and self._calls.count(*function) > 1):
                shared.add(text)
        return shared

    def _is_optimizer(self, text):
        """Return whether a name is one optimizer of Keras, wherever the script compiles with it."""
        values = self.values.get(text, [])
        if len(values) != 1 or not isinstance(values[0], cst.Call) or text in self._varying:
            return False
        return re.match(r"optimizers\.([A-Z]\w*|get)$", self.kind(values[0].func)) is not None

    def batch_size(self, value: cst.CSTNode | None) -> str | None:
        """Return the batch size of batches of pictures, as text; None for other values.

        Args:
            value: An expression.
        """
        if isinstance(value, cst.Name | cst.Attribute):
            return self.flows.get(syntax.code(value))
        if not isinstance(value, cst.Call):
            return None
        called = _last_name(value.func)
        if called not in _FLOWS and called not in _ITERATORS:
            return None
        size = syntax.argument(value.args, "batch_size")
        return syntax.code(size).strip() if size is not None else "32"

    def _is_model(self, value):
        if isinstance(value, cst.Name | cst.Attribute):
            return syntax.code(value) in self.models
        if not isinstance(value, cst.Call):
            return False
        kind = self.kind(value.func)
        if re.match(r"models\.\w+|Sequential$|Model$|applications\.([\w.]+\.)?[A-Z]\w+$", kind):
            return True
        return _last_name(value.func) in self._returns_model

    def is_model(self, node: cst.CSTNode) -> bool:
        """Return whether an expression is a model, as far as the script says.

        Args:
            node: The expression before ``.fit``.
        """
        text = syntax.code(node).strip()
        return text in self.models or re.search(r"(?i)model|net\d*$", text) is not None

    def visit_Call(self, node):
        """Note what is passed to the methods of models."""
        self.keywords.update(arg.keyword.value for arg in node.args if arg.keyword)
        called = _last_name(node.func)
        self._calls += [called] * (2 if self._loops else 1)
        self.zips |= called == "zip"
        self.flow_calls |= called in _FLOWS
        kind = self.kind(node.func)
        if kind == "layers.merge":
            self._merge(node)
        self.phases += kind == "backend.learning_phase"
        if kind == "backend.function" or syntax.code(node.func) in self.phased:
            self.phases -= len(re.findall(r"\blearning_phase\(", syntax.code(node)))
        if not isinstance(node.func, cst.Attribute):
            return
        method = node.func.attr.value
        if method == "compile":
            loss = syntax.argument(node.args, "loss", position=1)
            if loss is not None:
                self.losses.append(loss)
            optimizer = syntax.argument(node.args, "optimizer", position=0)
            model = syntax.code(node.func.value)
            text = syntax.code(optimizer)
            if any(text in parameters for parameters in self._parameters):
                self._varying.add(text)
            else:
                self._compiled.append((text, self._inside[-1:], model, tuple(self._loops)))
            metrics = syntax.argument(node.args, "metrics", position=2)
            if metrics is not None:
                self.metrics += re.findall(r"""["'](\w+)["']""", syntax.code(metrics))
        elif method in ("fit", "fit_generator"):
            for name, position in (("x", 0), ("generator", 0), ("validation_data", None)):
                value = syntax.argument(node.args, name, position=position)
                self.fed.add(syntax.code(value).strip())


def _last_name(node):
    return node.attr.value if isinstance(node, cst.Attribute) else getattr(node, "value", "")
