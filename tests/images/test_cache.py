"""The cache keeps within the memory there is, and notices every change of a file."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cnn.images import memory
from keras_cnn.images.cache import Cache

GIB = 2**30


@pytest.fixture
def files(tmp_path):
    paths = [str(tmp_path / f"{index}.bmp") for index in range(4)]
    for index, path in enumerate(paths):
        Image.new("L", (8, 8), 10 * index).save(path)
    return paths


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v limits memory on Linux only")
def test_free_memory_keeps_to_ulimit_v():
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = memory._sizes(Path("/proc/self/status"))["VmSize:"] * 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + GIB, before[1]))
    try:
        assert 0 <= memory.free_memory() <= GIB
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v limits memory on Linux only")
def test_a_memory_error_means_a_smaller_cache(files):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = memory._sizes(Path("/proc/self/status"))["VmSize:"] * 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + GIB, before[1]))
    try:
        with pytest.warns(UserWarning, match="memory suffices for 2 of 4 pictures"):
            small = Cache(files, shape=(2**14, 5 * 2**12, 1), where=True)  # 320 MiB each
        with pytest.warns(UserWarning, match="memory suffices for 0 of 4 pictures"):
            none = Cache(files, shape=(2**20, 2**14, 1), where=True)
        assert len(small._pictures) == 2 and len(none._pictures) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    picture = np.ones((2**20, 1, 1), np.uint8)
    assert none.get(3, lambda: picture) is picture


def _group(folder, **numbers):
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in numbers.items():
        (folder / name.replace("__", ".")).write_text(str(value))


def _free(root, membership):
    (root / "membership").write_text(membership)
    return list(memory._of_groups(root / "fs", root / "membership"))


def test_free_memory_keeps_to_nested_control_groups(tmp_path):
    root = tmp_path / "fs"
    _group(root / "slurm", memory__max=8 * GIB, memory__current=2 * GIB)
    _group(root / "slurm" / "job", memory__max="max", memory__current=GIB)
    stat = "anon 5\nactive_file 100\ninactive_file 23\n"
    _group(root / "slurm/job/step", memory__max=GIB, memory__current=GIB, memory__stat=stat)
    assert _free(tmp_path, "0::/slurm/job/step\n") == [6 * GIB, 123]


def test_free_memory_keeps_to_control_groups_of_version_1(tmp_path):
    root = tmp_path / "fs" / "memory"
    limit, used = "memory__limit_in_bytes", "memory__usage_in_bytes"
    _group(root, **{limit: 2**63 - 4096, used: GIB})
    stat = "cache 9\ntotal_active_file 7\ntotal_inactive_file 3\n"
    _group(root / "docker" / "ab", **{limit: 3 * GIB, used: GIB, "memory__stat": stat})
    lines = "12:cpuset:/docker/ab\n9:memory,hugetlb:/docker/ab\n0::/docker/ab\n"
    assert min(_free(tmp_path, lines)) == 2 * GIB + 10


def test_free_memory_keeps_to_the_limit_of_a_container_that_hides_its_group(tmp_path):
    _group(tmp_path / "fs", memory__max=5 * GIB, memory__current=GIB)
    assert _free(tmp_path, "0::/kubepods/pod7/../pod8\n") == [4 * GIB]


@pytest.mark.parametrize(
    ("variables", "megabytes"),
    [
        ({"SLURM_MEM_PER_NODE": "4000"}, 4000),
        ({"SLURM_MEM_PER_CPU": "2000", "SLURM_CPUS_ON_NODE": "3"}, 6000),
        ({"SLURM_MEM_PER_NODE": "0"}, None),
        ({}, None),
    ],
)
def test_free_memory_keeps_to_what_a_slurm_job_asked_for(variables, megabytes):
    free = list(memory._of_slurm(variables))
    if megabytes is None:
        assert free == []
    else:
        assert megabytes - 4000 < free[0] / 2**20 < megabytes


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_files_that_change_places_are_read_again(files, tmp_path, kind):
    where = True if kind == "memory" else tmp_path / "cache"
    swapped = {0: files[1], 1: files[0]}

    def greys():
        pictures = Cache(files, shape=(8, 8, 1), where=where) if kind == "disk" else kept
        read = lambda path: np.asarray(Image.open(path))[..., np.newaxis]  # noqa: E731
        return [int(pictures.get(i, lambda i=i: read(files[i])).max()) for i in range(2)]

    kept = Cache(files, shape=(8, 8, 1), where=where)
    for path in files:
        os.utime(path, ns=(10**18, 10**18))
    assert greys() == [0, 10]
    shutil.move(files[0], tmp_path / "beside.bmp")
    shutil.move(files[1], swapped[1])
    shutil.move(tmp_path / "beside.bmp", swapped[0])
    assert greys() == [10, 0]


def test_a_file_whose_content_changes_at_the_same_size_and_time_is_read_again(files):
    kept = Cache(files, shape=(8, 8, 1), where=True)

    def grey():
        return int(kept.get(0, lambda: np.asarray(Image.open(files[0]))[..., np.newaxis]).max())

    os.utime(files[0], ns=(10**18, 10**18))
    assert grey() == 0
    with open(files[0], "r+b") as file:
        file.write(Path(files[3]).read_bytes())
    os.utime(files[0], ns=(10**18, 10**18))
    assert grey() == 30


def test_a_picture_of_another_type_is_not_kept(files):
    kept = Cache(files, shape=(8, 8, 1), dtype="uint16", where=True)
    deep, flat = np.full((8, 8, 1), 999, np.uint16), np.ones((8, 8, 1), np.uint8)
    assert kept.get(0, lambda: deep).max() == 999 and kept.get(0, lambda: flat).max() == 999
    for _ in range(2):
        assert kept.get(1, lambda: flat) is flat
