"""The end of a company: it is stopped, its rows are read for the last time, and every one is deleted. Which
tables there are the catalogue says: none that is added later can be forgotten. The operator's business."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from uuid import UUID

from psycopg import sql

from winroom import callers, queries
from winroom.db import Connection, Row, only

# Rows of one transaction: sales of others wait for none of its locks, but vacuum and replicas do.
AT_ONCE = 5000
# Rows of one round trip: a part of an import is a row, too, and as large as a hundred sales.
_FETCHED = 1000
# Seconds after which nobody takes what was revoked for live, unless the database is away, and the sweeper has
# closed the sockets.
SETTLED_AFTER = callers.REMEMBERED_FOR + 5
# What opens doors is of no use to who leaves: hashes of passwords, keys, links and tickets.
SECRETS = {"users.password_hash", "api_keys.key_hash", "displays.link_hash", "tickets.ticket_hash"}

_SQL = queries.load("offboarding")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with rows of companies, as the catalogue describes it."""

    name: str
    columns: Sequence[str]
    key: Sequence[str]
    # The tables that its rows point to.
    parents: Sequence[str]

    @property
    def shown(self) -> list[str]:
        """The columns that leave with the company."""
        return [column for column in self.columns if f"{self.name}.{column}" not in SECRETS]


def tables(conn: Connection) -> list[Table]:
    """Every table that has rows of companies, by name."""
    return [Table(**row) for row in conn.execute(_SQL["tables"])]


def schema_version(conn: Connection) -> str:
    """The newest migration of the database."""
    return str(only(conn.execute(_SQL["schema_version"]))["version"])


def find(conn: Connection, slug: str) -> Row | None:
    """`tenant_id`, `slug`, `name` of a company, and how far its end has come: `stage`, None while it goes
    on."""
    return conn.execute(_SQL["stage"], {"slug": slug}).fetchone()


def rows(conn: Connection, table: Table, tenant_id: UUID) -> Iterator[str]:
    """The company's rows of a table as lines of JSON, in the order of their key; never all in memory."""
    statement = sql.SQL(
        "select row_to_json(shown)::text as line"
        " from (select {columns} from {table} where tenant_id = %s order by {key}) shown"
    ).format(columns=_names(table.shown), table=_of(table), key=_names(table.key))
    with conn.cursor(name="rows") as cursor:
        cursor.itersize = _FETCHED
        for row in cursor.execute(statement, [tenant_id]):
            yield row["line"]


def stop(conn: Connection, tenant_id: UUID) -> float:
    """Ends every way into the company; returns for how many seconds there has been none.

    Before SETTLED_AFTER somebody may still be inside, and may open another: do it again then.
    """
    for what in ("mark_stopped", "revoke_keys", "disable_people", "revoke_displays", "forget_tickets"):
        conn.execute(_SQL[what], {"tenant_id": tenant_id})
    return float(only(conn.execute(_SQL["stopped_for"], {"tenant_id": tenant_id}))["seconds"])


def begin(conn: Connection, tenant_id: UUID) -> None:
    """Notes that rows are going: what is exported from now on is not the whole company."""
    conn.execute(_SQL["mark_deleting"], {"tenant_id": tenant_id})


def in_bulk(known: Sequence[Table]) -> list[Table]:
    """The tables that no other points to: all that grows with every sale."""
    pointed_to = {parent for table in known for parent in table.parents}
    return [table for table in known if table.name not in pointed_to]


def delete_some(conn: Connection, table: Table, tenant_id: UUID) -> int:
    """Deletes up to AT_ONCE rows of a table, and returns how many. Commit after each."""
    statement = sql.SQL(
        "delete from {table} where ctid = any (array(select ctid from {table} where tenant_id = %s limit %s))"
    ).format(table=_of(table))
    return conn.execute(statement, [tenant_id, AT_ONCE]).rowcount


def delete_rest(conn: Connection, known: Sequence[Table], tenant_id: UUID) -> dict[str, int]:
    """Deletes all that is left, the company itself included; returns how many rows, by table.

    Until the commit nobody can add a row that points to the company, and then there is none to point to. Ask
    `counts` before it.
    """
    conn.execute(_SQL["hold"], {"tenant_id": tenant_id})
    deleted = {}
    for table in _children_first(known):
        statement = sql.SQL("delete from {} where tenant_id = %s").format(_of(table))
        deleted[table.name] = conn.execute(statement, [tenant_id]).rowcount
    return deleted


def counts(conn: Connection, known: Sequence[Table], tenant_id: UUID) -> dict[str, int]:
    """How many rows a company has, by table."""
    statement = sql.SQL("select count(*) as number from {} where tenant_id = %s")
    return {
        table.name: only(conn.execute(statement.format(_of(table)), [tenant_id]))["number"] for table in known
    }


def _children_first(known: Sequence[Table]) -> list[Table]:
    """What points comes before what it points to."""
    order: TopologicalSorter[str] = TopologicalSorter({table.name: () for table in known})
    for table in known:
        for parent in table.parents:
            order.add(parent, table.name)
    by_name = {table.name: table for table in known}
    return [by_name[name] for name in order.static_order()]


def _of(table: Table) -> sql.Identifier:
    return sql.Identifier("wr", table.name)


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
