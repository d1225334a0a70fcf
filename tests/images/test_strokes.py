"""A drawing is brought to the paper, the size and the place of the training pictures."""

import numpy as np
import pytest

from keras_cnn.images.strokes import Paper


def _drawing(rows=slice(20, 40), columns=slice(100, 250)):
    strokes = np.zeros((280, 280))
    strokes[rows, columns] = 1
    return strokes


def _middle(picture, level):
    rows, columns = np.nonzero(np.abs(picture[..., 0] - float(level)) < 60)
    return (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2


def test_paper_ink_and_size_are_those_of_the_training():
    picture = np.full((20, 20, 1), 240, np.uint8)
    picture[8:11, 3:17] = 40
    paper = Paper.of([picture, picture, picture, picture // 2 + 100])
    assert (paper.paper, paper.ink, paper.share, paper.is_plain) == ((240,), (40,), 0.7, True)


def test_a_drawing_has_the_size_and_stands_in_the_middle():
    placed = Paper(paper=(240.0,), ink=(40.0,), share=0.5).place(_drawing(), size=(40, 40))
    assert placed[0, 0, 0] == 240 and placed.min() == pytest.approx(40, abs=2)
    assert np.count_nonzero((placed[..., 0] < 140).any(axis=0)) == pytest.approx(20, abs=1)
    assert _middle(placed, 40) == pytest.approx((19.5, 19.5), abs=1)


def test_a_thin_stroke_stays_whole():
    strokes = _drawing(slice(20, 221), slice(20, 221))
    strokes[21:220, 21:220] = 0
    ink = 255 - Paper().place(strokes, size=(28, 28))[..., 0]
    sides = (ink[:8].max(axis=0), ink[-8:].max(axis=0), ink[:, :8].max(axis=1))
    assert [np.count_nonzero(side > 60) for side in sides] == pytest.approx([22] * 3, abs=2)


def test_otherwise_the_frame_stands_in_the_middle():
    strokes = _drawing(slice(20, 220), slice(20, 40))
    strokes[200:220, 20:220] = 1
    placed = Paper(share=0.6).place(strokes, size=(56, 56))
    assert _middle(placed, 0) == pytest.approx((27.5, 27.5), abs=1)


def test_by_mass_the_centre_of_mass_stands_in_the_middle():
    strokes = _drawing(slice(20, 220), slice(20, 40))
    strokes[200:220, 20:220] = 1  # an L, heavy at its corner
    placed = Paper(share=0.6, by_mass=True).place(strokes, size=(56, 56))
    ink = 255.0 - placed[..., 0]
    rows, columns = np.indices(ink.shape)
    assert (rows * ink).sum() / ink.sum() == pytest.approx(27.5, abs=0.5)
    assert (columns * ink).sum() / ink.sum() == pytest.approx(27.5, abs=0.5)


def test_digits_centred_by_mass_are_recognised_as_such():
    generator, pictures = np.random.default_rng(0), []
    for _ in range(20):
        strokes = _drawing(slice(20, 220), slice(20, 40))
        strokes[200:220, 20 : generator.integers(60, 220)] = 1
        paper = Paper(paper=(0.0,), ink=(255.0,), share=0.7, by_mass=True)
        pictures.append(paper.place(strokes, size=(28, 28)))
    assert Paper.of(pictures).by_mass


def test_photographs_are_not_paper():
    is_bright = np.random.default_rng(0).random((5, 32, 32, 1)) < 0.7
    grey = np.full((16, 16, 1), 120, np.uint8)
    grey[4:12, 6:8] = 20
    assert not Paper.of(np.uint8(255 * is_bright)).is_plain
    assert not Paper.of([grey]).is_plain


def test_an_empty_pad_is_blank_paper_and_no_pictures_mean_black_on_white():
    assert (Paper().place(np.zeros((280, 280)), size=(8, 8)) == 255).all()
    assert Paper.of([]) == Paper()
