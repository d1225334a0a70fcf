"""Imports of Keras, and the dotted names after them."""

from collections.abc import Sequence

import libcst as cst

from keras_cnn.i18n import N_
from keras_cnn.port import calls, names, sessions, syntax
from keras_cnn.port.context import Context

CELL = "#port_cell_"  # comment between the cells of a notebook
_MODULE_BEGINNINGS = ("keras.backend", "keras.preprocessing.image")


def rewrite_from(original: cst.ImportFrom, context: Context) -> list[cst.ImportFrom] | None:
    """Return the imports in place of ``from ... import ...``; None if it stays.

    Args:
        original: The import.
        context: The context.
    """
    if original.module is None or original.relative:
        return None
    module = syntax.code(original.module)
    if names.split(module) is None and module != "tensorflow":
        return None
    if isinstance(original.names, cst.ImportStar):
        new = _star_module(module)
        return None if new == module else [original.with_changes(module=syntax.dotted(new))]
    groups = {}
    for alias in original.names:
        for place, name, local in _targets(
            original, f"{module}.{alias.evaluated_name}", alias.evaluated_alias, context
        ):
            groups.setdefault(place, []).append((name, local))
    return _statements(original, module, groups)


def _star_module(module):
    new = names.modern_module(module)
    return "keras_cnn.legacy" if new.endswith("keras.preprocessing.image") else new


def _targets(node, full, local, context):
    """Yield (module, name, local name) of the imports in place of one."""
    name = full.rpartition(".")[2]
    if sessions.is_gone(full):
        return
    if names.canonical(full) == "keras.layers.merge" and (
        context.facts.merges or full not in context.facts.used
    ):
        for function in sorted(context.facts.merges):
            yield names.modern(full).rpartition(".")[0], function, None
        return
    if reason := names.why_removed(full):
        if not context.facts.is_used(full):
            return  # the import alone would stop the script
        if not calls.is_mended(full, context):
            context.report(node, reason)
    new = _modern_module(full, context) if is_module(full, context) else names.modern(full)
    place, _, last = new.rpartition(".")
    if local is None and last != name and (is_module(full, context) or last in context.facts.bound):
        local = name  # the script goes on with the old name
    yield place, last, local


def is_module(full: str, context: Context) -> bool:
    """Return whether a name of old Keras is a module whose names moved.

    Args:
        full: The full name.
        context: The context.
    """
    parts = names.split(full)
    if parts and parts[1] in names.OBJECTS and full in context.facts.used:
        return False  # keras.optimizers.adam was a class, and later a module
    return parts is not None and (
        (parts[1] in names.MODULES and parts[1] != "keras.layers.merge")
        or parts[1] in _MODULE_BEGINNINGS
        or parts[1] == "keras.preprocessing.text"
    )


def _modern_module(full, context):
    """Return the module that has all names which the script uses of an old one."""
    new = names.modern_module(full)
    beginning = names.split(full)[1]
    base = names.MODULES.get(beginning, beginning) + "."
    used = {
        name[len(base) :].split(".")[0]
        for name in map(names.unrenamed, context.facts.used)
        if name.startswith(base) and not names.IN_BACKEND.match(name)
    }
    used -= {name for name in used if calls.is_mended(f"keras.backend.{name}", context)}
    if new.endswith("keras.backend") and not used <= names.KEPT_IN_BACKEND | {
        "set_image_dim_ordering",
        "image_dim_ordering",
        "set_session",
        "set_learning_phase",
    }:
        return "tensorflow.keras.backend"
    if new.endswith("keras.preprocessing.image") and not used <= names.KEPT_IN_IMAGE:
        return "keras_cnn.legacy"
    if full.startswith("keras_preprocessing") and new.endswith("keras.preprocessing.image"):
        return "keras.utils"
    return new


def _statements(original, module, groups):
    """Return the imports of each module; the first keeps the old one's format."""
    if (
        list(groups) == [module]
        and [(a.evaluated_name, a.evaluated_alias) for a in original.names] == groups[module]
    ):
        return None
    statements = []
    for place, pairs in groups.items():
        pairs = list(dict.fromkeys(pairs))
        same = not statements and len(pairs) == len(original.names)
        if same:  # keep parentheses, line breaks and comments
            aliases = [
                _renamed_alias(alias, name, local)
                for alias, (name, local) in zip(original.names, pairs, strict=True)
            ]
            statements.append(original.with_changes(module=syntax.dotted(place), names=aliases))
        else:
            text = ", ".join(f"{n} as {a}" if a else n for n, a in pairs)
            statements.append(cst.parse_statement(f"from {place} import {text}").body[0])
    return statements


def _renamed_alias(alias, name, local):
    alias = alias.with_changes(name=cst.Name(name))
    if local is None:
        return alias.with_changes(asname=None)
    if alias.asname is not None:
        return alias
    blank = cst.SimpleWhitespace(" ")
    return alias.with_changes(asname=cst.AsName(cst.Name(local), blank, blank))


