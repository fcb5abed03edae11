"""Mutants of Python by mutmut's operators, in the environment that has it: `python.py FILE NAME ...` writes a
JSON list of [name, the whole file with one change]. mutmut's own runner finds no module in a layer, leaves
what has a decorator, and knows no SQL."""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import libcst as cst
from mutmut.mutation.mutators import mutation_operators

# Types and decorators are other tools' business; what is logged is no promise.
_UNTOUCHED = (cst.Annotation, cst.Decorator)
_LOGS = ("telemetry.", "_log(")


class Mutator(cst.CSTVisitor):
    """Collects what can be changed inside of the functions, and to what."""

    def __init__(self, module: cst.Module, names: list[str]) -> None:
        self.found: list[tuple[str, cst.CSTNode, cst.CSTNode]] = []
        self.met: set[str] = set()
        self._module = module
        self._names = names
        self._inside: list[str] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._inside.append(node.name.value)
            self.met.add(node.name.value)
        where = next((name for name in self._inside if name in self._names), None)
        if isinstance(node, _UNTOUCHED) or self._logs(node):
            return False
        if where:
            self.found += [(where, node, changed) for changed in _changed(node)]
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._inside.pop()

    def _logs(self, node: cst.CSTNode) -> bool:
        return isinstance(node, cst.Call) and self._module.code_for_node(node).startswith(_LOGS)


def _changed(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            # Of a string's three changes one is enough: it is another string.
            yield from islice(operator(node), 1 if kind is cst.BaseString else None)


def mutants(path: str, names: list[str]) -> Iterator[tuple[str, str]]:
    """Where something is changed in the file, and the file as it is then."""
    module = cst.parse_module(Path(path).read_text())
    mutator = Mutator(module, names)
    module.visit(mutator)
    if missing := set(names) - mutator.met:
        raise LookupError(f"{path} has no {', '.join(missing)}")
    for where, node, changed in mutator.found:
        replaced = module.deep_replace(node, changed)
        assert isinstance(replaced, cst.Module)
        yield where, replaced.code


if __name__ == "__main__":
    json.dump(list(mutants(sys.argv[1], sys.argv[2:])), sys.stdout)
