"""Each notation shows the very characters of a name, and nothing comes of them."""

import html
import re

import mistune
import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from mineral_lib import notation
from mineral_lib.notation import caption, code, isolated, line, markdown

NAMES = ["a|b `c` *d* _e_ f_g $x$ ~~y~~", "<script>alert(1)</script>", "&amp; & &lt &#35;", "[x](y)", "![x][y]", "# C#"]
NAMES += ["Rock #", "- a", "-", "---", "+ b", "1. x", "1) y", "> q", "a\\b\\", "\\|", "__init__", "$$x$$", "*", "==m=="]
NAMES += ["^s^", "~s~", "[^1]", "===", "```", "\\(x\\)", "<!-- c -->", "_a_b_", "2**3", "x<y>z", "`", "``", "a\\*b"]
PLACES = {"cell": "| h |\n| --- |\n| {} |\n", "bullet": "- {}\n", "heading": "# {}\n", "quotation": "> {}\n"}
PLUGINS = ["table", "strikethrough", "math", "footnotes", "mark", "superscript", "subscript", "insert"]
STRUCTURE = {"table", "thead", "tbody", "tr", "th", "td", "ul", "li", "h1", "blockquote", "p"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_the_name(name, place):
    page = mistune.create_markdown(escape=False, plugins=PLUGINS)(PLACES[place].format(markdown(name)))
    assert set(re.findall(r"<(\w+)", page)) <= STRUCTURE
    assert name in html.unescape(re.sub("<[^>]+>", "", page))


@pytest.mark.parametrize("name", ["a`b", "`a", "``", "plain", "^(?P<specimen>[^_|]+)_"])
def test_code_shows_the_name(name):
    page = mistune.create_markdown(escape=False)(f"x {code(name)} y")
    assert html.unescape(re.search("<code>(.*)</code>", page)[1]) == name


def test_a_line_stays_one_line_in_one_direction():
    assert line("new\nline\x1b[31m\u202e") == isolated("new\\nline\\x1b[31m\\u202e") == "new\\nline\\x1b[31m\\u202e"
    assert line("בדולח") == "\u2068בדולח\u2069" and line("石英 é") == "石英 é"
    assert line("می\u200cخواهم") == "\u2068می\u200cخواهم\u2069"  # a joiner is spelling


def test_captions_are_short_and_keep_both_ends():
    assert caption("quartz") == "quartz" and caption("x" * 120, 20) == "x" * 10 + "…" + "x" * 9
    wide, marked = caption("翡翠" * 60, 20), caption("e\u0301" * 120, 20)
    assert wide == "翡翠翡翠翡…翡翠翡翠" and marked.startswith("e\u0301" * 10 + "…e") and len(marked) == 39
    assert caption("a\nb") == "a\\nb" and caption("ב" * 99, 20).startswith("\u2068")


def test_pages_write_what_is_filled_in_in_their_notation(monkeypatch, tmp_path):
    texts = {
        "p.md.j2": "{{ a }} {{ a|twice }} {{ n }}",
        "p.html.j2": "{% macro b(x) %}<b>{{ x }}</b>{% endmacro %}{{ b(a) }}{{ m }}",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(notation, "files", lambda room: tmp_path)
    assert notation.template("r", "p.md", twice=lambda a: Markup(a * 2)).render(a="*", n=1) == r"\* ** 1"
    assert notation.template("r", "p.html").render(a="<b>\n", n=1, m=Markup("<i>")) == r"<b>&lt;b&gt;\n</b><i>"
    with pytest.raises(UndefinedError):
        notation.template("r", "p.html").render(n=1)
