"""Resized pictures on disk: shared by runs, never wrong."""

import errno
import os
import re
import shutil
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_cnn import ImageDataGenerator, InputError, Recipe
from keras_cnn.cli import main
from keras_cnn.images import decoding, disk, disk_files
from keras_cnn.images.disk import Disk
from keras_cnn.images.preparation import Preparation
from keras_cnn.splits import classification_splits

READING = Preparation(size=(6, 5))


@pytest.fixture
def files(tmp_path):
    """Four pictures of noise."""
    paths = [str(tmp_path / f"{index}.png") for index in range(4)]
    for index, path in enumerate(paths):
        noise = np.random.default_rng(index).integers(0, 256, (8, 9, 3), np.uint8)
        Image.fromarray(noise).save(path)
    return paths


def _open(folder, paths, *, reading=READING, **options):
    return Disk(folder, **options).pictures(
        paths, shape=reading.image_shape, dtype=np.dtype("uint8"), options=reading
    )


def _read(entries, paths, *, reading=READING):
    return [entries.get(path, lambda path=path: reading.read(path)) for path in paths]


def _splits(folder, generator=None, **options):
    recipe = Recipe(name="case", dataset="stripes", data=folder, image_size=24, **options)
    return classification_splits(recipe, generator or ImageDataGenerator(prefetch=0))


def _pixels(splits):
    """Return each picture's pixels by its name."""
    flows = splits.train, splits.validation, splits.test
    return {path: flow._picture(i) for flow in flows for i, path in enumerate(flow.filepaths)}


def _assert_pixels_are(pixels, expected):
    for path in {*pixels, *expected}:
        np.testing.assert_array_equal(pixels[path], expected[path])


@pytest.mark.parametrize("validation", ["a share of train", "a folder"])
@pytest.mark.parametrize("options", [{}, {"augment": "alexnet"}, {"interpolation": "bilinear"}])
def test_the_second_run_decodes_nothing(stripes, decoded, capsys, validation, options):
    if validation == "a folder":
        shutil.copytree(stripes / "test", stripes / "val")
    expected = _pixels(_splits(stripes, cache="none", **options))
    assert decoded and "Resized pictures" not in capsys.readouterr().out
    lines = []
    for new in (True, False):
        decoded.clear()
        # The seed divides the pictures. AlexNet's training pictures are larger than the others.
        seed = 0 if "augment" in options else int(new)
        splits = _splits(stripes, seed=seed, **options)
        _assert_pixels_are(_pixels(splits), expected)
        assert bool(decoded) == new
        lines += [line for line in capsys.readouterr().out.splitlines() if "Resized" in line]
    assert len(lines) == 2 and all(str(disk.default_folder()) in line for line in lines)
    assert re.search(r"\d+ \([\d.]+ MB, [1-9]\d* new\)", lines[0]) and "MB, 0 new)" in lines[1]


def test_an_added_or_changed_picture_is_the_only_one_decoded(stripes, decoded):
    _pixels(_splits(stripes))
    first, second = sorted((stripes / "train" / "lying").iterdir())[:2]
    second.unlink()
    Image.new("RGB", (30, 30), "red").save(first)
    Image.new("RGB", (30, 30), "blue").save(stripes / "train" / "lying" / "new.png")
    decoded.clear()
    pixels = _pixels(_splits(stripes))
    assert len(decoded) == 4  # each is examined, and then resized
    assert pixels[str(first)][0, 0].tolist() == [255, 0, 0]


def test_faults_are_told_again_in_the_second_run(stripes, decoded):
    bad = stripes / "train" / "lying" / "bad.png"
    bad.write_bytes((stripes / "train" / "lying" / "pen_u0000.png").read_bytes()[:60])
    Image.new("RGB", (1, 1)).save(stripes / "test" / "lying" / "dot.png")
    messages = []
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            _splits(stripes)
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and "single pixel" in messages[0] and "bad.png" in messages[0]
    skipped = [_splits(stripes, skip_bad_images=True).facts["skipped"] for _ in range(2)]
    assert skipped[0] == skipped[1] and len(skipped[0]) == 2


def test_copies_among_pictures_are_known_in_the_second_run(stripes):
    source = stripes / "train" / "lying" / "pen_u0000.png"
    for number in range(6):
        shutil.copy(source, stripes / "train" / "lying" / f"copy{number}.png")
    sides = [
        {"copy" in path for path in _splits(stripes, seed=3).validation.filepaths} for _ in range(2)
    ]
    records = [_splits(stripes, seed=seed).validation.filepaths for seed in (3, 3)]
    plain = _splits(stripes, seed=3, cache="none").validation.filepaths
    assert sides[0] == sides[1] and records[0] == records[1] == plain


