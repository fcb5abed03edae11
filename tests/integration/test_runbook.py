"""The runbook: an entry for each alarm, links that lead somewhere, the switches as they are typed there."""

import re

import botocore.session
import pytest
from botocore import xform_name

from infra.release import ROOT
from tests import runbook
from tests.factories import Company, Database

ALARMS = re.findall(
    r"AlarmName: !Sub \${Stack}-(\S+)", (ROOT / "infra" / "stacks" / "monitoring.yaml").read_text()
)


def test_each_alarm_has_one_entry_and_each_entry_an_alarm() -> None:
    chapter = runbook.TEXT.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    entries = [name for line in re.findall(r"^### (.*)$", chapter, re.MULTILINE) for name in line.split(", ")]
    assert sorted(entries) == sorted(ALARMS)


def test_every_link_leads_to_a_chapter() -> None:
    headings = re.findall(r"^#{2,3} (.*)$", runbook.TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\(#(.*?)\)", runbook.TEXT)) <= anchors


@pytest.mark.parametrize("words", runbook.aws_commands(), ids=lambda words: " ".join(words[1:3]))
def test_what_only_aws_can_do_is_a_command_of_aws_with_its_options(words: list[str]) -> None:
    _, service, verb, *more = words
    session = botocore.session.get_session()
    model = session.get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if verb == "wait":
        waiters = session.get_waiter_model(service)
        awaited = {xform_name(name, "-"): waiters.get_waiter(name).operation for name in waiters.waiter_names}
        operation, more = awaited[more[0]], more[1:]
    else:
        operation = operations[verb]
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    options = {f"--{xform_name(name, '-')}" for name in shape.members} | {"--output", "--query"}
    given = {word.replace("--no-", "--") for word in more if word.startswith("--")}
    assert given - options == set()
    needed = {f"--{xform_name(name, '-')}" for name in shape.required_members}
    assert needed - given == set()


def test_the_switches_are_thrown_as_it_says(company: Company, database: Database) -> None:
    (commands,) = runbook.blocks()["Switches"]
    environment = {
        "OPERATOR_DATABASE_URL": database.url_of("operator"),
        "TENANT": "acme",
        "KEY": company.ingest_key[:16],
        "USER": "ada",
    }
    runbook.run(commands, environment)
    thrown = database.execute("select split_part(name, ':', 1) as name, value from wr.switches order by name")
    assert [(row["name"], row["value"]) for row in thrown] == [
        ("pause_fan_out", False),
        ("pause_ingestion", False),
        ("pause_key", False),
        ("pause_sign_up", False),
        ("pause_tenant", False),
    ]
