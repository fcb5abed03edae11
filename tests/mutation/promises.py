"""Where each promise is kept, and which tests have to notice when it is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LAYER = "layers/winroom/winroom/"
_MIGRATIONS = f"{_LAYER}migrations/"
_SQL = f"{_LAYER}sql/"


@dataclass(frozen=True)
class Promise:
    # Names of functions and classes, by their files.
    python: Mapping[str, str]
    # How statements begin, by their files: functions where they were defined last, for instance.
    sql: Mapping[str, Sequence[str]]
    # The quick ones first.
    tests: Sequence[str]


def _functions(names: str) -> list[str]:
    return [f"create function wr.{name}(" for name in names.split()]


def _named(names: str) -> list[str]:
    return [f"-- {name}: " for name in names.split()]


def _integration(names: str) -> list[str]:
    return [f"tests/integration/test_{name}.py" for name in names.split()]


_PROTECT = "call wr.protect("

PROMISES = {
    "tenancy": Promise(
        python={
            f"{_LAYER}db.py": (
                "tenant_session tenant_batch tenant_statement open_session jobs_session enter _begun"
                " _pipelined _check _returned _abandon _connection _checked_out _has_idled _is_dead"
                " _tried_again _was_lost _translated"
            )
        },
        sql={
            f"{_MIGRATIONS}0001_foundation.sql": [
                *_functions("enter_tenant current_tenant"),
                "create procedure wr.protect(",
                "revoke ",
            ],
            f"{_MIGRATIONS}0002_tenants.sql": [_PROTECT, "revoke "],
            f"{_MIGRATIONS}0003_sales.sql": [_PROTECT],
            f"{_MIGRATIONS}0004_room.sql": [_PROTECT],
            f"{_MIGRATIONS}0005_doors.sql": [*_functions("resolve_connection forget_connection"), "revoke "],
            f"{_MIGRATIONS}0006_people.sql": [
                *_functions("resolve_api_key resolve_login resolve_session resolve_display"),
                "revoke ",
            ],
            f"{_MIGRATIONS}0008_boards.sql": [_PROTECT, "revoke "],
            f"{_MIGRATIONS}0009_imports.sql": [_PROTECT, "revoke "],
            f"{_MIGRATIONS}0011_catalogue.sql": [*_functions("redeem_ticket"), "revoke "],
            f"{_MIGRATIONS}0015_switches.sql": [*_functions("unwelcome_connections"), "revoke "],
            f"{_MIGRATIONS}0018_enqueue.sql": ["revoke "],
            f"{_MIGRATIONS}0019_hot_paths.sql": ["revoke "],
        },
        tests=_integration(
            "schema_guards db resolvers isolation_matrix sessions room_sockets ingestion_database"
        ),
    ),
    "idempotency": Promise(
        python={
            f"{_LAYER}sales.py": (
                "row content_hash _hash_without fingerprint entered_by _a_blank_moment_is_now is_new record"
                " compare rows postpone quarantine record_lost record_unrecorded"
            ),
            f"{_LAYER}reception.py": (
                "receive_one receive record accepted _recorded _known _keep _send _send_whole _message"
            ),
            "functions/ingestion/app.py": "receive receive_batch _refused _accepted_item _conflict",
        },
        sql={
            f"{_MIGRATIONS}0019_hot_paths.sql": _functions("record_sales receive_sales"),
            f"{_MIGRATIONS}0018_enqueue.sql": _functions("enqueue"),
            f"{_SQL}sales.sql": _named("compare postpone quarantine record_lost"),
        },
        tests=_integration(
            "ingestion ingestion_repeats processor manual_sales ingestion_database ingestion_away"
        ),
    ),
    "limit": Promise(
        python={f"{_LAYER}rate_limit.py": "kind count count_alone headers exhausted_headers _headers"},
        sql={
            f"{_MIGRATIONS}0005_doors.sql": _functions("count_request"),
            f"{_MIGRATIONS}0006_people.sql": _functions("count_attempt forgive_attempt"),
        },
        tests=_integration("resolvers api ingestion sessions ingestion_away"),
    ),
    "numbering": Promise(
        python={
            f"{_LAYER}room.py": (
                "publish seq ask_seq seq_of waiting missed mark_posted touch_presence note_presence"
                " take_presence Messages _message _packed"
            ),
            "functions/broadcaster/fanout.py": "handler _catch_up _leave _first _next _settle _frames",
        },
        sql={f"{_SQL}room.sql": _named("publish seq after mark_posted touch_presence take_presence")},
        tests=["tests/unit/test_room.py", *_integration("room_fanout room_sockets")],
    ),
}
