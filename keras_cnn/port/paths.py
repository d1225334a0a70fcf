"""Names of saved files: Keras 3 writes models to ``.keras`` and weights to ``.weights.h5``."""

import re

import libcst as cst

from keras_cnn.i18n import N_
from keras_cnn.port import syntax
from keras_cnn.port.context import Context

WEIGHTS, MODEL = ".weights.h5", ".keras"
_EXTENSION = re.compile(r"\.(hdf5|hdf|h5|keras|ckpt|tf|model|pb|weights|hd5|h5py)$")
_OTHER_FILE = re.compile(  # a variable may name a figure first, and a model later
    r"(?i)\.(bmp|csv|gif|jpe?g|json|log|mat|np[yz]|pdf|pickle|pkl|png|svg|tiff?|txt|xml|ya?ml)$"
)
_PLACEHOLDER = re.compile(r"(\{\w*\}|%s)$")


def new_name(text: str, *, extension: str) -> str:
    """Return the name of a file with the extension that Keras 3 asks for.

    Args:
        text: The name, or its end.
        extension: `WEIGHTS` or `MODEL`.
    """
    if text.endswith(extension) or (extension == MODEL and text.endswith(".h5")):
        return text
    text = text.rstrip("/")
    return _EXTENSION.sub("", text) + extension


class Paths(cst.CSTVisitor):
    """The strings that name saved files, and their new ends.

    Attributes:
        ends: Text of a string -> its new text, wherever the script has it.
        nodes: Single strings -> extension.
    """

    def __init__(self, context: Context):
        """Begin without strings.

        Args:
            context: The context.
        """
        super().__init__()
        self.context = context
        self.ends, self.nodes = {}, {}
        self._words, self._loaded = {}, []

    def visit_Call(self, node):
        """Note the file that a call writes."""
        kind = self.context.facts.kind(node.func)
        method = node.func.attr.value if isinstance(node.func, cst.Attribute) else ""
        path = syntax.argument(node.args, "filepath", position=0)
        if kind == "callbacks.ModelCheckpoint":
            weights = syntax.literal(syntax.argument(node.args, "save_weights_only", position=3))
            self._add(node, path, WEIGHTS if weights else MODEL, is_checkpoint=True)
        elif method == "load_weights" or kind == "models.load_model":
            self._loaded += self._strings(path)
        elif method in self.context.facts.functions or kind:
            return
        elif method == "save_weights":
            self._add(node, path, WEIGHTS, is_checkpoint=True)
        elif method == "save" and self.context.facts.is_model(node.func.value):
            self._add(node, path, MODEL, is_checkpoint=False)

    def _add(self, call, path, extension, *, is_checkpoint):
        strings = list(self._strings(path))
        if not strings and is_checkpoint and not isinstance(path, cst.Call | None):
            self._report(call, extension)
        for string in strings:
            end = syntax.ending(string)
            if not is_checkpoint and _EXTENSION.search(end):
                continue  # `save` writes .h5 and .hdf5, too
            if isinstance(string, cst.FormattedString):
                self.nodes[string] = extension
            elif _PLACEHOLDER.fullmatch(end):
                if is_checkpoint:
                    self._report(call, extension)
            elif end.isidentifier():  # "model" may mean other things in the same script
                self.nodes[string] = self._words[end] = extension
            elif end:
                self.ends.setdefault(end, new_name(end, extension=extension))

    def _report(self, call, extension):
        self.context.report(call, N_(f"the file's name must end in {extension}"))

    def leave_Module(self, original_node):
        """Note the strings under which the files are loaded again."""
        for string in self._loaded:
            extension = self._words.get(syntax.literal(string))
            if extension is not None:
                self.nodes[string] = extension

    def _strings(self, path, *, depth=0):
        if path is None or depth > 4:
            return
        if (string := syntax.last_string(path)) is not None:
            if depth == 0 or not _OTHER_FILE.search(syntax.ending(string)):
                yield string
            return
        for name in _last_names(path):
            for value in self.context.facts.values.get(name, []):
                yield from self._strings(value, depth=depth + 1)

    def rewritten(
        self, original: cst.BaseExpression, string: cst.BaseExpression
    ) -> cst.BaseExpression:
        """Return a string with its new end.

        Args:
            original: The string before any change.
            string: The string.
        """
        if original in self.nodes:
            extension = self.nodes[original]
            return syntax.with_ending(string, lambda text: new_name(text, extension=extension))
        if isinstance(original, cst.FormattedString):
            return string
        new = self.ends.get(syntax.literal(original))
        if new is None or "b" in string.prefix.lower():
            return string
        old = syntax.literal(original)
        if new.startswith(old):
            return syntax.with_ending(string, lambda text: text + new[len(old) :])
        return syntax.with_ending(string, lambda text: _EXTENSION.sub("", text) + _tail(new, old))


def _tail(new, old):
    return new[len(_EXTENSION.sub("", old.rstrip("/"))) :]


def _last_names(path):
    """Return the name that ends a path, as in ``folder + name`` or ``os.path.join(a, name)``."""
    match path:
        case cst.Name() | cst.Attribute():
            return [syntax.code(path).strip()]
        case cst.BinaryOperation(operator=cst.Add() | cst.Divide(), right=right):
            return _last_names(right)
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="join")), args=[*_, last]):
            return _last_names(last.value)
        case cst.Call(func=cst.Attribute(value=text, attr=cst.Name(value="format"))):
            return _last_names(text)
    return []