def rewrite_import(original: cst.Import, context: Context) -> list[cst.BaseSmallStatement] | None:
    """Return the imports in place of ``import ...``; None if it stays.

    Args:
        original: The import.
        context: The context.
    """
    if len(original.names) != 1:
        return None
    (alias,) = original.names
    full = alias.evaluated_name
    if names.split(full) is None:
        return None
    new = _modern_module(full, context) if is_module(full, context) else names.modern_module(full)
    if new == full:
        return None
    place, _, last = new.rpartition(".")
    if alias.evaluated_alias:
        line = f"from {place} import {last} as {alias.evaluated_alias}"
        return [cst.parse_statement(line).body[0]]
    return [original.with_changes(names=[alias.with_changes(name=syntax.dotted(new))])]


def rewrite_reference(
    original: cst.Name | cst.Attribute, context: Context
) -> cst.BaseExpression | None:
    """Return the new form of a dotted name of Keras; None if it stays.

    Args:
        original: The longest dotted name at its place.
        context: The context.
    """
    full = context.facts.full_name(original)
    if full is None:
        return None
    if names.IN_BACKEND.match(full):
        if (new := names.in_tensorflow(full)) is None:
            name = syntax.code(original)
            context.report(original, N_(f"{name}: the command knows no such name in TensorFlow 2"))
            return None
        if "tf" not in context.facts.bound:
            context.imports["import tensorflow as tf"] = None
        return syntax.dotted(new)
    if names.canonical(full) in ("keras.layers.merge", "keras.utils.multi_gpu_model"):
        return None
    if calls.is_mended(full, context):
        return None
    new = names.modern(full)
    if new == full:
        if (reason := names.why_removed(full)) and isinstance(original, cst.Attribute):
            context.report(original, reason)
        return None
    if reason := names.why_removed(full):
        context.report(original, reason)
        return None
    root, rest = syntax.parts(original)
    prefix = full[: len(full) - len(".".join(["", *rest]))] if rest else full
    if isinstance(original, cst.Name):
        return _renamed_name(original, full, new, context)
    place = (
        _modern_module(prefix, context)
        if is_module(prefix, context)
        else names.modern_module(prefix)
    )
    if place == "keras_cnn.legacy" and new.startswith("keras_cnn."):
        new = f"keras_cnn.legacy.{new.rpartition('.')[2]}"
    if new.startswith(f"{place}."):
        changed = syntax.dotted(root.value + new[len(place) :])
        return None if changed.deep_equals(original) else changed
    return _imported(new, prefix, context)


def _renamed_name(node, full, new, context):
    old, last = full.rpartition(".")[2], new.rpartition(".")[2]
    if old == last or node.value != old or last in context.facts.bound:
        return None
    return node.with_changes(value=last)


def _imported(new, prefix, context):
    """Import what no name of the script leads to, and return its name."""
    if new.startswith("tensorflow.keras.backend."):
        local = context.facts.backend
        if local is None:
            local = "keras_backend" if context.facts.has_k else "K"
            context.imports[f"from tensorflow.keras import backend as {local}"] = None
        return syntax.dotted(f"{local}.{new.rpartition('.')[2]}")
    module, _, last = new.rpartition(".")
    context.imports[f"from {module} import {last}"] = None
    return cst.Name(last)


def with_imports(module: cst.Module, lines: Sequence[str]) -> cst.Module:
    """Return a script with more imports, after those at its top that include Keras.

    Args:
        module: The script.
        lines: The imports.
    """
    existing = {syntax.code(statement).strip() for statement in module.body}
    lines = [line for line in lines if line not in existing]
    if not lines:
        return module
    place = next((i for i, statement in enumerate(module.body) if _imports_keras(statement)), -1)
    while 0 <= place < len(module.body) - 1 and _goes_on(module.body[place + 1]):
        place += 1
    if place == -1 and module.body and _is_docstring(module.body[0]):
        place = 0
    new = [cst.parse_statement(line) for line in lines]
    return module.with_changes(body=[*module.body[: place + 1], *new, *module.body[place + 1 :]])


def _is_docstring(statement):
    return syntax.code(statement).strip().startswith(('"', "'"))


def _goes_on(statement):
    """Return whether a statement continues the block of imports."""
    starts_cell = any(
        line.comment is not None and line.comment.value.startswith(CELL)
        for line in statement.leading_lines
    )
    text = syntax.code(statement.with_changes(leading_lines=[])).strip()
    return not starts_cell and text.startswith(("import ", "from "))


def _imports_keras(statement):
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        return False
    return any(
        line.strip().startswith(("import ", "from ")) and ("keras" in line or "tensorflow" in line)
        for line in syntax.code(statement).splitlines()
    )
