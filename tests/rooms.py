"""Rooms as tests want them: messages in the log, people, and who is listening."""

from typing import Any
from uuid import UUID

from tests.factories import Company
from winroom import db, room, users


def publish(company: Company, number: int = 1, **data: Any) -> int:
    """Writes messages to the room's log as a claim does; returns the last number."""
    seq = 0
    for n in range(number):
        with db.tenant_session(company.tenant_id) as conn:
            payload = {"saleId": f"sale-{n}", "sellPrice": "10.00", "margin": "4.00", **data}
            seq = room.publish(conn, "queue.created", f"sale-{n}", "test", payload)
    return seq


def fill(company: Company, number: int) -> None:
    """Writes many messages at once."""
    company.database.execute(
        """with room as (update wr.rooms set seq = seq + %s where tenant_id = %s returning seq)
        insert into wr.events (tenant_id, seq, type, sale_id, actor, payload)
        select %s, n, 'queue.created', 'sale-' || n, 'test', '{"margin": "1.00"}'
        from room, generate_series(room.seq - %s + 1, room.seq) n""",
        number,
        company.tenant_id,
        company.tenant_id,
        number,
    )


def listening(company: Company) -> dict[str, bool]:
    rows = company.rows("select connection_id, is_ready from wr.connections")
    return {row["connection_id"]: row["is_ready"] for row in rows}


def person(company: Company) -> UUID:
    with company.database.operator() as conn:
        row = users.create(conn, company.tenant_id, "a@b.example", "Anna", "seller", "secret")
    user_id: UUID = row["id"]
    return user_id


def calm(company: Company) -> None:
    """The room was last told of its viewers ten seconds ago."""
    company.database.execute(
        "update wr.rooms set presence_changed_at = now() - interval '10 seconds',"
        " presence_posted_at = now() - interval '10 seconds' where tenant_id = %s",
        company.tenant_id,
    )