def test_no_damage_of_any_byte_gives_wrong_pixels(files, tmp_path):
    path, folder = files[0], tmp_path / "cache"
    expected = READING.read(path)
    part = _open(folder, files).folder
    for other in files[:2]:  # each into files of its own
        _read(_open(folder, [other]), [other])
    (index, values), others = (
        [sorted(part.iterdir())[i] for i in rows] for rows in ((0, 1), (2, 3))
    )
    content = {file: file.read_bytes() for file in (index, values)}
    foreign = dict(zip((index, values), (file.read_bytes() for file in others), strict=True))
    rng, decoded = np.random.default_rng(0), []

    def read():
        decoded.append(1)
        return READING.read(path)

    damages = []
    for file, whole in content.items():
        damages += [(file, whole[:length]) for length in range(0, len(whole), 7)]
        damages += [(file, bytes(len(whole))), (file, foreign[file])]
        for place in range(8 * (file == values), len(whole)):  # the start names the program
            flipped = bytearray(whole)
            flipped[place] ^= int(rng.integers(1, 256))
            damages.append((file, bytes(flipped)))
    for number, (file, damaged) in enumerate(damages, start=1):
        file.write_bytes(damaged)
        entries = _open(folder, files)
        for _ in range(2):
            np.testing.assert_array_equal(entries.get(path, read), expected)
        assert len(decoded) == number  # it is rebuilt once
        for rebuilt in {*part.iterdir()} - {index, values, *others}:
            rebuilt.unlink()
        file.write_bytes(content[file])
    np.testing.assert_array_equal(_open(folder, files).get(path, None), expected)


def test_a_picture_of_other_decoders_or_choices_is_decoded_again(files, tmp_path, monkeypatch):
    entries = _open(tmp_path / "cache", files)
    wrong = np.zeros(READING.image_shape, np.uint8)
    for path in files:
        assert entries.get(path, lambda: wrong).max() == 0
    np.testing.assert_array_equal(_read(entries, files), [wrong] * 4)  # from the disk
    expected = [READING.read(path) for path in files]
    monkeypatch.setattr(decoding, "VERSION", 0)
    np.testing.assert_array_equal(_read(_open(tmp_path / "cache", files), files), expected)
    other = Preparation(size=(6, 5), interpolation="box")
    entries = _open(tmp_path / "cache", files, reading=other)
    expected = [other.read(path) for path in files]
    np.testing.assert_array_equal(_read(entries, files, reading=other), expected)


def test_pictures_keep_their_type(files, tmp_path):
    for dtype in (np.uint8, np.uint16, np.int32):
        entries = _open(tmp_path / np.dtype(dtype).name, files)
        picture = np.full(READING.image_shape, 200, dtype)
        for read in (lambda: picture, None):  # noqa: B023
            stored = entries.get(files[0], read)
            assert stored.dtype == dtype and stored.shape == READING.image_shape
            np.testing.assert_array_equal(stored, picture)


def test_a_full_disk_ends_the_writing_and_not_the_run(files, tmp_path, monkeypatch):
    entries = _open(tmp_path / "cache", files)
    expected = [READING.read(path) for path in files]

    class Full:
        def __init__(self, *args):
            pass

        def write(self, content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def tell(self):
            return 0

        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

    plain = open
    monkeypatch.setattr(
        disk_files,
        "open",
        lambda path, mode, **o: Full() if mode == "ab" else plain(path, mode, **o),
        raising=False,
    )
    with pytest.warns(UserWarning, match="No space left.*the run goes on") as caught:
        for _ in range(2):
            np.testing.assert_array_equal(_read(entries, files), expected)
    assert len(caught) == 1 and list(entries.folder.iterdir()) == []


def test_too_little_room_is_told_before_the_run(files, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    each = 96 + 6 * 5 * 3  # bytes of a record and a picture

    def left(free):
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: usage._replace(free=free))

    said = []
    for free, is_kept in ((40 * each, True), (40 * each - 1, False)):
        left(free)
        entries = _open(tmp_path / str(free), files, share=0.1, say=said.append)
        assert bool(entries) == is_kept
    (sentence,) = said
    assert "not kept" in sentence and "10% of the free room" in sentence and "\n" not in sentence
    left(4 * each)
    _read(_open(tmp_path / "cache", files), files)
    left(0)
    _open(tmp_path / "cache", files)  # needs no more
    left(4 * each - 1)
    with pytest.raises(InputError, match="cache=.*needs .* GB more"):
        _open(tmp_path / "other", files)


def test_splits_share_what_the_disk_has_left(files, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=2 * (96 + 6 * 5 * 3) * 10)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: usage)
    cache = Disk(tmp_path / "cache", share=0.1)
    options = {"shape": READING.image_shape, "dtype": np.dtype("uint8"), "options": READING}
    assert cache.pictures(files[:2], **options)
    assert cache.pictures(files[:2], **options)  # the same once more
    assert not cache.pictures(files[2:], **options)


