"""The clock: moved on, so that everything the database knows happened days earlier; or waited for."""

import time
from datetime import datetime

import psycopg
from psycopg import sql

from tests.factories import Database

_MOMENTS = """
    select table_name, array_agg(column_name::text)
    from information_schema.columns
    where table_schema = 'wr' and data_type = 'timestamp with time zone' and is_generated = 'NEVER'
      -- What others told us of their own time stays what they told.
      and column_name not in ('occurred_at', 'applied_at')
    group by table_name
"""


def pass_days(database: Database, days: int) -> None:
    """Moves all moments back, and the days of boards with them, which are those of UTC here."""
    with psycopg.connect(database.superuser_url) as conn:
        # No trigger says that this touched anything.
        conn.execute("set session_replication_role = replica")
        for table, columns in conn.execute(_MOMENTS).fetchall():
            earlier = sql.SQL("{0} = {0} - make_interval(days => {1})")
            changes = [earlier.format(sql.Identifier(column), days) for column in columns]
            conn.execute(
                sql.SQL("update {} set {}").format(sql.Identifier("wr", table), sql.SQL(", ").join(changes))
            )
        # By way of days that no board has: a day must not meet another on its way.
        conn.execute("update wr.board_days set day = day + 100000")
        conn.execute("update wr.board_days set day = day - 100000 - %s", [days])
        conn.execute("delete from wr.board_months")
        conn.execute(
            "insert into wr.board_months (tenant_id, month, seller_id, currency, wins, revenue, margin)"
            " select tenant_id, date_trunc('month', day::timestamp)::date, seller_id, currency,"
            " sum(wins), sum(revenue), sum(margin) from wr.board_days group by 1, 2, 3, 4"
        )


def stop_at(database: Database, table: str, column: str, moment: datetime) -> None:
    """All rows of a table tell the same moment."""
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("set session_replication_role = replica")
        conn.execute(
            sql.SQL("update {} set {} = %s").format(sql.Identifier("wr", table), sql.Identifier(column)),
            [moment],
        )


def stay_in_a_minute() -> None:
    """Waits for the next minute where this one is about to end: what is counted by the minute is counted anew
    there."""
    left = 60 - time.time() % 60
    if left < 5:
        time.sleep(left)
