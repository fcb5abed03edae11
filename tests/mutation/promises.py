"""Where each promise is kept, and which tests have to notice when it is not."""

from dataclasses import dataclass

from infra.release import ROOT

_LAYER = "layers/winroom/winroom/"
_MIGRATIONS = f"{_LAYER}migrations/"
_SQL = f"{_LAYER}sql/"


@dataclass(frozen=True)
class Place:
    path: str
    # Functions and classes; of SQL functions as defined last, named statements, the first words of others.
    names: str
    # Those that kill most of its mutants first.
    test_names: str

    @property
    def tests(self) -> list[str]:
        """The files of its tests, from the root."""
        return [
            file.relative_to(ROOT).as_posix()
            for name in self.test_names.split()
            for file in ROOT.glob(f"tests/*/test_{name}.py")
        ]


PROMISES = {
    "tenancy": [
        Place(
            f"{_LAYER}db.py",
            "tenant_session tenant_batch tenant_statement open_session jobs_session _begun _pipelined"
            " _check _returned _abandon _connection _checked_out _has_idled _is_dead _tried_again _was_lost"
            " _translated",
            "db ingestion_database maintenance resolvers",
        ),
        Place(f"{_LAYER}db.py", "enter", "verify"),
        Place(
            f"{_MIGRATIONS}0001_foundation.sql",
            "enter_tenant current_tenant protect revoke",
            "db schema_guards isolation_matrix",
        ),
        Place(f"{_MIGRATIONS}0002_tenants.sql", "call revoke", "schema_guards isolation_matrix"),
        Place(f"{_MIGRATIONS}0003_sales.sql", "call", "schema_guards isolation_matrix"),
        Place(f"{_MIGRATIONS}0004_room.sql", "call", "schema_guards isolation_matrix"),
        Place(f"{_MIGRATIONS}0008_boards.sql", "call revoke", "schema_guards isolation_matrix"),
        Place(f"{_MIGRATIONS}0009_imports.sql", "call revoke", "schema_guards isolation_matrix"),
        Place(
            f"{_MIGRATIONS}0005_doors.sql",
            "resolve_connection forget_connection revoke",
            "resolvers schema_guards",
        ),
        Place(
            f"{_MIGRATIONS}0006_people.sql",
            "resolve_api_key resolve_login resolve_session resolve_display revoke",
            "resolvers schema_guards sessions",
        ),
        Place(f"{_MIGRATIONS}0011_catalogue.sql", "redeem_ticket revoke", "resolvers schema_guards"),
        Place(f"{_MIGRATIONS}0015_switches.sql", "unwelcome_connections revoke", "resolvers schema_guards"),
    ],
    "idempotency": [
        Place(
            f"{_LAYER}sales.py",
            "row rows content_hash _hash_without fingerprint entered_by _a_blank_moment_is_now is_new"
            " compare",
            "ingestion_repeats manual_sales ingestion",
        ),
        Place(
            f"{_LAYER}sales.py",
            "record postpone quarantine record_lost",
            "processor ingestion_away imports",
        ),
        Place(
            f"{_LAYER}reception.py",
            "receive_one receive record accepted _recorded _known _keep _send _send_whole _message",
            "ingestion ingestion_repeats manual_sales ingestion_away ingestion_database",
        ),
        Place(
            "functions/ingestion/app.py",
            "receive receive_batch _refused _accepted_item _conflict",
            "ingestion_repeats ingestion",
        ),
        Place(
            f"{_MIGRATIONS}0019_hot_paths.sql",
            "record_sales receive_sales",
            "ingestion_repeats ingestion ingestion_database",
        ),
        Place(f"{_MIGRATIONS}0018_enqueue.sql", "enqueue", "processor retention metrics"),
        Place(f"{_SQL}sales.sql", "compare", "ingestion_repeats ingestion ingestion_database retention"),
        Place(f"{_SQL}sales.sql", "postpone quarantine record_lost", "processor failed_events retention"),
    ],
    "limit": [
        Place(
            f"{_LAYER}rate_limit.py",
            "kind count count_alone headers exhausted_headers _headers",
            "rate_limit api ingestion ingestion_away",
        ),
        Place(f"{_MIGRATIONS}0005_doors.sql", "count_request", "resolvers ingestion"),
        Place(f"{_MIGRATIONS}0006_people.sql", "count_attempt forgive_attempt", "sessions sign_up"),
    ],
    "numbering": [
        Place(
            f"{_LAYER}room.py",
            "publish seq ask_seq seq_of waiting missed mark_posted touch_presence note_presence take_presence"
            " Messages _message _packed",
            "room room_fanout room_sockets",
        ),
        Place(
            "functions/broadcaster/fanout.py",
            "handler _catch_up _leave _first _next _settle _frames",
            "room_fanout",
        ),
        Place(
            f"{_SQL}room.sql",
            "publish seq after mark_posted touch_presence take_presence",
            "room_fanout room_sockets",
        ),
    ],
}
