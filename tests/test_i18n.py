"""Texts in English and Chinese."""

import ast
import gettext
import io
import json
import re
import subprocess
import sys
import threading

import catalogue
import pytest
from report_inputs import FACTS, HISTORY, Page, random_answers

from keras_cnn import cli, columns, i18n, report
from keras_cnn.help_texts import wrapped
from keras_cnn.i18n import FIELD, N_, _, ngettext, translated, using

VERDICT = (
    "It has learned: 171 of 240 test pictures right, accuracy 0.713; the 95 % interval 0.652–0.766 "
    "lies above the 0.500 of always answering “kaishu”."
)


@pytest.fixture(scope="module")
def texts():
    return {(message.context, message.id): message for message in catalogue.read() if message.id}


def _both(message):
    """Return (English, Chinese) of a message: of a plural, its last form."""
    if isinstance(message.id, tuple):
        return message.id[-1], message.string[0]
    return message.id, message.string


def test_catalogue_holds_the_texts_of_the_code(texts):
    collected = {(message.context, message.id) for message in catalogue.collect() if message.id}
    assert not collected - set(texts), "run tests/helpers/catalogue.py and translate the new texts"
    assert not set(texts) - collected, "run tests/helpers/catalogue.py: these texts are gone"


def test_every_text_is_translated(texts):
    assert [key for key, message in texts.items() if not _both(message)[1] or message.fuzzy] == []


def test_translations_have_the_fields_of_the_text(texts):
    pairs = map(_both, texts.values())
    wrong = [pair for pair in pairs if catalogue.fields(pair[0]) != catalogue.fields(pair[1])]
    assert wrong == []


def test_compiled_catalogue_is_up_to_date():
    contents = catalogue.PO.with_suffix(".mo").read_bytes(), catalogue.compiled()
    shipped, anew = (gettext.GNUTranslations(io.BytesIO(each))._catalog for each in contents)
    assert shipped | {"": ""} == anew | {"": ""}  # its head depends on the version of Babel


def _filled(text):
    """Return a text with a value in each field."""
    return FIELD.sub(lambda field: "12.5" if field[3] else f"<{field[1]}>", text)


def test_a_sentence_finds_its_own_template(texts):
    pairs = [_both(message) for message in texts.values() if message.context == i18n.SENTENCE]
    with using("zh"):
        wrong = [
            (english, found)
            for english, chinese in pairs
            if (found := translated(_filled(english))) != _filled(chinese)
        ]
    assert wrong == []


def test_stored_sentence_is_shown_in_chinese():
    assert translated(VERDICT) == VERDICT
    with using("zh"):
        assert translated(VERDICT + "\n运行 17 of my own") == (
            "学习有效：240 张测试图片答对 171 张，准确率 0.713；95% 置信区间 0.652–0.766 "
            "高于始终回答“kaishu”的基线 0.500。\n运行 17 of my own"
        )


def test_names_of_the_user_are_not_translated():
    with using("zh"):
        assert "“none”" in translated(VERDICT.replace("kaishu", "none"))


