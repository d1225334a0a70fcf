"""Read and change the pieces of a syntax tree: arguments, dotted names, strings."""

import ast
import re
from collections.abc import Callable, Sequence

import libcst as cst

_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def code(node: cst.CSTNode | None) -> str:
    """Return the text of a node."""
    return "" if node is None else cst.Module([]).code_for_node(node)


def dotted(name: str) -> cst.Name | cst.Attribute:
    """Return the node of a dotted name."""
    return cst.parse_expression(name)


def parts(node: cst.CSTNode) -> tuple[cst.Name | None, list[str]]:
    """Return the first name of a dotted name, and the names after it; (None, []) if it is none."""
    names = []
    while isinstance(node, cst.Attribute):
        names.append(node.attr.value)
        node = node.value
    return (node, names[::-1]) if isinstance(node, cst.Name) else (None, [])


def argument(
    args: Sequence[cst.Arg], name: str, *, position: int | None = None
) -> cst.BaseExpression | None:
    """Return the value of an argument, or None.

    Args:
        args: The arguments of a call.
        name: Its keyword.
        position: Its place where it has no keyword.
    """
    for index, arg in enumerate(args):
        if arg.star:
            return None
        if arg.keyword is not None and arg.keyword.value == name:
            return arg.value
        if arg.keyword is None and index == position:
            return arg.value
    return None


def has(args: Sequence[cst.Arg], *names: str) -> bool:
    """Return whether one of the keywords is passed."""
    return any(arg.keyword is not None and arg.keyword.value in names for arg in args)


def without(args: Sequence[cst.Arg], *names: str) -> list[cst.Arg]:
    """Return the arguments but those of the keywords."""
    kept = [arg for arg in args if arg.keyword is None or arg.keyword.value not in names]
    return _closed(kept, args)


def with_argument(args: Sequence[cst.Arg], name: str, value: cst.BaseExpression) -> list[cst.Arg]:
    """Return the arguments with a value for a keyword, in its old place or at the end."""
    changed = [
        arg.with_changes(value=value) if arg.keyword and arg.keyword.value == name else arg
        for arg in args
    ]
    if has(args, name):
        return changed
    new = cst.Arg(value, cst.Name(name), equal=_EQUAL)
    if not args:
        return [new]
    last = args[-1]
    if isinstance(last.comma, cst.Comma):
        return [*args[:-1], last.with_changes(comma=COMMA), new.with_changes(comma=last.comma)]
    blank = last.whitespace_after_arg
    last = last.with_changes(comma=COMMA, whitespace_after_arg=cst.SimpleWhitespace(""))
    return [*args[:-1], last, new.with_changes(whitespace_after_arg=blank)]


def renamed(args: Sequence[cst.Arg], table: dict[str, str]) -> list[cst.Arg]:
    """Return the arguments under their new keywords.

    Args:
        args: The arguments of a call.
        table: Old keyword -> new keyword.
    """
    return [
        arg.with_changes(keyword=arg.keyword.with_changes(value=table[arg.keyword.value]))
        if arg.keyword is not None and arg.keyword.value in table
        else arg
        for arg in args
    ]


def named(args: Sequence[cst.Arg], names: Sequence[str], *, after: int = 0) -> list[cst.Arg]:
    """Return the arguments with keywords in place of positions.

    Args:
        args: The arguments of a call.
        names: Keywords of the positions.
        after: Number of positions that stay.
    """
    return [
        arg.with_changes(keyword=cst.Name(names[index]), equal=_EQUAL)
        if arg.keyword is None and not arg.star and after <= index < len(names)
        else arg
        for index, arg in enumerate(args)
    ]


def merged(args: Sequence[cst.Arg], first: int, number: int) -> list[cst.Arg]:
    """Return the arguments with some neighbours merged into one tuple.

    Args:
        args: The arguments of a call.
        first: Place of the first neighbour.
        number: Number of neighbours.
    """
    values = [arg.value for arg in args[first : first + number]]
    last = args[first + number - 1]
    return [
        *args[:first],
        last.with_changes(value=tuple_of(values)),
        *args[first + number :],
    ]


def tuple_of(values: Sequence[cst.BaseExpression]) -> cst.BaseExpression:
    """Return the tuple of some values."""
    return cst.parse_expression(f"({', '.join(map(code, values))}{',' * (len(values) == 1)})")


def _closed(kept, args):
    """Give the last argument the end that the last one had before."""
    if not kept or not args or kept[-1] is args[-1]:
        return kept
    last = args[-1]
    end = {"comma": last.comma, "whitespace_after_arg": last.whitespace_after_arg}
    return [*kept[:-1], kept[-1].with_changes(**end)]


def literal(node: cst.CSTNode | None) -> object:
    """Return the value of a literal; None for any other node."""
    try:
        return ast.literal_eval(code(node).strip()) if node is not None else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def is_integer(node: cst.CSTNode | None) -> bool:
    """Return whether an expression is an integer for certain."""
    text = code(node).strip()
    if re.match(r"(int|len|round|math\.ceil|math\.floor|max|min)\(", text):
        return isinstance(node, cst.Call)
    if isinstance(node, cst.BinaryOperation):
        if isinstance(node.operator, cst.FloorDivide):
            return not isinstance(node.left, cst.Float) and not isinstance(node.right, cst.Float)
        exact = isinstance(node.operator, cst.Add | cst.Subtract | cst.Multiply)
        return exact and is_integer(node.left) and is_integer(node.right)
    return isinstance(literal(node), int)


def last_string(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the string that ends the text which an expression makes, or None."""
    match node:
        case cst.SimpleString():
            return node
        case cst.FormattedString(parts=[*_, cst.FormattedStringText()]):
            return node
        case cst.BinaryOperation(operator=cst.Add(), right=right):
            return last_string(right)
        case cst.BinaryOperation(operator=cst.Modulo(), left=left):
            return last_string(left)
        case cst.BinaryOperation(operator=cst.Divide(), right=right):
            return last_string(right)
        case cst.Call(func=cst.Attribute(value=text, attr=cst.Name(value="format"))):
            return last_string(text)
        case cst.Call(func=cst.Name(value="str" | "Path"), args=[cst.Arg(value=value)]):
            return last_string(value)
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="join")), args=[*_, last]):
            return last_string(last.value)
        case cst.ConcatenatedString(right=right):
            return last_string(right)
    return None


def ending(node: cst.BaseExpression) -> str:
    """Return the last characters of a string's text."""
    if isinstance(node, cst.FormattedString):
        return node.parts[-1].value
    value = literal(node)
    return value if isinstance(value, str) else ""


def with_ending(node: cst.BaseExpression, change: Callable[[str], str]) -> cst.BaseExpression:
    """Return a string with another end.

    Args:
        node: A string that `last_string` returned.
        change: Returns the new text of the last part.
    """
    if isinstance(node, cst.FormattedString):
        last = node.parts[-1]
        return node.with_changes(
            parts=[*node.parts[:-1], last.with_changes(value=change(last.value))]
        )
    quote = len(node.quote)
    start = len(node.prefix) + quote
    return node.with_changes(
        value=node.value[:start] + change(node.value[start:-quote]) + node.value[-quote:]
    )


def string(text: str, *, like: cst.BaseExpression) -> cst.SimpleString:
    """Return a string literal in the quotes of another one.

    Args:
        text: Its text, without quotes.
        like: The literal that it replaces.
    """
    quote = like.quote if isinstance(like, cst.SimpleString) else '"'
    return cst.SimpleString(f"{quote}{text}{quote}")
