"""A release has one version, and its workflow, container and citation name what exists."""

import re

import yaml
from documentation import ROOT, fenced_blocks, read

import keras_cnn
from keras_cnn import cases

READ = {"contents": "read"}


def test_changelog_and_citation_have_the_version_of_the_package():
    released = re.findall(r"^## \[(\d\S*)\] – (\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.M)
    citation = yaml.safe_load(read("CITATION.cff"))
    assert released[0] == (keras_cnn.__version__, str(citation["date-released"]))
    assert citation["version"] == keras_cnn.__version__


def test_only_the_job_that_publishes_gets_a_token_of_pypi():
    workflow = yaml.safe_load(read(".github/workflows/release.yml"))
    jobs = workflow["jobs"]
    rights = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}
    assert rights == {"publish": {"id-token": "write"}} and workflow["permissions"] == READ
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["needs"] == "test" and jobs["test"]["needs"] == "build"
    assert any("TAG#v" in step.get("run", "") for step in jobs["build"]["steps"])
    lines = [step.get("run", "") for step in jobs["test"]["steps"]]
    (name,) = re.findall(r"keras-cnn case (\w+)", "\n".join(lines))
    assert name in cases.summaries()


def test_the_container_is_built_from_files_that_exist():
    sources = re.findall(r"^!(\S+)$", read("docker/Dockerfile.dockerignore"), re.M)
    assert sources and all((ROOT / name).exists() for name in sources)
    arguments = set(re.findall(r"^ARG (\w+)", read("docker/Dockerfile"), re.M))
    commands = "\n".join(text for _, text in fenced_blocks("README.md") if "docker build" in text)
    assert set(re.findall(r"--build-arg (\w+)", commands)) == arguments