def test_a_file_that_several_flows_read_counts_once(files, tmp_path):
    said = []
    cache = Disk(tmp_path / "cache", say=said.append)
    options = {"shape": READING.image_shape, "dtype": np.dtype("uint8"), "options": READING}
    for paths in (files, files[:2], files[1:]):
        cache.pictures(paths, **options)
    cache.tell()
    assert f"run: {len(files)} (" in said[0] and f", {len(files)} new)" in said[0]


def test_a_home_that_cannot_be_written_costs_a_line_and_no_run(stripes, monkeypatch, capsys):
    expected = _pixels(_splits(stripes, cache="none"))
    monkeypatch.setattr(
        disk, "default_folder", lambda: stripes / "test" / "lying" / "pen_u0000.png" / "x"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _assert_pixels_are(_pixels(_splits(stripes)), expected)
    lines = [line for line in capsys.readouterr().out.splitlines() if "Resized" in line]
    assert len(lines) == 1 and "not kept" in lines[0]
    with pytest.raises(InputError, match="cache=.*name another"):
        _splits(stripes, cache=str(disk.default_folder()))


def test_a_cache_that_may_only_be_read_is_read(files, tmp_path, monkeypatch, decoded):
    _read(_open(tmp_path / "cache", files), files)
    decoded.clear()
    monkeypatch.setattr(disk.filesystem, "why_not_writable", lambda folder: "Read-only file system")
    _read(_open(tmp_path / "cache", files), files)
    assert not decoded
    with pytest.raises(InputError, match="Read-only file system"):
        _open(tmp_path / "cache", [*files, "new.png"])


@pytest.mark.parametrize(
    ("choice", "own", "place"),
    [
        ("auto", "auto", "home"),
        ("auto", False, "nowhere"),
        ("memory", "auto", "nowhere"),
        ("none", "auto", "nowhere"),
        ("here", "auto", "here"),
        ("here", False, "here"),
    ],
)
def test_the_recipe_chooses_the_place(stripes, tmp_path, monkeypatch, decoded, choice, own, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(disk, "default_folder", lambda: tmp_path / "home")
    splits = _splits(stripes, ImageDataGenerator(cache=own, prefetch=0), cache=choice)
    _pixels(splits)
    assert [name for name in ("home", "here") if (tmp_path / name).exists()] == [place] * (
        place != "nowhere"
    )
    decoded.clear()
    _pixels(splits)
    assert bool(decoded) == (choice == "none" or own is False and choice == "auto")


def test_clearing_removes_our_files_and_nothing_else(stripes, tmp_path, capsys):
    folder = tmp_path / "mine"
    _pixels(_splits(stripes, cache=str(folder)))
    part = next(path for path in folder.iterdir() if path.name.startswith("24x24x3-"))
    others = {
        folder / "photo.jpg": b"a",
        folder / "holiday-2024" / f"{'0' * 32}.values": b"kcnnpix1 in a folder of the user's",
        part / "notes.txt": b"c",
        part / f"{'0' * 32}.values": b"another program's",
    }
    for path, content in others.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (part / f"{'1' * 32}.values").symlink_to(folder / "photo.jpg")
    (folder / "1x1x1-0123456789abcdef").symlink_to(
        folder / "holiday-2024", target_is_directory=True
    )
    capsys.readouterr()
    assert main(["cache", str(folder)]) == 0
    assert "24x24x3" in (listed := capsys.readouterr().out) and "examined" in listed
    assert main(["cache", str(folder), "--clear"]) == 0
    assert "removed 112 entries" in capsys.readouterr().out  # 56 pictures, each with its record
    left = {path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    assert left == set(others)
    assert all(path.read_bytes() == content for path, content in others.items())


def test_an_empty_cache_is_listed_and_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(disk, "default_folder", lambda: tmp_path / "none")
    for words in ([], ["--clear"]):
        assert main(["cache", *words]) == 0
        assert "0 entries" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()
    assert main(["cache", str(tmp_path / "gone")]) == 2
    assert "must be a folder" in capsys.readouterr().err
