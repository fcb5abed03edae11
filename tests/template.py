"""Templates as CloudFormation gets them: expanded by SAM, conditions decided for a set of parameters."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.release import ROOT

Json = dict[str, Any]

STACKS = ROOT / "infra" / "stacks"
OWN_DATABASE = {
    "OwnerDatabaseUrl": "postgresql://owner:secret@db.example.com/winroom?sslmode=require",
    "DatabaseAddress": "db.example.com:5432/winroom?sslmode=verify-full",
}
NO_VALUE = {"Ref": "AWS::NoValue"}


def read(path: Path) -> Json:
    template: Json = yaml_parse(path.read_text())
    return template


def expanded(**parameters: str) -> Json:
    """The application's template without a trace of SAM."""
    template = read(ROOT / "template.yaml")
    for resource in template["Resources"].values():
        for key in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][key] = "s3://bucket/key"
    translator = Translator({}, Parser(), {}, boto3.Session(region_name="us-east-1"))
    done: Json = translator.translate(template, {"Release": "0" * 64, "Deployment": "1" * 64, **parameters})
    return done


def decided(template: Json, parameters: dict[str, str]) -> Json:
    """The template with only what exists for these parameters: no conditions any more."""
    values = {name: str(p.get("Default", "")) for name, p in template["Parameters"].items()} | parameters
    truths = _Truths(template.get("Conditions", {}), values)
    kept = {k: v for k, v in template["Resources"].items() if truths[v.get("Condition", "")]}
    outputs = {k: v for k, v in template.get("Outputs", {}).items() if truths[v.get("Condition", "")]}
    return {
        **{k: v for k, v in template.items() if k not in ("Conditions", "Rules")},
        "Resources": _chosen(kept, truths),
        "Outputs": _chosen(outputs, truths),
    }


def dangling(template: Json) -> set[str]:
    """What a decided template refers to and does not have."""
    there = {*template["Resources"], *template["Parameters"]}
    return {name for name in named(template["Resources"]) | named(template["Outputs"]) if name not in there}


class _Truths:
    def __init__(self, conditions: Json, values: dict[str, str]) -> None:
        self._conditions, self._values = conditions, values

    def __getitem__(self, name: str) -> bool:
        return not name or self._holds(self._conditions[name])

    def _holds(self, condition: Json) -> bool:
        ((function, of),) = condition.items()
        match function:
            case "Condition":
                return self[of]
            case "Fn::Not":
                return not self._holds(of[0])
            case "Fn::And":
                return all(self._holds(each) for each in of)
            case "Fn::Or":
                return any(self._holds(each) for each in of)
            case "Fn::Equals":
                left, right = (self._values[v["Ref"]] if isinstance(v, dict) else v for v in of)
                return bool(left == right)
        raise NotImplementedError(function)


def _chosen(value: Any, truths: _Truths) -> Any:
    if isinstance(value, list):
        return [chosen for v in value if (chosen := _chosen(v, truths)) != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        condition, yes, no = value["Fn::If"]
        return _chosen(yes if truths[condition] else no, truths)
    kept = {k: _chosen(v, truths) for k, v in value.items() if k != "Condition" or not isinstance(v, str)}
    return {k: v for k, v in kept.items() if v != NO_VALUE}


def named(value: Any) -> set[str]:
    """Every logical id that an expression refers to, those of AWS aside."""
    return {name for name in _references(value) if not name.startswith("AWS::")}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        for key, of in value.items():
            if key == "Ref":
                yield of
            elif key == "Fn::GetAtt":
                yield of[0] if isinstance(of, list) else of.partition(".")[0]
            elif key == "Fn::Sub":
                text, own = (of, {}) if isinstance(of, str) else of
                yield from (n.partition(".")[0] for n in re.findall(r"\${([^}!]+)}", text) if n not in own)
                yield from _references(own)
            elif key == "DependsOn":
                yield from [of] if isinstance(of, str) else of
            else:
                yield from _references(of)
