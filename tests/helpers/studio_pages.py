"""A studio that is served from this process, for Debian's chromium to open."""

import contextlib
import shutil
import threading
import time

import pytest

pytest.importorskip("gradio")
pytest.importorskip("playwright")

import uvicorn  # noqa: E402  (Gradio brings it)

from keras_cnn.app import server as app_server  # noqa: E402
from keras_cnn.app.studio import Studio  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


@contextlib.contextmanager
def serving(studio: Studio, *, token=None):
    """Serve a studio at a free port within a `with` block; yield its URL."""
    with contextlib.closing(app_server._bound("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        app = app_server.application(studio, token=token, port=port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(10)
            studio.close()


def open_tab(page, name):
    """Open a tab of a page; a narrow one keeps the last tabs in a menu."""
    page.wait_for_function("document.querySelector('.overflow-menu, [role=tab]')")
    tab = page.get_by_role("tab", name=name, exact=True)
    if page.viewport_size["width"] > 800:
        tab.click()
    else:
        page.locator(".overflow-menu > button").click()
        page.get_by_role("button", name=name, exact=True).click()
