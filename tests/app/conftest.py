"""Debian's chromium, which opens the pages of the studio."""

import importlib.util

import pytest

if not (importlib.util.find_spec("gradio") and importlib.util.find_spec("playwright")):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright
    from studio_pages import CHROMIUM, FLAGS

    if CHROMIUM is None:
        pytest.skip("the studio's pages are tested in chromium, which is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a run that tells upright bars from flat ones."""
    from studio_pages import train

    return train(tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="module")
def url(trained):
    """The URL of a studio with that run."""
    from studio_pages import serving

    from keras_cnn.app.studio import Studio

    with serving(Studio(trained.parent)) as url:
        yield url


@pytest.fixture
def open_page(browser):
    """Return a function that opens a page; at the end no request of it may have failed.

    Its `script` runs in the browser before the page's own.
    """
    faults, contexts = [], []

    def opened(url, *, locale="en-GB", width=1280, height=900, dark=False, script=""):
        scheme = "dark" if dark else "light"
        size = {"width": width, "height": height}
        contexts.append(browser.new_context(locale=locale, viewport=size, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.add_init_script(script)
        page.on("requestfailed", lambda each: _note(faults, each))
        page.on("request", lambda each: _note_host(faults, each, url))
        page.on("console", lambda each: each.type == "error" and faults.append(each.text))
        page.goto(url)
        page.wait_for_selector("#head")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults


def _note(faults, request):
    if request.failure != "net::ERR_ABORTED":  # a stream that the page itself has ended
        faults.append(f"{request.url}: {request.failure}")


def _note_host(faults, request, url):
    scheme, _, rest = request.url.partition("://")
    if scheme in ("http", "https") and rest.split("/")[0] != url.split("/")[2]:
        faults.append(f"a request to another host: {request.url}")
