"""A studio that is served from this process, for Debian's chromium to open."""

import contextlib
import shutil
import threading
import time

import pytest

pytest.importorskip("gradio")
pytest.importorskip("playwright")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import uvicorn  # noqa: E402  (Gradio brings it)
from PIL import Image  # noqa: E402

import keras_cnn  # noqa: E402
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
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        )
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


def build(*, input_shape, classes):
    """Build a small convolutional network."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="c1")(inputs)
    x = keras.layers.MaxPooling2D(name="s2")(x)
    x = keras.layers.Dense(8, activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x), name="small")


def draw_bars(folder, *, train=24, test=8):
    """Draw dark bars on pale paper, upright or flat; return the folder."""
    generator = np.random.default_rng(0)
    for split, number in {"train": train, "test": test}.items():
        for name in ("flat", "upright"):
            (folder / split / name).mkdir(parents=True)
            for index in range(number):
                picture = np.full((16, 16), 230, np.uint8)
                start = generator.integers(3, 8)
                picture[start : start + 3, 2:14] = 30
                picture = picture.T if name == "upright" else picture
                Image.fromarray(picture).save(folder / split / name / f"{index:02d}.png")
    return folder


def train(folder, *, name="bars"):
    """Train the small network on bars; return its run's folder below `folder`."""
    recipe = keras_cnn.Recipe(
        name=name,
        dataset="bars",
        data=draw_bars(folder / "pictures"),
        image_size=16,
        batch_size=8,
        epochs=12,
        learning_rate=0.004,
        out=folder / "runs" / name,
    )
    generator = keras_cnn.ImageDataGenerator(rescale=1 / 255)
    keras_cnn.run(build, keras_cnn.classification_splits(recipe, generator), recipe)
    return recipe.out


def beyond_the_edge(page):
    """Return the visible elements that stand out of a page at its right, and cannot be scrolled."""
    return page.evaluate("""() => {
      const scrolls = (each) => each && (each.scrollWidth > each.clientWidth + 1
        && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
        || scrolls(each.parentElement));
      const stands = (each) => each.checkVisibility() && each.offsetWidth > 0
        && each.getBoundingClientRect().right > innerWidth + 1 && !scrolls(each.parentElement);
      return [...document.querySelectorAll('body *')].filter(stands)
        .map((each) => `${each.tagName} ${each.id} ${each.className}`);
    }""")


def upload(page, place, *files):
    """Upload files by the input below an element of a page."""
    page.locator(f"{place} input[type=file]").first.set_input_files([str(file) for file in files])


def open_tab(page, name):
    """Open a tab of a page; a narrow one keeps the last tabs in a menu."""
    page.wait_for_function("document.querySelector('.overflow-menu, [role=tab]')")
    tab = page.get_by_role("tab", name=name, exact=True)
    page.locator("#try-facts .note, #try-facts .fault").wait_for(state="attached")
    if page.viewport_size["width"] > 800 or tab.is_visible():
        tab.click()
    else:
        page.locator(".overflow-menu > button").first.click()
        page.get_by_role("button", name=name, exact=True).click()
