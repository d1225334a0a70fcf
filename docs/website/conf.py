"""Sphinx: one configuration for both languages; the tag ``zh`` selects Chinese."""

import sys
from pathlib import Path

import jieba

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parents[1]))

from website import docstrings, links, words  # noqa: E402

chinese = tags.has("zh")  # noqa: F821  Sphinx provides it
project = "keras_cnn"
author = "keras_cnn"
language = "zh_CN" if chinese else "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
templates_path = [str(HERE / "templates")]
html_static_path = [str(HERE / "static")]
exclude_patterns = []

myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # website.chapters runs the notebooks, once for both languages
nb_merge_streams = True

highlight_language = "text"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
default_role = "literal"
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = "keras_cnn"
html_css_files = ["site.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_copy_source = False
html_context = {"default_mode": "auto", "is_chinese": chinese}
html_theme_options = {
    "logo": {"text": "keras_cnn"},
    "navbar_align": "left",
    "navbar_end": ["language", "theme-switcher", "repository"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 7,
    "footer_start": [],
    "footer_end": [],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_context["repository"] = links.REPOSITORY
html_sidebars = {
    "**": ["sidebar-nav-bs"],
    **dict.fromkeys(("index", "get-started", "architecture", "errata"), []),
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
if chinese:
    jieba.setLogLevel("WARNING")
    html_js_files = ["chinese_search.js"]
    html_search_options = {"dict": str(words.dictionary())}


def setup(app):
    """Mend the docstrings that Markdown readers understand and reStructuredText does not."""
    app.connect("autodoc-process-docstring", docstrings.mend)
    app.connect("autodoc-process-signature", docstrings.signature)
    return {"parallel_read_safe": True}
