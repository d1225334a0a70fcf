"""Every example of the documentation works: blocks run, commands are accepted, options exist.

Every command of a block, and every Python block, runs in a folder that has the pictures and runs
that the examples name. `EXTRA` and `SMALLER` make them small; ``-m slow`` runs the networks that
the examples name. A command in running text is parsed only, since it may have placeholders. An
example of a program that this file does not know fails: add it to `_check_form` or `_accept`.
"""

import argparse
import ast
import configparser
import contextlib
import functools
import hashlib
import importlib.util
import io
import re
import shlex
import shutil
import sys
from pathlib import Path

import documentation
import numpy as np
import pytest
from documentation import ROOT, SCRIPTS
from download_server import BIRDS, running
from PIL import Image

import keras_cnn
from keras_cnn import cli, models
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.detection.detector import Detector
from keras_cnn.models import weights

COMMANDS = documentation.commands()
EXTRA = {  # options after those of an example, which they replace
    "studio": "--port 0 --no-browser",
    "clean": "--image-size 32",
    "learning-curve": "--image-size 32 --seeds 2",
    "train": "--image-size 32 --epochs 1 --batch-size 8",
    "lr-find": "--image-size 32 --batch-size 8 --steps 20",
    "calligraphy_alexnet": "--data my_pictures --image-size 67 --epochs 1 --batch-size 8",
}
SMALL_MODEL = {
    "clean": "--model vgg16 --weights imagenet",
    "learning-curve": "--model vgg16 --weights imagenet",
    "train": "--model vgg16 --out runs/pets_resnet50",
    "lr-find": "--model book.lenet5",
}
SMALLER = {  # text of a Python example -> what runs instead
    "image_size=227": "image_size=67, epochs=1, batch_size=8",
    "image_size=224, epochs=5": "image_size=32, epochs=1, batch_size=8",
    "target_size=(224, 224)": "target_size=(24, 24)",
    "epochs=10": "epochs=1",
}
TEXT_BLOCKS = ("data/calligraphy/train/", "samples/calligraphy/", "cli\n")  # beginnings
BUILDERS = {  # networks whose published weights an example loads
    "vgg16": models.VGG16,
    "resnet50": models.ResNet50,
    "mobilenet_2_5_224": functools.partial(models.MobileNet, alpha=0.25),
}


def _with_id(examples):
    return [pytest.param(example, id=example.text[:60]) for example in examples]


class _Accepted(Exception):
    """A script's parser has accepted the options."""


# ---------------------------------------------------------------- commands are accepted


def _words(command):
    """Return the words of a command, from its program on: "-m pip" and ".venv/bin/pip" are pip."""
    if "benchmarks/" in command:
        command = re.sub(r"[\[\]]", "", command)  # around optional arguments
    words = shlex.split(re.sub(r"^(?:[A-Z_]+=\S+ )+", "", command))
    words[0] = words[0].removeprefix(".venv/bin/")
    if words[0] in ("python", "python3"):
        words = words[1:]
    return words[1:] if words[0] == "-m" else words


def _unrolled(command):
    """Return the commands of a line: those between ``&&``, or those of a loop over names."""
    if loop := re.fullmatch(r"for (\w+) in ([^;]+); do (.*?)(?: > \S+)?; done", command):
        return [loop[3].replace(f"${loop[1]}", value) for value in loop[2].split()]
    return command.split(" && ")


def _accept(command, *, is_block):
    """Fail if a program would refuse the command's options."""
    program, *options = _words(command)
    path = ROOT / program
    if program == "keras-cnn":
        _accept_keras_cnn(options, is_block=is_block)
    elif path.parent.name == "cases":
        recipe = documentation.load_script(path).RECIPE
        with contextlib.suppress(SystemExit) if options == ["--help"] else contextlib.nullcontext():
            recipe.parse(options)
    elif path.suffix == ".py":
        _accept_script(path, options)
    else:
        _check_form(program, options)


def _accept_keras_cnn(words, *, is_block):
    name, *options = words
    parsers = documentation.subcommands()
    if name == "COMMAND":
        assert options == ["--help"]
    elif is_block:
        parsers[name].parse_args(options)
    else:
        known = parsers[name]._option_string_actions
        assert {word for word in options if word.startswith("-")} <= set(known)


def _accept_script(path, options):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)
        script = documentation.load_script(path)
        parse = argparse.ArgumentParser.parse_args

        def parse_only(self, *arguments):
            parse(self, *arguments)
            raise _Accepted

        patch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
        if "…" in options:  # any value; look at the options only
            patch.setattr(argparse.ArgumentParser, "_check_value", lambda *_: None)
        patch.setattr(sys, "argv", [str(path), *options])
        with pytest.raises(_Accepted):
            script.main()


