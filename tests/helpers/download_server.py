"""Shared by tests of `datasets`: a local server in place of a publisher, and small archives."""

import contextlib
import gzip
import http.server
import io
import struct
import tarfile
import threading
import zipfile

import cv2
import numpy as np
import pytest

from keras_cnn import datasets
from keras_cnn.errors import InputError


class Publisher(http.server.ThreadingHTTPServer):
    """Serve `files`. The fault "cut" closes the connection half-way, "stall" stops sending."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.requests = []
        self.fault = None
        self.stalled = threading.Event()
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            return self.send_error(404)
        self.send_response(200)
        if self.server.fault != "cut without length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2 if self.server.fault else None])
        self.wfile.flush()
        if self.server.fault == "stall":
            self.server.stalled.set()
            self.server.closing.wait(20)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def running(files=None, *, fault=None):
    """Yield a running `Publisher` of some files."""
    with Publisher() as server:
        server.files, server.fault = dict(files or {}), fault
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def tar(files, mode="w"):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(data, bytes):
                member.size = len(data)
            else:  # (type, target) of a link
                member.type, member.linkname = data
            archive.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return content.getvalue()


def zipped(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes())


def jpeg(value=128):
    return cv2.imencode(".jpg", np.full((16, 16, 3), value, np.uint8))[1].tobytes()


BIRDS = {
    "CUB_200_2011.tgz": tar(
        {
            "./CUB_200_2011/images/001.Auk/Auk_1.jpg": b"auk 1",
            "./CUB_200_2011/images/001.Auk/Auk_2.jpg": b"auk 2",
            "./CUB_200_2011/images/002.Wren/Wren_1.jpg": b"wren 1",
            "./CUB_200_2011/images/002.Wren/._Wren_1.jpg": b"not in the list",
            "./CUB_200_2011/images.txt": b"1 001.Auk/Auk_1.jpg\n2 001.Auk/Auk_2.jpg\n"
            b"3 002.Wren/Wren_1.jpg\n",
            "./CUB_200_2011/train_test_split.txt": b"1 1\n2 0\n3 1\n",
        },
        "w:gz",
    )
}
BIRDS_ARRANGED = {
    "train/Auk/Auk_1.jpg": b"auk 1",
    "test/Auk/Auk_2.jpg": b"auk 2",
    "train/Wren/Wren_1.jpg": b"wren 1",
}


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refusal(name, **options):
    """Return the message of a refused fetch; assert that no partial set is left."""
    with pytest.raises(InputError) as caught:
        datasets.fetch(name, **options)
    assert "\n" not in str(caught.value)
    assert not (datasets.root() / name).exists()
    assert not list(datasets.root().glob(f".{name}-*")), "a work folder was left behind"
    return str(caught.value)


def write_picture(path, value=128):
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, encoded = cv2.imencode(path.suffix, np.full((8, 8, 3), value, np.uint8))
    assert ok
    path.write_bytes(encoded.tobytes())
