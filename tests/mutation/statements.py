"""Mutants of SQL: a table of changes, each made at one place of a function or a named statement.

It reads no grammar. What a change leaves invalid is killed by the first test that runs it.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.release import ROOT
from tests.mutation.mutant import Mutant

# As far as the next one, or the end of the clause or the line; what is in parentheses belongs to it.
_CONDITION = r"(?:\((?:[^()\n]|\([^()\n]*\))*\)|(?!\b(?:and|or|returning|order|limit|for)\b)[^\n();])*+"
# What is looked for, and what stands there instead.
CHANGES = [
    (r"(\b(?:where|and|or|on|using|check|by)\b[^=\n]*) = ", r"\1 <> "),
    (r" <> ", " = "),
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r"\band\b", "or"),
    (r"\bor\b", "and"),
    (r"\bis null", "is not null"),
    (r"\bis not null", "is null"),
    (r"\bis distinct from", "is not distinct from"),
    (r"\bnot (?=exists|is_|judged)", ""),
    (r"(?<!not )\bexists \(", "not exists ("),
    (r"\bwhen .*? then\b", "when true then"),
    (r"\bwhen .*? then\b", "when false then"),
    (r"\+ 1\b", "+ 2"),
    (r"- 1\b", "- 2"),
    (r"\+ (?=interval|make_interval)", "- "),
    (r"- (?=interval|make_interval|row_number)", "+ "),
    (r"\bmin\(", "max("),
    (r"\bgreatest\(", "least("),
    (r"\bcoalesce\(([^(),]+(?:\([^()]*\))?), [^()]+?\)", r"\1"),
    (r" desc\b", ""),
    (r"\bdistinct (?!from)", ""),
    (r"\blimit (?:1|in_limit|%\(limit\)s)", ""),
    (r"\border by [^()\n]+(?:\([^()\n]*\)[^()\n]*)*", ""),
    (r"\bpartition by [\w.]+", ""),
    (r"\bon conflict\b.* do nothing", ""),
    (r"\bfor (?:no key )?update(?: skip locked)?", ""),
    (r" skip locked", ""),
    (r"\bleft join\b", "join"),
    (r"\bas materialized\b", "as"),
    (r"'pending'", "'processed'"),
    (r"'excluded'", "'pending'"),
    (r"'failed'", "'pending'"),
    # A statement, an assignment, a condition less.
    (r"^ *(?:perform|call|raise|revoke|execute) [^;]*;\n", ""),
    (r"^ *\w+ = [^\n]*,\n", ""),
    (rf"\b(?:and|or) {_CONDITION}", ""),
    (rf"\bwhere {_CONDITION}(?!\s*\b(?:and|or)\b)", ""),
    (rf"\bwhere {_CONDITION}\s*\b(?:and|or)\b", "where"),
    # Whose rights it has, and whose rows it sees.
    (r", true\)", ", false)"),
    (r"\bsecurity definer\b", "security invoker"),
    (r"^ *set search_path = .*\n", ""),
    (r"\b(force|enable) row level security", r"no \1 row level security"),
    (r"with check \((?!true).*\)", "with check (true)"),
    (r"using \((?!true).*\)", "using (true)"),
]

_COMMENT = re.compile(r"--.*")


def mutants(path: str, names: Sequence[str]) -> Iterator[Mutant]:
    """Every mutant of the functions, the named statements, or the statements that begin with these words."""
    text = Path(ROOT, path).read_text()
    comments = [found.span() for found in _COMMENT.finditer(text)]
    for name in names:
        for piece in _pieces(text, name):
            for pattern, replacement in CHANGES:
                for found in re.compile(pattern, re.MULTILINE).finditer(text, *piece.span()):
                    if not any(start < found.end() and found.start() < stop for start, stop in comments):
                        changed = text[: found.start()] + found.expand(replacement) + text[found.end() :]
                        yield Mutant(path, name, text, changed)


def _pieces(text: str, name: str) -> list[re.Match[str]]:
    """From the margin to a semicolon that the margin follows."""
    beginning = rf"^(?:create (?:function|procedure) wr\.{name}\(|-- {name}: |{name} )"
    pieces = list(re.finditer(rf"{beginning}.*?;\n(?=\n*\S|\Z)", text, re.MULTILINE | re.DOTALL))
    if not pieces:
        raise LookupError(f"there is no {name}")
    return pieces
