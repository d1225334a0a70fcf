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
    paper = Paper.of([picture, picture, picture, picture // 2])  # medians: one may be odd
    assert (paper.paper, paper.ink, paper.share, paper.is_plain) == ((240,), (40,), 0.7, True)


def test_a_drawing_has_the_size_and_stands_in_the_middle():
    placed = Paper(paper=(240.0,), ink=(40.0,), share=0.5).place(_drawing(), size=(40, 40))
    assert placed[0, 0, 0] == 240 and placed.min() == pytest.approx(40, abs=2)
    assert np.count_nonzero((placed[..., 0] < 140).any(axis=0)) == pytest.approx(20, abs=1)
    assert _middle(placed, 40) == pytest.approx((19.5, 19.5), abs=1)


def test_by_its_frame_a_drawing_heavy_at_a_corner_stands_in_the_middle():
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


@pytest.mark.parametrize(("levels", "is_plain"), [((250, 60), False), ((250, 240), True)])
def test_pictures_with_an_uneven_border_are_not_paper(levels, is_plain):
    pictures = np.random.default_rng(0).choice(np.uint8(levels), (5, 32, 32, 1), p=(0.7, 0.3))
    pictures[:, 12:20, 8:24] = 30
    assert Paper.of(pictures).is_plain == is_plain


@pytest.mark.parametrize(("grey", "is_plain"), [(128, False), (200, True)])
def test_pictures_on_grey_are_not_paper(grey, is_plain):
    picture = np.full((32, 32, 1), grey, np.uint8)
    picture[12:20, 8:24] = 30
    assert Paper.of([picture]).is_plain == is_plain


def test_a_thin_line_stays_whole():
    strokes = np.zeros((280, 280))
    strokes[np.arange(20, 260), np.arange(20, 260)] = 1
    ink = 255.0 - Paper().place(strokes, size=(28, 28))[..., 0]
    assert ink.max(axis=0)[4:24].min() > 150


def test_an_empty_pad_is_blank_paper_and_no_pictures_mean_black_on_white():
    assert (Paper().place(np.zeros((280, 280)), size=(8, 8)) == 255).all()
    assert Paper.of([]) == Paper()
