"""Memory of this process: how much is free, kept for the next batch, laid out for the network.

Free memory is counted within the limits of the machine, ulimit, cgroups and SLURM.
"""

import ctypes
import functools
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

_ALIGNMENT = 64  # bytes; the widest that processors' vector instructions need
_UNKNOWN = 4 * 1024**3  # assumed free where the system does not say
# Files of a control group, version 2 and 1: limit, use, and the parts of the use that are page
# cache, which the system gives back when memory is short.
_GROUP_FILES = {
    2: ("memory.max", "memory.current", "active_file", "inactive_file"),
    1: (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_active_file",
        "total_inactive_file",
    ),
}


def aligned(shape: Sequence[int], dtype: str | np.dtype) -> np.ndarray:
    """Return an array with undefined values that TensorFlow and JAX read on the CPU without a copy.

    Args:
        shape: Its shape.
        dtype: Its type.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


@functools.cache
def keep() -> bool:
    """Keep freed memory for the next batch or step, instead of returning it to the system.

    Each picture and each step on the CPU frees its arrays, and the next allocates them again. glibc
    returns the large ones to the system at once; the system then clears every page anew, which
    takes more than half of the time on some virtual machines. After this call the process keeps the
    memory of its peak. Without glibc, or if one of its variables is set, such as
    ``MALLOC_TRIM_THRESHOLD_=131072``, nothing changes.

    Returns:
        True if glibc has accepted the request.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    trim_threshold, mmap_max = -1, -4  # numbers of malloc.h
    return bool(mallopt(mmap_max, 0) and mallopt(trim_threshold, -1))


def free_memory() -> int:
    """Estimate how many more bytes of memory this process can take."""
    limits = [*_of_machine(), *_of_ulimit(), *_of_groups(), *_of_slurm(os.environ)]
    return max(0, min(limits, default=_UNKNOWN))


def _of_machine():
    sizes = _sizes(Path("/proc/meminfo"))
    if "MemAvailable:" in sizes:
        yield sizes["MemAvailable:"] * 1024


def _of_ulimit() -> Iterator[int]:
    """Yield the bytes left of `ulimit -v` and `ulimit -d`."""
    try:
        import resource
    except ImportError:  # Windows
        return
    status = _sizes(Path("/proc/self/status"))
    for limit, used in ((resource.RLIMIT_AS, "VmSize:"), (resource.RLIMIT_DATA, "VmData:")):
        soft, _ = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY and used in status:
            yield soft - status[used] * 1024


def _of_groups(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> Iterator[int]:
    """Yield the bytes left of each control group that this process is in, nested ones too."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            version, mount = 2, root
        elif "memory" in controllers.split(","):
            version, mount = 1, root / "memory"
        else:
            continue
        names = [name for name in path.split("/") if name not in ("", "..")]
        for depth in range(len(names) + 1):  # in a container only the mount itself may be visible
            yield from _of_group(mount.joinpath(*names[:depth]), *_GROUP_FILES[version])


def _of_group(group, limit_name, used_name, *page_cache_names):
    try:
        limit = int((group / limit_name).read_text())
        used = int((group / used_name).read_text())
    except (OSError, ValueError):  # no such group, or no limit ("max")
        return
    statistics = _sizes(group / "memory.stat")
    yield limit - used + sum(statistics.get(name, 0) for name in page_cache_names)


def _of_slurm(variables) -> Iterator[int]:
    """Yield the bytes left of what a SLURM job asked for, which no other limit may enforce."""
    megabytes = _number(variables.get("SLURM_MEM_PER_NODE"))
    if not megabytes:  # 0 stands for the whole node
        cores = _number(variables.get("SLURM_CPUS_ON_NODE")) or 1
        megabytes = _number(variables.get("SLURM_MEM_PER_CPU")) * cores
    if megabytes:
        used = _sizes(Path("/proc/self/status")).get("VmRSS:", 0)
        yield megabytes * 1024**2 - used * 1024


def _number(text):
    return int(text) if text and text.isdecimal() else 0


def _sizes(path):
    """Return the numbers of a file whose lines are "name number ...": name -> number."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) > 1 and line[1].isdecimal()}
