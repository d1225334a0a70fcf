"""Which mirrors are in use: the option, the variable, the configuration file, in this order."""

import json

import pytest
from download_server import BIRDS, BIRDS_ARRANGED, tree

from keras_cnn import InputError, downloads, mirrors
from keras_cnn.cli import main


@pytest.fixture
def configure(tmp_path, monkeypatch):
    """Return a function that writes the configuration file, and its path."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    path = tmp_path / "settings" / "keras_cnn" / "config.toml"
    path.parent.mkdir(parents=True)
    return path.write_text, path


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        ("https://a.example/x", ("https://a.example/x", "direct")),
        (" /media/usb , direct,, http://b.example", ("/media/usb", "direct", "http://b.example")),
        ("direct", ("direct",)),
        ("C:\\mirror", ("C:\\mirror", "direct")),
    ],
)
def test_the_publisher_is_last_unless_the_list_says_where(text, roots, monkeypatch):
    monkeypatch.setenv("KERAS_CNN_MIRRORS", text)
    assert mirrors.in_use() == (roots, "KERAS_CNN_MIRRORS")


def test_without_settings_only_the_publisher_is_asked():
    assert mirrors.in_use() == (("direct",), "")


def test_the_option_counts_before_the_variable_and_the_variable_before_the_file(
    configure, monkeypatch
):
    write, path = configure
    write('mirrors = ["direct", "https://file.example"]\n')
    assert mirrors.in_use() == (("direct", "https://file.example"), str(path))
    monkeypatch.setenv("KERAS_CNN_MIRRORS", "/variable")
    with mirrors.chosen(["/option,/second", "/third"]):
        assert mirrors.in_use().roots == ("/option", "/second", "/third", "direct")
    assert mirrors.in_use().roots == ("/variable", "direct")
    with mirrors.chosen(None):
        assert mirrors.in_use().roots == ("/variable", "direct")


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("ftp://a.example", "must be an http.s. address, a folder or 'direct'; received 'ftp"),
        ("https://", "must be an http"),
        ("https://me:secret@a.example", "must have no password"),
    ],
)
def test_a_root_of_another_kind_is_refused(root, message, monkeypatch):
    monkeypatch.setenv("KERAS_CNN_MIRRORS", root)
    with pytest.raises(InputError, match=message) as caught:
        mirrors.in_use()
    assert "KERAS_CNN_MIRRORS" in str(caught.value) and "secret" not in str(caught.value)
    with pytest.raises(InputError, match="correct --mirror"), mirrors.chosen([root]):
        pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mirrors = [", "must be a TOML file"),
        ("mirror = ['/usb']", "may have one line, mirrors = .*received .'mirror'"),
        ("mirrors = '/usb'", "may have one line, mirrors = .*received '/usb'"),
        ("mirrors = [3]", "may have one line, mirrors = "),
    ],
)
def test_a_configuration_file_that_cannot_be_used_is_named(text, message, configure, capsys):
    write, path = configure
    write(text)
    with pytest.raises(InputError, match=message) as caught:
        mirrors.in_use()
    assert str(path) in str(caught.value)
    assert main(["doctor", "--fast"]) == 1
    assert str(path) in capsys.readouterr().out.partition("faults:")[2]


def test_doctor_shows_the_mirrors_and_where_they_were_set(configure, monkeypatch, capsys):
    write, path = configure
    assert main(["doctor", "--fast"]) == 0
    assert f"mirrors: none set in KERAS_CNN_MIRRORS or {path}" in capsys.readouterr().out
    write('mirrors = ["/usb"]')
    main(["doctor", "--fast"])
    assert f"mirrors: /usb, direct (set in {path})" in capsys.readouterr().out
    monkeypatch.setenv("KERAS_CNN_MIRRORS", "https://a.example")
    main(["doctor", "--fast", "--json"])
    shown = json.loads(capsys.readouterr().out)["mirrors"]
    assert shown == "https://a.example, direct (set in KERAS_CNN_MIRRORS)"


def test_fetch_takes_a_set_from_the_mirror_of_its_option(place, publish, publisher, tmp_path):
    publish("birds", BIRDS)
    publisher.files.clear()
    archive = tmp_path / "usb" / "birds" / "CUB_200_2011.tgz"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(BIRDS[archive.name])
    assert main(["fetch", "birds", "--mirror", str(tmp_path / "usb")]) == 0
    assert tree(place / "birds") == BIRDS_ARRANGED


@pytest.mark.parametrize(
    "words",
    [
        ["train", "{stripes}", "--model", "vgg16", "--weights", "imagenet"],
        ["lr-find", "{stripes}", "--model", "vgg16", "--weights", "imagenet"],
        ["train-detector", "{boxes}", "--weights", "imagenet"],
    ],
)
def test_a_training_asks_the_mirror_of_its_option_for_weights(
    words, stripes, cache, tmp_path, monkeypatch, capsys
):
    from keras_cnn.datasets.synthetic import draw as synthetic

    synthetic.shapes.write(tmp_path / "set", split_sizes={"train": 4, "val": 1, "test": 2})
    asked = []

    def refuse(address, file, *, secure):
        asked.append(address)
        raise downloads._Refused("no network")

    monkeypatch.setattr(downloads, "_receive", refuse)
    words = [word.format(stripes=stripes, boxes=tmp_path / "set") for word in words]
    words += ["--image-size", "32"] if words[0] != "train-detector" else []
    assert main([*words, "--out", str(tmp_path / "out"), "--mirror", "https://a.example"]) == 2
    assert asked[0].startswith("https://a.example/models/")
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and f"{asked[0]} (no network)" in errors[0]
    assert list(tmp_path.glob("out/*")) == []


def test_a_weights_file_that_is_a_web_page_ends_a_training_with_one_sentence(
    stripes, tmp_path, capsys
):
    from keras_cnn.datasets.synthetic import draw as synthetic

    synthetic.shapes.write(tmp_path / "set", split_sizes={"train": 4, "val": 1, "test": 2})
    page = tmp_path / "page.h5"
    page.write_bytes(b"<html>Please log in</html>")
    for words in (
        ["train", str(stripes), "--model", "mobilenet", "--image-size", "32"],
        ["lr-find", str(stripes), "--model", "mobilenet", "--image-size", "32"],
        ["train-detector", str(tmp_path / "set")],
    ):
        out = tmp_path / "out"
        assert main([*words, "--weights", str(page), "--out", str(out)]) == 2, words
        errors = [
            line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")
        ]
        assert len(errors) == 1 and f"{page} is a web page" in errors[0], words
        assert list(tmp_path.glob("out/*")) == [], words