def _check_form(program, options):
    """Check what can be checked of a command that changes the machine."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    names = [option for option in options if not option.startswith("-")]
    if program == "venv":
        assert options == [".venv"]
    elif program == "pip":
        extras = set(settings["options.extras_require"])
        required = settings["options"]["install_requires"]
        for name in set(names) - {"install", ".", "keras-cnn"}:
            wanted = re.fullmatch(r"(?:\.|keras-cnn)\[(.*)\]", name)
            assert set(wanted[1].split(",")) <= extras if wanted else f"\n{name}>=" in required
    elif program == "pytest":
        others = set(options) - {"-n", "auto", "-m", "slow"}
        assert all((ROOT / name).is_file() for name in others)
    elif program == "pre-commit":
        assert options == ["install"] and (ROOT / ".pre-commit-config.yaml").exists()
    elif program == "jupyter":
        assert options[0] in ("lab", "nbconvert") and list(ROOT.glob(names[-1]))
    elif program == "keras_cnn.cases":
        assert options == ["NAME"]
    elif program == "docker":
        assert options[0] == "run" or (ROOT / options[options.index("-f") + 1]).is_file()
    elif program in ("apt-get", "npm"):
        page = documentation.read("data/README.md")
        assert names[0] == "install" and all(page.count(name) > 1 for name in names[1:])
    else:
        pytest.fail(f"{program} is unknown: register it in tests/test_documented_examples.py")


@pytest.mark.parametrize("example", _with_id(COMMANDS))
def test_a_documented_command_is_accepted(example):
    for command in _unrolled(example.text):
        _accept(command, is_block=example.is_block)


def test_every_documented_option_exists():
    parsers = documentation.subcommands().values()
    known = {"--help", "--version", *_options_of_scripts()}
    known |= {option for parser in parsers for option in parser._option_string_actions}
    texts = {path.name: documentation.docstring(path) for path in SCRIPTS}
    texts |= {f"{name} --help": documentation.help_text(name) for name in ["", *cli.COMMANDS]}
    option = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
    named = {name: set(option.findall(text)) for name, text in texts.items()}
    for page in documentation.PAGES:
        spans = documentation.spans(page)
        named[page] = {span.split()[0] for span in spans if span.startswith("--")}
    assert {name: options - known for name, options in named.items() if options - known} == {}


def _options_of_scripts():
    """Return the options of the cases and of the benchmarks, from their source."""
    options = {"--data", "--variant", "--skip-bad-boxes", "--listing", "--aux", "--stride"}
    for path in SCRIPTS:
        calls = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call))
        options |= {
            call.args[0].value
            for call in calls
            if getattr(call.func, "attr", "") == "add_argument"
            and str(call.args[0].value).startswith("--")
        }
    return options


@pytest.mark.parametrize("name", ["", *cli.COMMANDS])
def test_a_help_text_names_existing_commands_only(name):
    named = re.findall(r"keras-cnn (\S+)", documentation.help_text(name))
    assert named and set(named) <= {"COMMAND", *cli.COMMANDS}


@pytest.mark.parametrize("page", documentation.PAGES)
def test_every_block_is_a_command_python_or_a_known_text(page):
    for language, content in documentation.fenced_blocks(page):
        assert language in ("sh", "python") or content.startswith(TEXT_BLOCKS), content


@pytest.mark.parametrize("page", documentation.PAGES)
def test_every_source_file_that_a_page_names_exists(page):
    files = [path.as_posix() for path in (*ROOT.glob("*.py"), *ROOT.glob("[!.]*/**/*.py"))]
    named = [span for span in documentation.spans(page) if re.fullmatch(r"[\w/]+\.py", span)]
    assert [name for name in named if not any(f.endswith(f"/{name}") for f in files)] == []


# ---------------------------------------------------------------- blocks run


@pytest.fixture(scope="module")
def published():
    """Yield a server of weights."""
    with running() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        yield server


@pytest.fixture(scope="module")
def publish_weights(published, tmp_path_factory):
    """Return a function that publishes random weights of a network once."""
    folder, rows = tmp_path_factory.mktemp("weights"), {}

    def publish(name):
        if name not in rows:
            path = folder / f"{name}.weights.h5"
            BUILDERS[name](include_top=False).save_weights(path)
            content = path.read_bytes()
            published.files[path.name] = content
            digest = hashlib.sha256(content).hexdigest()
            rule = weights.FILES[name, False].rule
            rows[name] = weights.File(f"{published.url}/{path.name}", digest, rule)
        return rows[name]

    return publish


@pytest.fixture(scope="module")
def workshop(publish_weights, tmp_path_factory):
    """Return a folder with the pictures, lists and runs that the examples name."""
    folder = tmp_path_factory.mktemp("workshop")
    rng = np.random.default_rng(0)

    def draw(path, level):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(level, level + 150, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).resize((80, 80)).save(path)

    for data, labels in {
        "pets": ("cat", "dog"),
        "more_pets": ("cat", "dog"),
        "my_pictures": ("kaishu", "xingshu"),
    }.items():
        for split, count in (("train", 20), ("test", 4)):
            for label, level in zip(labels, (0, 100), strict=True):
                for index in range(count):
                    draw(folder / data / split / label / f"{split}{index}.jpg", level)
    synthetic.shapes.write(folder / "street_boxes", split_sizes={"train": 2, "val": 1})
    for name in ("holiday/1.jpg", "archive/1.jpg", "1.png", "cat.jpg", "street.jpg"):
        draw(folder / name, 50)
    (folder / "list.txt").write_text("cat.jpg\nholiday/1.jpg\n")
    (folder / "old_script.py").write_text("from keras.layers.core import Dense\n")
    (folder / "runs" / "pets_clean").mkdir(parents=True)
    (folder / "runs" / "pets_clean" / "suspects.csv").write_text("file,label\n")
    ssd = models.SSD300(base="mobilenet", alpha=0.25, classes=3)
    (folder / "runs" / "voc_ssd300").mkdir(parents=True)
    Detector(ssd, ("cat", "dog")).save(folder / "runs" / "voc_ssd300" / "model.keras")
    with pytest.MonkeyPatch.context() as patch:
        _prepare(patch, folder, publish_weights)
        assert _run("keras-cnn train pets --model vgg16 --weights imagenet", small=True) == 0
    shutil.copytree(folder / "runs" / "pets_resnet50", folder / "runs" / "pets_vgg16")
    return folder


def _prepare(patch, folder, publish_weights, networks=("vgg16", "mobilenet_2_5_224")):
    """Enter the folder; published weights come from the local server."""
    patch.chdir(folder)
    patch.setenv("KERAS_HOME", str(folder / "home"))
    patch.setenv("KERAS_CNN_DATA", str(folder / "data"))
    patch.setattr(sys, "stdin", io.StringIO("cat.jpg\n"))
    for name in networks:
        patch.setitem(weights.FILES, (name, False), publish_weights(name))


def _run(command, *, small):
    """Run a command, made small by `EXTRA`; return its exit code."""
    program, *options = _words(command)
    name = options[0] if program == "keras-cnn" else Path(program).stem
    if "--apply" in options:  # it moves files only
        return cli.main(options)
    extra = shlex.split(EXTRA.get(name, "") + " " + (SMALL_MODEL.get(name, "") if small else ""))
    if program == "keras-cnn":
        return cli.main([*options, *extra])
    if name not in EXTRA:
        pytest.fail(f"{name} is unknown: add options that make it small to EXTRA")
    main = documentation.load_script(ROOT / program).main
    if options == ["--help"]:
        with pytest.raises(SystemExit, match="0"):
            main(options)
        return 0
    return 0 if main([*options, *extra])["test"] else 1


RUNNABLE = [
    example
    for example in COMMANDS
    if example.is_block and re.match(r"keras-cnn |\S*python cases/", example.text)
]
LARGE = [example for example in RUNNABLE if "--model" in example.text]


@pytest.fixture
def in_workshop(workshop, publish_weights, place, publish, undrawn, monkeypatch):
    """Work in the folder, with a local server of data sets and without figures."""
    publish("birds", BIRDS)
    _prepare(monkeypatch, workshop, publish_weights)
    if importlib.util.find_spec("uvicorn"):  # the studio serves until Ctrl-C
        monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
    return workshop


@pytest.mark.parametrize("example", _with_id(RUNNABLE))
def test_a_documented_command_runs(example, in_workshop):
    if "--format onnx" in example.text:
        pytest.importorskip("tf2onnx")
    code = _run(_unrolled(example.text)[-1], small=True)
    assert code == 0 or (code == 1 and "doctor" in example.text)  # 1: this machine lacks something


@pytest.mark.slow
@pytest.mark.parametrize("example", _with_id(LARGE))
def test_a_documented_command_runs_with_its_own_network(
    example, in_workshop, publish_weights, monkeypatch
):
    _prepare(monkeypatch, in_workshop, publish_weights, networks=BUILDERS)
    assert _run(example.text, small=False) == 0


@pytest.mark.parametrize("example", _with_id(documentation.python_blocks()))
def test_a_documented_python_block_runs(example, in_workshop, capsys):
    if "import onnxruntime" in example.text:
        pytest.importorskip("onnxruntime")
        pytest.importorskip("tf2onnx")
    exec(_small(example.text), {})
    assert capsys.readouterr().out


def _small(code):
    for text, smaller in SMALLER.items():
        code = code.replace(text, smaller)
    return code


@pytest.mark.parametrize("example", _with_id(documentation.docstring_examples()))
def test_an_example_of_a_docstring_runs(example, in_workshop):
    names = {name: getattr(keras_cnn, name) for name in keras_cnn.__all__}
    module = sys.modules.get(example.page)
    model = models.SoftmaxRegression((24, 24, 3), 2)
    model.compile("sgd", "categorical_crossentropy")
    exec(_small(example.text), names | vars(module) | {"model": model})
