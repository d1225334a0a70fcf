"""The studio is served to this machine only, and nothing but its own pages."""

import contextlib
import http.client
import os
import signal
import socket
import sys

import pytest
from fastapi import FastAPI
from studio_pages import serving

from keras_cnn import cli
from keras_cnn.app import server
from keras_cnn.app.studio import Studio

SECRET = "nobody may read this"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of runs: `good` has a report; that of `linked`, and `outside`, link to secrets."""
    folder = tmp_path_factory.mktemp("place")
    for file in ("secret.html", "report.html", "elsewhere/report.html", "elsewhere/report.json"):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(SECRET)
    for name in ("good", "linked"):
        (folder / "runs" / name / "checkpoint").mkdir(parents=True)
    (folder / "runs/good/report.html").write_text("the report")
    (folder / "runs/good/model.keras").write_text(SECRET)
    (folder / "runs/linked/report.html").symlink_to(folder / "secret.html")
    (folder / "runs/outside").symlink_to(folder / "elsewhere")
    return folder


@pytest.fixture(scope="module")
def url(place):
    with serving(Studio(place / "runs")) as url:
        yield url


def _get(url, path, *, method="GET", **headers):
    host = url.partition("://")[2]
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(http.client.HTTPConnection(host, timeout=10)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer.headers


@pytest.mark.parametrize(("locale", "tab"), [("en-GB", "Try"), ("zh-CN", "试一试")])
def test_the_page_has_the_language_of_the_browser(url, open_page, locale, tab):
    page = open_page(url, locale=locale)
    page.get_by_role("tab", name=tab, exact=True).wait_for()


def test_the_report_of_a_run_is_served(url):
    assert _get(url, "/report/good")[:2] == (200, "the report")


@pytest.mark.parametrize(
    "path",
    [
        "/report/linked",
        "/report/outside",
        "/report/..",
        "/report/..%2felsewhere",
        "/report/../secret.html",
        "/report/..%2fsecret.html",
        "/report/good%2f..%2f..%2fsecret",
        "/report/good/model.keras",
        "/report/%2fetc",
        "/en/gradio_api/file={place}/secret.html",
        "/en/gradio_api/file={place}/runs/good/model.keras",
        "/en/gradio_api/file=..%2f..%2f..%2fetc%2fpasswd",
        "/en/gradio_api/file=/etc/passwd",
        "/zh/file=/etc/passwd",
        "/en/static/..%2f..%2f..%2f..%2fetc/passwd",
        "/etc/passwd",
    ],
)
def test_no_other_file_is_served(url, place, path):
    status, body, _ = _get(url, path.format(place=place))
    assert status in (400, 403, 404)
    assert SECRET not in body and "root:" not in body


@pytest.mark.parametrize("way", ["file", "proxy"])
def test_the_server_fetches_nothing_from_other_hosts(url, way):
    answer = _get(url, f"/en/gradio_api/{way}=http://example.org/")
    assert answer[:2] == (404, "There is no such page.")


def test_a_request_for_another_host_name_is_refused(url):
    assert _get(url, "/en/", Host="attacker.example")[0] == 403


def test_a_page_of_another_host_can_send_nothing(url):
    assert _get(url, "/en/", Origin="http://attacker.example")[0] == 403
    assert _get(url, "/en/", Origin=url)[0] == 200


def test_a_report_may_run_no_scripts(url):
    assert "sandbox" in _get(url, "/report/good")[2]["Content-Security-Policy"]


def test_a_handler_that_fails_does_not_end_the_server(place, open_page, monkeypatch):
    monkeypatch.setattr(Studio, "models", lambda self: ["good"])
    with serving(Studio(place / "runs")) as url:
        monkeypatch.setattr(Studio, "load", lambda self, name: 1 / 0)
        page = open_page(url)
        page.get_by_text("Error").first.wait_for()
        assert _get(url, "/en/")[0] == 200
        page.close()


def test_every_answer_forbids_the_browser_to_ask_other_hosts(url):
    policy = _get(url, "/en/")[2]["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")


def test_another_address_needs_the_token(place):
    with serving(Studio(place / "runs"), token="right") as url:
        assert _get(url, "/en/")[0] == 403
        assert "Token" in _get(url, "/", Accept="text/html")[1].title()
        assert _get(url, "/?token=wrong")[0] == 403
        assert _get(url, "/report/good", Cookie="keras_cnn_studio=wrong")[0] == 403
        status, _, headers = _get(url, "/?token=right")
        assert status == 303 and "HttpOnly" in headers["Set-Cookie"]
        cookie = headers["Set-Cookie"].partition(";")[0]
        assert _get(url, "/report/good", Cookie=cookie)[0] == 200


@pytest.mark.parametrize(("host", "is_open"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_a_new_token_is_made_for_every_address_but_the_machines_own(
    place, monkeypatch, host, is_open
):
    tokens = []
    monkeypatch.setattr(server, "application", lambda studio, *, token, port: tokens.append(token))
    urls = [next(server.serve(Studio(place / "runs"), host=host, port=0)) for _ in range(2)]
    shown = [url.partition("?token=")[2] or None for url in urls]
    assert shown == tokens and len(set(tokens)) == (2 if is_open else 1)
    assert (None in tokens) != is_open


def test_without_gradio_the_command_says_how_to_install_it(place, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert cli.main(["studio", str(place / "runs"), "--no-browser"]) == 2
    assert "pip install 'keras-cnn[studio]'" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_does_not_exist_is_refused(place, capsys, port):
    assert cli.main(["studio", str(place / "runs"), "--port", port, "--no-browser"]) == 2
    assert f"from 0 to 65535; received {port}" in capsys.readouterr().err


def test_a_port_in_use_is_refused_with_a_way_out(place, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert cli.main(["studio", str(place / "runs"), "--port", port, "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in error and "another --port" in error


def test_a_missing_folder_is_refused(tmp_path, capsys):
    assert cli.main(["studio", str(tmp_path / "none"), "--no-browser"]) == 2
    assert "name the folder of a run" in capsys.readouterr().err


def test_runs_are_found_two_folders_deep_and_links_are_not_followed(place):
    nested = place / "runs/series/first"
    (nested / "checkpoint").mkdir(parents=True)
    assert set(Studio(place / "runs").runs()) == {"good", "linked", "series/first"}
    os.rename(place / "runs/series", place / "series")


@pytest.mark.parametrize("ends_by", [signal.SIGINT, signal.SIGTERM])
def test_the_end_of_the_server_ends_what_it_has_started(tmp_path, monkeypatch, ends_by):
    def run(*_, **__):
        signal.raise_signal(ends_by)  # as uvicorn does after its own end

    def reached(*_):
        raise AssertionError("the signal has ended the process before its files were removed")

    monkeypatch.setattr(server.uvicorn.Server, "run", run)
    monkeypatch.setattr(server, "application", lambda *_, **__: FastAPI())
    studio, ended = Studio(tmp_path), []
    studio.on_close(lambda: ended.append(True))
    before = signal.signal(ends_by, reached)
    try:
        assert len(list(server.serve(studio, port=0))) == 1 and ended == [True]
    finally:
        signal.signal(ends_by, before)


def test_the_url_of_an_ipv6_address_can_be_opened(place, monkeypatch):
    bound = server._bound
    monkeypatch.setattr(server, "_bound", lambda host, port: bound("127.0.0.1", port))
    monkeypatch.setattr(server, "application", lambda *_, **__: FastAPI())
    assert next(server.serve(Studio(place / "runs"), host="::1", port=0)).startswith(
        "http://[::1]:"
    )


def test_a_refusal_has_the_language_of_the_browser(url):
    assert _get(url, "/report/none", Accept_Language="zh-CN")[:2] == (404, "这次训练没有报告。")


def test_a_folder_of_data_that_is_missing_is_refused(place, capsys):
    words = ["studio", str(place / "runs"), "--data", str(place / "none"), "--no-browser"]
    assert cli.main(words) == 2
    assert "check the path of --data" in capsys.readouterr().err
