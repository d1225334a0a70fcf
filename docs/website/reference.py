"""The reference: a page per module of the public API, and a page per command."""

import argparse
import importlib
import inspect
import re

from keras_cnn import i18n

WORDS = {
    "en": {
        "api": "Python API",
        "api_text": "The names that `import keras_cnn` offers, and the modules with further names.",
        "api_note": "",
        "commands": "Commands",
        "commands_text": "`keras-cnn COMMAND --help` prints the same text in the terminal.",
        "name": "name",
        "meaning": "meaning",
        "command": "command",
        "usage": "Usage",
        "arguments": "Arguments",
        "options": "Options",
        "note": "",
    },
    "zh": {
        "api": "Python 接口",
        "api_text": "`import keras_cnn` 提供的名称，以及含有其他名称的各个模块。",
        "api_note": "接口说明取自源代码中的文档字符串，只有英文。",
        "commands": "命令",
        "commands_text": "在终端里运行 `keras-cnn 命令 --help`，会显示同样的内容。",
        "name": "名称",
        "meaning": "含义",
        "command": "命令",
        "usage": "用法",
        "arguments": "参数",
        "options": "选项",
        "note": "选项的说明取自命令本身的 `--help`。",
    },
}


def api(language: str) -> dict[str, str]:
    """Return the pages of the API: path in the site -> Markdown.

    Args:
        language: "en" or "zh".
    """
    import keras_cnn

    words, pages, homes = WORDS[language], {}, {}
    modules = [n for n in keras_cnn.__all__ if inspect.ismodule(getattr(keras_cnn, n))]
    for module in modules:
        path = f"keras_cnn.{module}"
        names = _names(importlib.import_module(path))
        things = {name: getattr(importlib.import_module(path), name) for name in names}
        new = [name for name in names if id(things[name]) not in homes]
        homes |= {id(things[name]): path for name in new}
        pages[f"reference/{module}.md"] = _module(path, new)
    own = [name for name in keras_cnn.__all__ if name not in (*modules, "__version__")]
    rows, here = [], []
    for name in sorted(own, key=str.lower):
        thing = getattr(keras_cnn, name)
        home = homes.get(id(thing), "keras_cnn")
        if home == "keras_cnn":
            here.append(name)
        summary = _escaped((inspect.getdoc(thing) or "").partition("\n")[0])
        rows.append(f"| {{py:obj}}`keras_cnn.{name} <{home}.{name}>` | {summary} |")
    head = f"# {words['api']}\n\n{words['api_text']}{words['api_note']}".rstrip()
    table = f"| {words['name']} | {words['meaning']} |\n|---|---|\n" + "\n".join(rows)
    tree = "\n".join(modules)
    pages["reference/api.md"] = (
        f"{head}\n\n{table}\n\n```{{toctree}}\n:maxdepth: 1\n\nkeras_cnn\n{tree}\n```\n"
    )
    pages["reference/keras_cnn.md"] = _module("keras_cnn", here)
    return pages


def commands(language: str) -> dict[str, str]:
    """Return the pages of the commands: path in the site -> Markdown.

    Args:
        language: "en" or "zh".
    """
    from keras_cnn import cli

    words, pages, rows = WORDS[language], {}, []
    for name, (module, line) in cli.COMMANDS.items():
        with i18n.using(language):
            parser, line = cli._command_parser(name, module), i18n.translated(line)
        pages[f"reference/commands/{name}.md"] = command(parser, language=language)
        rows.append(f"| [`{name}`](commands/{name}.md) | {_escaped(line)} |")
    tree = "\n".join(f"commands/{name}" for name in cli.COMMANDS)
    table = f"| {words['command']} | {words['meaning']} |\n|---|---|\n" + "\n".join(rows)
    pages["reference/commands.md"] = (
        f"# {words['commands']}\n\n{words['commands_text']}\n\n{table}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )
    return pages


def command(parser: argparse.ArgumentParser, *, language: str) -> str:
    """Return the page of a command, from its parser, which may translate its own texts.

    Args:
        parser: The parser.
        language: "en" or "zh".
    """
    words = WORDS[language]
    titles = {"positional arguments": words["arguments"], "options": words["options"]}
    usage = argparse.HelpFormatter(prog=parser.prog, width=88)
    usage.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, "")
    with i18n.using(language):
        formatter = parser._get_formatter()
        note = words["note"] if formatter._expand_help(parser._actions[0]).isascii() else ""
        parts = [f"# {parser.prog}", _description(parser.description or "", formatter), note]
        parts += [f"## {words['usage']}", f"```text\n{usage.format_help()}```"]
        for group in parser._action_groups:
            actions = [a for a in group._group_actions if a.help != argparse.SUPPRESS]
            if actions:
                title = titles.get(group.title) or _heading(group.title or "", formatter)
                parts += [f"## {_escaped(title)}", _escaped(group.description or "")]
                parts += [_action(action, formatter) for action in actions]
        parts.append(_description(parser.epilog or "", formatter))
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(title, formatter):
    """Return the title of a group as the formatter shows it."""
    formatter.start_section(title)
    heading = formatter._current_section.heading
    formatter.end_section()
    return heading


def _action(action, formatter):
    """Return an argument as an entry of a list of definitions."""
    text = " ".join(formatter._expand_help(action).split()) if action.help else ""
    text = _escaped(text) or ", ".join(f"`{choice}`" for choice in action.choices or ("—",))
    return f"`{formatter._format_action_invocation(action)}`\n: {text}"


def _description(text, formatter):
    """Return a description; its indented lines are shown as they are."""
    blocks = []
    for block in formatter._fill_text(text, 10_000, "").split("\n\n"):
        as_is = any(line.startswith("  ") for line in block.splitlines())
        blocks.append(f"```text\n{block}\n```" if as_is else _escaped(block))
    return "\n\n".join(blocks)


def _names(module):
    names = getattr(module, "__all__", None) or [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]
    return [name for name in names if isinstance(name, str)]


def _module(path, names):
    """Return the page of a module: its docstring, then its classes and functions."""
    module = importlib.import_module(path)
    parts = [f"# {path}", f"```{{eval-rst}}\n.. automodule:: {path}\n   :no-members:\n```"]
    for name in sorted(names, key=str.lower):
        thing = getattr(module, name)
        if inspect.ismodule(thing):
            parts.append(_part(thing))
            continue
        kind = "autoclass" if inspect.isclass(thing) else "autofunction"
        if kind == "autofunction" and not inspect.isroutine(thing):
            continue  # a constant
        members = "\n   :members:" if kind == "autoclass" else ""
        parts.append(f"```{{eval-rst}}\n.. {kind}:: {path}.{name}{members}\n```")
    return "\n\n".join(parts) + "\n"


def _part(module):
    """Return the functions and classes of a module inside a module."""
    parts = [f"## {module.__name__}", f"```{{eval-rst}}\n.. automodule:: {module.__name__}"]
    return "\n\n".join([parts[0], parts[1] + "\n   :members:\n```"])


def _escaped(text):
    """Escape the signs that Markdown reads, outside of backquotes."""
    text = re.sub(r"``(.+?)``", r"`\1`", text)
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(
        part if number % 2 else re.sub(r"([\\*_<>\[\]{}|$#])", r"\\\1", part)
        for number, part in enumerate(parts)
    )
