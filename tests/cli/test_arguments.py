"""Arguments of every command: their order."""

import argparse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cnn import cli

POSITIONALS = {"model": ["run"], "folder": ["pets"], "name": ["birds"], "run": ["run"]}
POSITIONALS |= {
    "place": ["runs"],
    "picture": ["cat.jpg"],
    "paths": ["a.png", "-", "图.png"],
    "runs": ["runs/a", "runs/b"],
    "scripts": ["a.py", "b.ipynb"],
}


def _parser(command):
    module, _ = cli.COMMANDS[command]
    return cli._command_parser(command, module)


def _words(action):
    """Return an option with a value that its type accepts."""
    if action.nargs == 0:
        return [action.option_strings[-1]]
    if action.choices:
        return [action.option_strings[-1], str(list(action.choices)[-1])]
    return [action.option_strings[-1], "text" if action.type in (None, str) else "1"]


@pytest.mark.parametrize("command", cli.COMMANDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_arguments_may_come_in_any_order(command, data):
    parser = _parser(command)
    # Of options that exclude one another, only one is passed.
    others = [a for group in parser._mutually_exclusive_groups for a in group._group_actions[1:]]
    actions = [a for a in parser._actions if a.dest != "help" and a not in others]
    options = [_words(action) for action in actions if action.option_strings]
    positionals = [
        word for action in actions if not action.option_strings for word in POSITIONALS[action.dest]
    ]
    in_order = [*positionals, *(word for option in options for word in option)]
    expected = _parser(command).parse_args(in_order)
    mixed = data.draw(st.permutations([*options, *([None] * len(positionals))]))
    remaining = iter(positionals)
    words = [word for item in mixed for word in ([next(remaining)] if item is None else item)]
    # Of two options for one value, such as --format and --json, the last wins.
    twice = {a.dest for a in actions if sum(a.dest == b.dest for b in actions) > 1}
    for name, value in vars(_parser(command).parse_args(words)).items():
        assert name in twice or value == getattr(expected, name)


def test_a_class_name_does_not_hide_the_picture_after_it():
    options = _parser("explain").parse_args(["run", "--class", "dog", "cat.jpg"])
    assert (options.class_name, options.paths) == ("dog", ["cat.jpg"])


def test_after_two_hyphens_a_name_may_begin_with_one():
    options = _parser("predict").parse_args(["run", "--top-k", "2", "--", "-cat.jpg"])
    assert isinstance(options, argparse.Namespace) and options.paths == ["-cat.jpg"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--clas", "dog", "cat.jpg"], "unknown option --clas; did you mean --class?"),
        (["--class", "dog"], "required: RUN"),
    ],
)
def test_an_unknown_option_and_a_missing_argument_are_named(words, message, capsys):
    with pytest.raises(SystemExit):
        _parser("explain").parse_args(words)
    assert message in capsys.readouterr().err