def test_plural():
    forms = [ngettext("{number} mistake", "{number} mistakes", number) for number in (1, 2)]
    assert forms == ["{number} mistake", "{number} mistakes"]
    with using("zh"):
        assert ngettext(*forms, 1) == ngettext(*forms, 2) == "{number} 处错误"


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "KERAS_CNN_LANG": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "KERAS_CNN_LANG": "zh"}, "zh"),
        ({}, "en"),
    ],
)
def test_language_of_the_environment(variables, language, monkeypatch):
    for name in ("KERAS_CNN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert i18n.language() == language


def test_threads_have_a_language_of_their_own():
    seen = []
    with using("zh"):
        thread = threading.Thread(target=lambda: seen.append(_("accuracy")))
        thread.start()
        thread.join()
        assert [*seen, _("accuracy")] == ["accuracy", "准确率"]


def test_marks_keep_the_text():
    assert N_("accuracy") == "accuracy"


def test_fields_are_named_after_their_values():
    text = "f\"{len(paths):,} of {row['folder']} and {self.path!r} in {size:>8} {len(paths):,}\""
    assert catalogue.template(ast.parse(text, mode="eval").body) == (
        "{paths:,} of {folder} and {path} in {size} {paths:,}"
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return the folders of one report in English and in Chinese."""
    y_true, y_score = random_answers(60, 3, seed=1)
    inputs = {"y_true": y_true, "y_score": y_score, "class_names": ["山", "水", "cat"]}
    inputs |= {"filepaths": [f"test/{k}.png" for k in range(60)], "history": HISTORY}
    notes = ["The network was trained on 8 pictures by a friend of mine."]
    facts = FACTS | {"name": "tiny", "notes": notes, "skipped": {"a.png": "broken"}}
    facts |= {"synthetic": True, "interrupted": True, "batches": "float32, because of me"}
    folders = {}
    for language in ("en", "zh"):
        folders[language] = tmp_path_factory.mktemp("reports") / language / "tiny"
        with using(language):
            report.classification(
                folders[language], facts=facts, groups={"unseen groups": y_true > 0}, **inputs
            )
    return folders


def test_report_json_is_english_in_both_languages(both):
    contents = [folder.joinpath("report.json").read_text("utf-8") for folder in both.values()]
    assert contents[0] == contents[1] and "test pictures right" in contents[0]


def test_chinese_page_has_no_english_sentence(both):
    page = both["zh"].joinpath("report.html").read_text("utf-8")
    notes = json.loads(both["zh"].joinpath("report.json").read_text("utf-8"))["notes"]
    assert '<html lang="zh">' in page and "期望校准误差" in page and "训练中未见过的组" in page
    own = [notes[-1], "float32, because of me"]  # of the user
    english = r"[A-Za-z][A-Za-z'-]*"
    for text in Page(page).text:
        if text.strip() not in own and "{" not in text:  # "{": the style
            assert not re.search(rf"({english}[ ,;:]+){{3}}{english}", text), text


def test_english_page_has_no_chinese_text_but_names(both):
    page = both["en"].joinpath("report.html").read_text("utf-8")
    assert set(re.findall("[\u4e00-\u9fff]", page)) == {"山", "水"}


def _wide(text):
    return re.search("[\u4e00-\u9fff]", text)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_option_of_a_command_has_chinese_help(name):
    parser = cli._command_parser(name, cli.COMMANDS[name][0])
    formatter = parser._get_formatter()
    with using("zh"):
        texts = {
            action.dest: formatter._get_help_string(action)
            for action in parser._actions
            if action.help
        }
        page = parser.format_help()
    assert [name for name, text in texts.items() if not _wide(text) and text] == []
    assert "用法：" in page and not re.search(r"^[A-Z][a-z]+ [a-z]+ [a-z]+ ", page, re.MULTILINE)


def test_lang_comes_before_or_after_the_command(capsys):
    for words in (["--lang", "zh", "models", "--help"], ["models", "--help", "--lang=zh"]):
        with pytest.raises(SystemExit):
            cli.main(words)
        assert "选项" in capsys.readouterr().out and i18n.language() == "en"


def test_error_is_shown_in_chinese(capsys, tmp_path):
    assert cli.main(["check", str(tmp_path / "none"), "--lang", "zh"]) == 2
    assert capsys.readouterr().err.startswith("错误：")


@pytest.mark.parametrize("width", range(14, 30))
def test_a_chinese_line_breaks_between_characters(width):
    text = "网络读取（default）图片。" * 3
    lines = wrapped(text, width)
    assert "".join(lines) == text and max(map(columns.width, lines)) <= width + 2
    assert not any(line.startswith("。") or line.endswith("（") for line in lines)


def test_import_of_the_package_reads_no_catalogue():
    code = "import sys, keras_cnn.options, keras_cnn.cli, keras_cnn.i18n as i; "
    code += "assert not i._catalogue.cache_info().currsize"
    subprocess.run([sys.executable, "-c", code], check=True)
