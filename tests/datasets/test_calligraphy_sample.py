"""The built-in calligraphy set is as `data/README.md` describes it; its script is reproducible."""

import importlib.util
import itertools
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
SET = SAMPLES / "calligraphy"
NAME = re.compile(r"(?P<typeface>[a-z0-9]+(-[a-z0-9]+)*)_u(?P<character>[0-9a-f]{4,5})\.png")
PICTURES = {"train": 480, "test": 240}


def paths(split, style="*"):
    found = sorted((SET / split / style).parent.glob(f"{style}/*.png"))
    assert found, f"{SET / split / style} holds no pictures"
    return found


def names(split, style="*"):
    return [NAME.fullmatch(path.name) for path in paths(split, style)]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location(
        "make_calligraphy", SAMPLES / "make_calligraphy.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("split", PICTURES)
def test_both_styles_have_half_of_each_split(split):
    styles = Counter(path.parent.name for path in paths(split))
    assert styles == {"kaishu": PICTURES[split] / 2, "xingshu": PICTURES[split] / 2}


def test_the_set_takes_at_most_three_megabytes():
    assert sum(path.stat().st_size for path in SET.rglob("*") if path.is_file()) <= 3_000_000


def test_every_file_name_tells_typeface_and_character():
    wrong = [p.name for p in paths("train") + paths("test") if not NAME.fullmatch(p.name)]
    assert not wrong


def test_no_character_is_in_train_and_test():
    train = {name["character"] for name in names("train")}
    test = {name["character"] for name in names("test")}
    assert not train & test


@pytest.mark.parametrize("split", PICTURES)
def test_both_styles_write_the_same_characters(split):
    written = [Counter(p["character"] for p in names(split, s)) for s in ("kaishu", "xingshu")]
    assert written[0] == written[1]


@pytest.mark.parametrize("style", ["kaishu", "xingshu"])
def test_one_typeface_of_each_style_writes_half_of_test_and_none_of_train(style):
    seen = {name["typeface"] for name in names("train", style)}
    test = Counter(name["typeface"] for name in names("test", style))
    (unseen,) = set(test) - seen
    assert test[unseen] == test.total() / 2
    assert seen < set(test)


def test_every_picture_opens_as_small_colour_square_with_ink_and_paper():
    for path in paths("train") + paths("test"):
        with Image.open(path) as picture:
            grey = np.asarray(picture.convert("RGB")).mean(axis=2)
        assert grey.shape == (112, 112), path
        assert 0.01 < (grey < 128).mean() < 0.5, f"{path} must show ink on paper"


def test_no_two_pictures_have_the_same_bytes():
    contents = Counter(path.read_bytes() for path in paths("train") + paths("test"))
    assert contents.most_common(1)[0][1] == 1


def test_brightness_alone_does_not_tell_the_style():
    """Otherwise a network could score without looking at the strokes."""
    features, labels = {}, {}
    for split in PICTURES:
        pictures = [np.asarray(Image.open(p).convert("L"), dtype=float) for p in paths(split)]
        features[split] = np.array([[x.mean(), x.std(), (x < 128).mean()] for x in pictures])
        labels[split] = np.array([path.parent.name for path in paths(split)])
    classifier = pytest.importorskip("sklearn.discriminant_analysis").LinearDiscriminantAnalysis()
    score = classifier.fit(features["train"], labels["train"]).score(
        features["test"], labels["test"]
    )
    assert score < 0.7


def test_classic_holds_a_thousand_characters_each_once(script):
    characters = script.CLASSIC.replace("\n", "")
    assert len(characters) == len(set(characters)) == 1000


def test_the_script_says_how_to_install_a_missing_typeface(script, tmp_path, capsys):
    folder = str(tmp_path)
    assert script.main(["--fonts", folder, "--npm", folder, "--out", str(tmp_path / "out")]) == 2
    assert "apt-get install fonts-arphic-ukai" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_same_seed_draws_the_same_picture(script):
    """The glyph is made up, so that the test needs no typeface."""
    mask = np.zeros((300, 200), np.uint8)
    mask[40:80], mask[:, 90:120] = 255, 255
    first, again, other = (
        script.draw(np.random.default_rng(seed), mask) for seed in ([1, 2], [1, 2], [1, 3])
    )
    assert first.tobytes() == again.tobytes()
    assert first.getpalette() == again.getpalette()
    assert first.tobytes() != other.tobytes()


def test_script_renders_the_same_set_twice(script):
    npm = SAMPLES.parents[1] / "node_modules"
    try:
        fonts = script.load_fonts([Path("/usr/share/fonts"), npm])
    except FileNotFoundError as error:
        pytest.skip(str(error))
    runs = [list(itertools.islice(script.render(fonts, seed=353), 4)) for _ in range(2)]
    for (name, picture), (same_name, same) in zip(*runs, strict=True):
        assert name == same_name
        assert picture.tobytes() == same.tobytes()
