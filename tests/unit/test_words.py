"""Every word of the pages stands in words.py: templates have none of their own, and each word is used."""

import re
from pathlib import Path

import pytest

from functions.dashboard import words
from infra.release import ROOT

DASHBOARD = ROOT / "functions" / "dashboard"
TEMPLATES = sorted((DASHBOARD / "templates").glob("*.html"))
# What is the same in every language: an example of a command, and a name in it.
_COMMAND = re.compile(r"<pre.*?</pre>", re.DOTALL)
_JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
_MARKUP = re.compile(r"<[^>]*>|&\w+;", re.DOTALL)
# Macros write some outside of a tag.
_ATTRIBUTE = re.compile(r'[a-z-]+="[^"]*"')
_SAID = re.compile(r'\b(?:alt|aria-label|placeholder|title)="(?!{{)[^"]*[A-Za-z]')


def own_words(template: str) -> list[str]:
    """What a template says by itself."""
    text = _ATTRIBUTE.sub(" ", _MARKUP.sub(" ", _JINJA.sub(" ", _COMMAND.sub(" ", template))))
    return [*re.findall(r"[A-Za-z]{2,}", text.replace("UTC", "")), *_SAID.findall(template)]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_a_template_has_no_words_of_its_own(file: Path) -> None:
    assert own_words(file.read_text(encoding="ascii")) == []


@pytest.mark.parametrize(
    "template",
    ["<p>Hello</p>", '<a title="Go there">{{ x }}</a>', "{% if x %}Yes{% endif %}", '<img alt="a cat">'],
)
def test_a_template_with_words_is_found(template: str) -> None:
    assert own_words(template) != []


def test_every_word_is_used() -> None:
    files = [*TEMPLATES, *DASHBOARD.glob("*.py")]
    source = "\n".join(file.read_text(encoding="ascii") for file in files)
    unused = {name for name in vars(words) if name.isupper() and f"words.{name}" not in source}
    assert unused == set()


def test_every_notice_is_told() -> None:
    modules = [file for file in DASHBOARD.glob("*.py") if file.name != "words.py"]
    source = "\n".join(file.read_text(encoding="ascii") for file in [*modules, *TEMPLATES])
    told = {name for name in words.NOTICES if f'"{name}"' in source or f"NOTICES.{name}" in source}
    assert words.NOTICES.keys() - told == set()
