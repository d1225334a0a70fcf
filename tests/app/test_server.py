"""The studio is served to this machine only, and nothing but its own pages."""

import pytest
from studio_pages import serving

from keras_cnn.app.studio import Studio


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with serving(Studio(tmp_path_factory.mktemp("runs"))) as url:
        yield url


@pytest.mark.parametrize(("locale", "tab"), [("en-GB", "Try"), ("zh-CN", "试一试")])
def test_the_page_has_the_language_of_the_browser(url, open_page, locale, tab):
    page = open_page(url, locale=locale)
    page.get_by_role("tab", name=tab, exact=True).wait_for()
