"""Pictures are read ahead of the network, in order, a few batches at a time."""

import itertools

import pytest

from keras_cnn import InputError
from keras_cnn.images import streaming


def _read(picture):
    if picture % 3 == 0:
        raise InputError(f"{picture} cannot be read")
    return -picture


def test_unreadable_pictures_leave_their_batch_and_empty_batches_are_skipped():
    errors = []
    batches = streaming.batches(
        [1, 2, 3, 3, 3, 3, 4, 5], _read, batch_size=3, on_error=lambda *pair: errors.append(pair[0])
    )
    assert list(batches) == [([1, 2], [-1, -2]), ([4, 5], [-4, -5])]
    assert errors == [3, 3, 3, 3]


def test_without_on_error_an_unreadable_picture_raises():
    with pytest.raises(InputError, match="3 cannot be read"):
        list(streaming.batches(range(1, 9), _read, batch_size=2))


def test_at_most_three_batches_are_read_ahead_of_an_endless_stream():
    started = []
    endless = (started.append(number) or number for number in itertools.count(1))
    batches = streaming.batches(endless, lambda picture: picture, batch_size=4)
    assert next(batches) == ([1, 2, 3, 4], [1, 2, 3, 4])
    assert len(started) == 12
