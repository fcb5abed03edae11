"""All that people write here is English, and what is not is found, wherever it hides."""

from pathlib import Path

import pytest

from infra import english
from infra.release import ROOT

OLDER = "".join(("mus", "teri"))  # the lint reads this file, too


def test_the_checkout_is_english_and_read_to_its_last_corner() -> None:
    files = set(english._files())
    assert {"Makefile", ".ci/run", "functions/dashboard/templates/page.html", "docs/queue.png"} <= files
    assert not [file for file in files if file.startswith((".git/", ".venv/"))]
    assert english.check(files) == []


def test_every_exception_is_needed() -> None:
    for path in english.EXCEPTIONS:
        assert list(english.problems(path, (ROOT / path).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sat\u0131\u015f = 1", ["'\\u0131' (LATIN SMALL LETTER DOTLESS I)", "'\\u015f' (LATIN SMALL"]),
        ("<p>M\u00fc</p>", ["'\\xfc' (LATIN SMALL LETTER U WITH DIAERESIS)"]),
        ("-- a dash \u2014 of a typesetter", ["'\\u2014' (EM DASH)"]),
        ('TITLE = "M\\u00fc"', ["'\\xfc'"]),
        ('TITLE = "M\\xFC"', ["'\\xfc'"]),
        ("<p>M&uuml; M&#252;</p>", ["'\\xfc'", "'\\xfc'"]),
        ("\x85", ["'\\x85' (U+0085)"]),
        (f"select {OLDER}_adi", [f"{OLDER} (a word of the older product)"]),
    ],
)
def test_what_is_not_english_is_told_with_its_place_and_what_to_do(line: str, told: list[str]) -> None:
    found = list(english.problems("functions/a.py", f"# plain\n{line} # \n"))
    assert len(found) == len(told)
    for problem, part in zip(found, told, strict=True):
        assert problem.startswith(f"functions/a.py:2: {part}")
        assert ": write it in English" in problem or ": use the English one" in problem


@pytest.mark.parametrize("line", ["a \\u2192 b", "&rarr; &amp;", "satisfied", "a\\x41", "\\ufffd"])
def test_signs_and_english_words_pass(line: str) -> None:
    assert list(english.problems("functions/a.html", line)) == []


def test_tests_may_spell_foreign_names_but_not_write_them() -> None:
    assert list(english.problems("tests/a.py", '"\\u0130pek"')) == []
    assert len(list(english.problems("tests/a.py", '"\u0130pek"'))) == 1


def test_a_name_of_a_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(english, "ROOT", tmp_path)
    (tmp_path / f"{OLDER}.py").write_text("")
    assert english.check([f"{OLDER}.py"]) == [
        f"{OLDER}.py:0: {OLDER} (a word of the older product): use the English one"
    ]
