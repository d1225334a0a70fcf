"""The look of the studio: the colours and fonts of the report."""

import json
from importlib import resources

import gradio

from keras_cnn.app.texts import Text
from keras_cnn.report import html

_FONTS = (
    "system-ui",
    "Segoe UI",
    "Noto Sans",
    "Noto Sans CJK SC",
    "PingFang SC",
    "Microsoft YaHei",
)


def report_style() -> str:
    """Return the style sheet of the report."""
    return html.STYLE


def theme() -> gradio.themes.Base:
    """Return Gradio's theme with the report's colours, on light and dark paper."""
    colours = {  # Gradio's name -> the report's (light, dark)
        "body_background_fill": ("#f4f5f7", "#0d1117"),
        "background_fill_primary": ("#ffffff", "#161b22"),
        "background_fill_secondary": ("#f4f5f7", "#0d1117"),
        "block_background_fill": ("#ffffff", "#161b22"),
        "body_text_color": ("#1f2328", "#e6edf3"),
        "body_text_color_subdued": ("#59636e", "#9aa4af"),
        "block_label_text_color": ("#59636e", "#9aa4af"),
        "block_title_text_color": ("#1f2328", "#e6edf3"),
        "block_label_background_fill": ("#ffffff", "#161b22"),
        "border_color_primary": ("#d8dee4", "#30363d"),
        "block_border_color": ("#d8dee4", "#30363d"),
        "input_background_fill": ("#ffffff", "#0d1117"),
        "button_primary_background_fill": ("#0072b2", "#1f6feb"),
        "button_primary_background_fill_hover": ("#005f96", "#388bfd"),
        "button_primary_text_color": ("#ffffff", "#ffffff"),
        "button_secondary_background_fill": ("#ffffff", "#21262d"),
        "button_secondary_background_fill_hover": ("#f4f5f7", "#30363d"),
        "button_secondary_text_color": ("#1f2328", "#e6edf3"),
        "color_accent": ("#0072b2", "#56b4e9"),
        "color_accent_soft": ("#e3f1f9", "#12293c"),
        "slider_color": ("#0072b2", "#56b4e9"),
        "link_text_color": ("#0072b2", "#56b4e9"),
        "table_even_background_fill": ("#ffffff", "#161b22"),
        "table_odd_background_fill": ("#f4f5f7", "#0d1117"),
    }
    sizes = gradio.themes.sizes
    base = gradio.themes.Base(
        font=_FONTS,
        font_mono=("ui-monospace", "Consolas", "monospace"),
        radius_size=sizes.radius_md,
        spacing_size=sizes.spacing_md,
    )
    values = {}
    for name, (light, dark) in colours.items():
        values[name] = light
        if name != "color_accent":
            values[f"{name}_dark"] = dark
    return base.set(
        block_shadow="none",
        button_secondary_border_color="*border_color_primary",
        button_secondary_border_color_dark="*border_color_primary",
        button_border_width="1px",
        **values,
    )


# Gradio limits the rules of `css` to inner elements.
HEAD = """<link rel="icon" href="/icon.svg"><style>
@media (max-width: 34rem) { .gradio-container > .main { padding: .6rem !important; } }
</style>"""


def css(text: Text) -> str:
    """Return the style of the page itself.

    Args:
        text: Gives a text in the page's language: Gradio has one in English only.
    """
    style = resources.files("keras_cnn.app").joinpath("studio.css").read_text(encoding="utf-8")
    return f"{style}:root {{ --camera: {json.dumps(text('Use the camera'), ensure_ascii=False)}; }}"
