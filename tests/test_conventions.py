"""Rules for every module: docstrings, imports, the README."""

import configparser
import importlib
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keras_cnn

ROOT = Path(keras_cnn.__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "README.zh-CN.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "data/README.md",
    "docs/ARCHITECTURE.md",
    "docs/CAPTIONS.md",
    "docs/DOCUMENTS.md",
    "docs/KERAS2.md",
    "docs/PERFORMANCE.md",
    "docs/RCNN.md",
    "docs/RESULTS.md",
    "notebooks/README.md",
    "notebooks/zh/README.md",
]


def _modules():
    yield keras_cnn
    for module in pkgutil.walk_packages(keras_cnn.__path__, "keras_cnn."):
        if not module.name.endswith("__main__"):
            yield importlib.import_module(module.name)


def _callables():
    """Yield the name and the function of every public function and method."""
    for module in _modules():
        for name, member in vars(module).items():
            if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(member):
                yield f"{module.__name__}.{name}", member
            elif inspect.isclass(member):
                for method, function in vars(member).items():
                    if inspect.isfunction(function) and (method[0] != "_" or method == "__init__"):
                        yield f"{module.__name__}.{name}.{method}", function


def _documented(docstring):
    """Return the names under ``Args:`` of a Google docstring; None without this section."""
    section = re.search(r"^( *)Args:\n((?:\1 +.*\n|\n)*)", inspect.cleandoc(docstring) + "\n", re.M)
    if not section:
        return None
    entries = re.findall(r"^ {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*):", section[2], re.M)
    return [name for entry in entries for name in entry.split(", ")]


def _parameters(function):
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    parameters = inspect.signature(function).parameters.values()
    return [stars.get(p.kind, "") + p.name for p in parameters if p.name not in ("self", "cls")]


def test_every_docstring_lists_the_arguments_of_its_signature():
    wrong = {}
    for name, function in _callables():
        documented = _documented(function.__doc__ or "")
        if documented is not None and documented != _parameters(function):
            wrong[name] = f"Args: {documented}, signature: {_parameters(function)}"
    assert not wrong


def test_the_docstring_check_detects_a_missing_and_a_renamed_argument():
    def function(first, *, second):
        """Text.

        Args:
            first: The first argument.
            third: Renamed.

        Returns:
            Nothing.
        """

    assert _documented(function.__doc__) == ["first", "third"] != _parameters(function)


def test_imports_point_down_only():
    pytest.importorskip("importlinter")
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout


def test_help_needs_neither_keras_nor_opencv():
    for module in ("keras_cnn", "keras_cnn.recipe", *_cases()):
        code = f"import sys; sys.path.insert(0, 'cases'); import {module}; print(*sys.modules)"
        run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        assert not {"keras", "tensorflow", "cv2", "pandas", "scipy"} & set(run.stdout.split()), (
            module
        )


def test_every_file_of_the_package_that_is_not_python_is_shipped():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    shipped = config["options.package_data"]["keras_cnn"].split()
    package = ROOT / "keras_cnn"
    others = [
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.name != ".DS_Store"
    ]
    assert {path.name for path in others} >= {"py.typed", "report.css"}
    for path in others:
        name = path.relative_to(package)
        assert any(name.match(pattern) for pattern in shipped), f"{name}: not in package_data"


def _cases():
    return [path.stem for path in (ROOT / "cases").glob("*.py")]


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_has_the_two_lines_that_ci_runs(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    lines = re.findall(r"^python3 -m venv \.venv && .*$", text, re.M)
    assert "cases/calligraphy_alexnet.py" in lines[0] and "-m pytest -n auto" in lines[1]
    assert "grep -m1 'python -m pytest' README.md" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_to_a_file(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_every_test_file_named_by_security_md_exists():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    names = re.findall(r"`(tests/[^`]*\.py)`", text)
    assert names and [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/ARCHITECTURE.md"])
def test_the_documented_floors_are_those_of_the_import_contract(page):
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    floors = re.sub(r"keras_cnn\.|[()]", "", settings["importlinter:contract:down"]["layers"])
    text = (ROOT / page).read_text(encoding="utf-8")
    assert floors.strip() in inspect.cleandoc(re.search(r"```\n( *cli\n.*?)\n *```", text, re.S)[1])


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_tables_of_results_are_the_output_of_the_script(readme):
    spec = importlib.util.spec_from_file_location("results", ROOT / "benchmarks" / "results.py")
    results = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(results)
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert results.with_tables(text, readme) == text


def test_the_architecture_page_names_every_module_and_no_missing_file():
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w/]+\.(?:py|css)\b", text))
    folders = ("keras_cnn", "cases", "tests", "benchmarks")
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*.*")
    }

    def is_at(name, path):
        return f"/{path}".endswith(f"/{name}")

    assert [name for name in named if not any(is_at(name, path) for path in files)] == []
    modules = [
        path
        for path in files
        if path.startswith("keras_cnn/") and path.endswith(".py") and "__" not in path
    ]
    assert [path for path in modules if not any(is_at(name, path) for name in named)] == []
