"""A lock that is not had ends in PostgreSQL, as an answer, before we hang up: audited, and told."""

import re

from infra.release import ROOT


def test_every_door_waits_longer_than_a_statement_waits_for_a_lock() -> None:
    roles = (ROOT / "layers/winroom/winroom/roles.sql").read_text()
    (lock_timeout,) = re.findall(r"winroom_app set lock_timeout = '(\d+)s'", roles)
    patience = re.findall(r'DATABASE_PATIENCE: "([\d.]+)"', (ROOT / "template.yaml").read_text())
    assert len(patience) >= 3
    assert min(float(seconds) for seconds in patience) > float(lock_timeout)
