"""Fonts of figures: the system's Chinese font, else the package's own."""

import dataclasses
import runpy
import warnings

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from report_inputs import one_hot

from keras_cnn.cli import doctor
from keras_cnn.detection import draw
from keras_cnn.report import figures, fonts


def _missing_glyphs(draw):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        draw()
    return [str(warning.message) for warning in caught if "Glyph" in str(warning.message)]


def test_chinese_names_and_folders_render(tmp_path, pictures, classify):
    paths = pictures(4, name="永字_{:d}.png")
    y_true, y_score = np.array([0, 1, 0, 1]), one_hot([1, 1, 0, 0], 2)

    def write():
        classify(y_true, y_score, name="运行/书法", class_names=["楷书", "行书"], paths=paths)

    assert not _missing_glyphs(write)
    assert (tmp_path / "运行" / "书法" / "confusion.png").exists()
    assert "楷书" in (tmp_path / "运行" / "书法" / "report.html").read_text("utf-8")
    assert "楷书" in (tmp_path / "运行" / "书法" / "report.json").read_text("utf-8")


@pytest.fixture
def forget_fonts():
    """Clear the caches of fonts before and after a test."""
    caches = (fonts.families, fonts._drawn, fonts._warn_once, draw._font)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def bare(monkeypatch, forget_fonts):
    """Make this a machine without any Chinese font."""
    monkeypatch.setattr(fonts, "_chinese", lambda _: None)


@pytest.fixture
def damaged(bare, monkeypatch, tmp_path):
    """Damage the package's own font."""
    (tmp_path / "damaged.otf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "OWN_FILE", tmp_path / "damaged.otf")


def test_a_chinese_font_of_the_system_comes_first(monkeypatch, forget_fonts):
    monkeypatch.setattr(fonts, "_chinese", lambda _: "A whole font")
    assert fonts.families() == (fonts.LATIN, "A whole font")


def test_a_machine_without_chinese_font_draws_figures_with_the_package_s_own(bare):
    assert fonts.families() == (fonts.LATIN, fonts.OWN)
    assert fonts.printable("楷书, 行书") == "楷书, 行书"
    assert not _missing_glyphs(lambda: figures.sentence("楷书, 鹦鹉"))
    assert fonts.OWN in doctor.examine(fast=True)["font"]


def test_a_machine_without_chinese_font_draws_detections_with_the_package_s_own(bare):
    blank, corner = np.zeros((100, 300, 3), np.uint8), np.array([[10, 40, 200, 90]])
    book, law = (draw.boxes(blank, corner, np.array([1]), texts=[text]) for text in ("书", "法"))
    assert (book != law).any()  # two missing characters would be the same empty box
    assert draw._font(12, True).path == str(fonts.OWN_FILE)


def test_the_font_has_gb2312_and_latin_in_at_most_one_and_a_half_megabytes():
    codes = (bytes([row, cell]) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    chinese = "".join(code.decode("gb2312", errors="ignore") for code in codes)
    assert len(chinese) == 3755 + 3008  # the characters of level 1 and of level 2
    latin = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100))))
    with TTFont(fonts.OWN_FILE) as font:
        drawn = font.getBestCmap()
    assert [c for c in chinese + latin + "–…×±α%,。:;()“”→−≥" if ord(c) not in drawn] == []
    assert fonts.OWN_FILE.stat().st_size <= 1_500_000


def test_the_script_of_the_font_says_how_to_get_its_source(tmp_path, capsys):
    make_font = runpy.run_path(str(fonts.OWN_FILE.with_name("make_font.py")))
    with TTFont(fonts.OWN_FILE) as font:
        assert set(map(chr, font.getBestCmap())) >= set(make_font["characters"]())
    assert make_font["main"](["--source", str(tmp_path / "a.ttc"), "--out", str(tmp_path)]) == 2
    assert "apt-get install fonts-noto-cjk" in capsys.readouterr().err


def test_the_licence_of_the_font_lies_beside_it():
    text = fonts.OWN_FILE.with_name("OFL.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text and "Adobe" in text


def test_a_rare_character_is_escaped_with_a_warning(bare):
    with pytest.warns(UserWarning, match="Noto Sans CJK"):
        assert fonts.printable("龙龘") == r"龙\u9f98"


def test_with_a_damaged_font_names_are_escaped_with_one_warning(damaged):
    assert "install keras-cnn again" in doctor.examine(fast=True)["font"]
    with pytest.warns(UserWarning, match="Noto Sans CJK") as caught:
        assert fonts.printable("楷书 a") == r"\u6977\u4e66 a"
        assert fonts.printable("行") == r"\u884c"
        assert not _missing_glyphs(lambda: figures.sentence("楷书"))
    assert len([warning for warning in caught if "Noto" in str(warning.message)]) == 1


def test_a_chinese_font_of_any_name_is_found(monkeypatch, forget_fonts):
    fonts.families()  # at least the package's own is in the list now
    monkeypatch.setattr(fonts, "CJK", ())
    assert fonts._has(fonts._chinese(fonts.font_manager.fontManager.ttflist), "书")


def test_fonts_of_unusual_weight_cause_no_log_message(monkeypatch, caplog):
    manager = fonts.font_manager.fontManager
    usual = next(font for font in manager.ttflist if font.name == fonts.LATIN)
    light = dataclasses.replace(usual, name="Feather", style="normal", weight=200)
    monkeypatch.setattr(manager, "ttflist", [light])
    assert fonts._chinese(manager.ttflist) is None
    assert not caplog.records
