"""Uploads are limited in size and count, and their names are never paths."""

import contextlib
import http.client
import json
from pathlib import Path

import pytest
from studio_pages import serving

from keras_cnn.app import server
from keras_cnn.app.studio import Studio

PLACE = "/en/gradio_api/upload"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "LARGEST_FILE", 1000)
        with serving(Studio(tmp_path_factory.mktemp("runs"))) as url:
            yield url


def _send(url, content, **headers):
    """Send a request; return status and body of the answer."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(http.client.HTTPConnection(url.partition("://")[2], timeout=10)) as to:
        to.request("POST", PLACE, content, headers)
        answer = to.getresponse()
        return answer.status, answer.read().decode()


def _upload(url, name, content):
    """Send a file as a browser does."""
    body = (
        f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        f"Content-Type: image/png\r\n\r\n{content}\r\n--x--\r\n"
    )
    return _send(url, body, Content_Type="multipart/form-data; boundary=x")


def test_files_larger_than_the_limit_together_are_refused(url):
    assert _send(url, None, Content_Length=str(server.LARGEST_REQUEST + 1))[0] == 413


def test_an_upload_that_does_not_say_its_size_is_refused(url):
    assert _send(url, None, Transfer_Encoding="chunked")[0] == 411


def test_a_file_larger_than_the_limit_is_refused(url):
    assert _upload(url, "small.png", "x" * 900)[0] == 200
    assert _upload(url, "large.png", "x" * 1100)[0] == 413


def test_the_name_of_an_upload_is_no_path(url, tmp_path):
    status, kept = _upload(url, f"../../../../../../{tmp_path}/planted.png", "abc")
    assert status == 200 and ".." not in kept
    assert not (tmp_path / "planted.png").exists()


def test_uploads_are_deleted_when_the_studio_ends(tmp_path):
    with serving(Studio(tmp_path)) as url:
        status, content = _upload(url, "a.png", "abc")
        (path,) = json.loads(content)
        assert status == 200 and Path(path).exists()
    assert not Path(path).exists()
